"""The model without its head, for transformers: its base model, which TRL also uses.

transformers keeps keys and values in its own `Cache`; rows may be padded on either side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutputWithPast

from demiglace.batch import PADDING, Batch, Visual
from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
from demiglace.integrations.transformers.inputs import visual_of
from demiglace.model.layers import Checkpointing, visibility
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.qwen3 import Qwen3
from demiglace.model.resampler import Resampler
from demiglace.model.siglip import SiglipEncoder

# transformers 5.24 calls the cache `cache` in inputs and outputs, 5.23 `past_key_values`.
CACHE = next(field.name for field in fields(BaseModelOutputWithPast) if field.name in ("cache", "past_key_values"))


class Backbone(nn.Module):
    """A view of the parts of a whole model except the head; it owns none of them.

    checkpointing: layers of encoder and decoder keep only their inputs, and are recomputed in the backward pass.
    """

    _tp_plan = _pp_plan = None  # attributes that transformers reads: there is no tensor or pipeline parallel plan

    merge_visual_tokens: Any = MiniCPMV.merge_visual_tokens  # it only needs `self.llm`

    def __init__(
        self, vpm: SiglipEncoder, resampler: Resampler, llm: Qwen3, checkpointing: Checkpointing = False
    ) -> None:
        super().__init__()
        self.vpm, self.resampler, self.llm, self.checkpointing = vpm, resampler, llm, checkpointing

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
        output_hidden_states: bool | None = None,
        mm_token_type_ids: Tensor | None = None,
        image_patches: Tensor | None = None,
        image_grids: Tensor | None = None,
        package_sizes: Tensor | None = None,
        ticks: Tensor | None = None,
        run_lengths: Tensor | None = None,
        use_cache: bool | None = None,
        **others: Any,
    ) -> BaseModelOutputWithPast:
        """input_ids (rows, length) and those of `inputs` -> hidden states (rows, length, hidden) after the last norm.

        New keys and values go into `cache` if given; `use_cache` does not create one. See the model for the rest.
        """
        if asked := [name for name, value in others.items() if value is not None and value is not False]:
            raise ValueError(f"the model cannot do what is asked by {', '.join(asked)}")
        pictures = {
            "image_patches": image_patches,
            "image_grids": image_grids,
            "package_sizes": package_sizes,
            "ticks": ticks,
            "run_lengths": run_lengths,
        }
        held = _Held(input_ids, attention_mask, cache)
        batch = held.batch(input_ids, position_ids, mm_token_type_ids, pictures)
        batch = batch.to(input_ids.device, self.llm.model.embed_tokens.weight.dtype)
        visual = None if batch.visual is None else self._visual_tokens(batch.visual)
        embeddings, kept = self.merge_visual_tokens(batch, visual), None if cache is None else held
        with _inputs_of(self.llm.model.layers if output_hidden_states else ()) as states:
            hidden = self.llm(embeddings, batch.positions, batch.segments, kept, self.checkpointing)
        all_hidden = (*states, hidden) if output_hidden_states else None
        return BaseModelOutputWithPast(last_hidden_state=hidden, hidden_states=all_hidden, **{CACHE: cache})

    def _visual_tokens(self, visual: Visual) -> Tensor:
        # Without transformers' replacement of `checkpoint`: if that is reentrant, layers would get no gradient, because
        # patches need none.
        most, is_recomputed = MAX_PATCHES_PER_CHUNK, bool(self.checkpointing)
        features = self.vpm(visual.patches, visual.grids, most, is_recomputed, visual.kept)
        grouped = visual.package_sizes, visual.ticks, most, visual.run_lengths
        return self.resampler(features, visual.grids, *grouped).flatten(0, 1)


@contextmanager
def _inputs_of(layers: Any) -> Iterator[list[Tensor]]:
    """Collects the inputs of `layers` in order, as they run."""
    seen: list[Tensor] = []
    hooks = [layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


class _Held:
    """A transformers `Cache` with the interface of our KV cache; visibility follows from the attention mask alone."""

    def __init__(self, input_ids: Tensor, attention_mask: Tensor | None, cache: Cache | None) -> None:
        if cache is not None and cache.is_compileable:
            raise ValueError(f"keys and values are kept in caches that grow, not in a {type(cache).__name__}")
        num_rows, num_new = input_ids.shape
        shape = (num_rows, num_new + (0 if cache is None else cache.get_seq_length()))
        mask = (
            torch.ones(shape, dtype=torch.int64, device=input_ids.device) if attention_mask is None else attention_mask
        )
        if mask.shape != shape:
            raise ValueError(f"the attention mask must have the shape {shape}, got {tuple(mask.shape)}")
        self.cache, self.num_new = cache, num_new
        self.segments = (mask != 0).long()  # 1, and `PADDING` is 0
        self.positions = (self.segments.cumsum(dim=1) - 1).masked_fill(self.segments == PADDING, 0)

    def batch(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None,
        types: Tensor | None,
        pictures: Mapping[str, Tensor | None],
    ) -> Batch:
        """The new tokens. Raises ValueError if `position_ids` differ from those of the mask."""
        positions, segments = self.positions[:, -self.num_new :], self.segments[:, -self.num_new :]
        if position_ids is not None and bool(((position_ids != positions) & (segments != PADDING)).any()):
            raise ValueError("position_ids other than those that follow from the attention mask are not done here")
        places = torch.zeros_like(input_ids) if types is None else types
        return Batch(input_ids, positions, segments, places.flatten().nonzero().squeeze(1), visual_of(pictures))

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        """As `KVCache.visible`; positions and segments already include the new tokens."""
        return visibility(positions, segments, self.positions, self.segments)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """As `KVCache.append`."""
        assert self.cache is not None
        return self.cache.update(keys, values, layer)
