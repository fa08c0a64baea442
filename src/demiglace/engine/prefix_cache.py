"""KV cache of a chat's last prompt, so that the next turn computes only its new tokens."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from demiglace.batch import Batch, Visual
from demiglace.model.layers import KVCache


class PrefixCache:
    """The last prompt of one growing conversation. Images are compared by their place alone: call `forget`
    where the conversation does not continue the last one.
    """

    def __init__(self) -> None:
        self._tokens: Tensor | None = None
        self._cache: KVCache | None = None

    def keep(self, tokens: Tensor, cache: KVCache) -> None:
        """Remember a prompt, int64 (length,), whose keys and values are the first in `cache`."""
        self._tokens, self._cache = tokens, cache

    def forget(self) -> None:
        self._tokens = self._cache = None

    def recall(self, batch: Batch, cache: KVCache) -> Batch:
        """Put what is known of the one row in `batch` into the empty `cache`; returns the rest of the batch."""
        known = self._known(batch)
        if known and self._cache is not None:
            cache.keys[:, :, :, :known] = self._cache.keys[:, :, :, :known]
            cache.values[:, :, :, :known] = self._cache.values[:, :, :, :known]
            cache.advance(batch.positions[:, :known], batch.segments[:, :known])
        return _after(batch, known) if known else batch

    def _known(self, batch: Batch) -> int:
        """Tokens at the start that are the same, the last one excepted, which must be read to answer."""
        if self._tokens is None:
            return 0
        new = batch.tokens[0, :-1]
        shared = min(len(self._tokens), len(new))
        return int((self._tokens[:shared] == new[:shared]).cumprod(dim=0).sum())


def _after(batch: Batch, start: int) -> Batch:
    """A batch of one row from its token `start` on. No package of pictures may lie across `start`."""
    places = batch.visual_places[batch.visual_places >= start] - start
    return replace(
        batch,
        tokens=batch.tokens[:, start:],
        positions=batch.positions[:, start:],
        segments=batch.segments[:, start:],
        visual_places=places,
        visual=None if batch.visual is None else _last(batch.visual, len(places), len(batch.visual_places)),
    )


def _last(visual: Visual, places: int, all_places: int) -> Visual | None:
    """The packages that fill the last `places` of `all_places`; every package fills equally many."""
    if places == 0:
        return None
    num_packages = len(visual.package_sizes)
    first, cut = divmod((all_places - places) * num_packages, all_places)
    assert cut == 0, f"{places} of {all_places} visual places cut one of {num_packages} packages"
    picture = int(visual.package_sizes[:first].sum())
    patch = int(visual.grids[:picture].prod(dim=1).sum())
    return Visual(visual.patches[patch:], visual.grids[picture:], visual.package_sizes[first:], visual.ticks[picture:])
