"""A frozen encoder that encodes each picture once, for all answers of a group and for the following update."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from demiglace.batch import Visual
from demiglace.engine.picture_groups import encoded, picture_groups
from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.siglip import SiglipEncoder


class SharedEncoder(nn.Module):
    """A `SiglipEncoder` with constant weights; features are cached by content of pictures until `forget`.

    num_encoded: pictures encoded so far.
    """

    def __init__(self, encoder: SiglipEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.num_encoded = 0
        self._features: dict[bytes, Tensor] = {}

    @torch.no_grad()
    def forward(
        self,
        patches: Tensor,
        grids: Tensor,
        max_patches_per_chunk: int | None = None,
        checkpointing: bool = False,
        kept: Tensor | None = None,
    ) -> Tensor:
        """As the encoder, without gradient, in the encoder's dtype."""
        weight = self.encoder.post_layernorm.weight
        groups = picture_groups(patches.to(weight.dtype), grids, kept)
        unknown = [group for group in groups if group.key not in self._features]
        if unknown:
            found = encoded(self.encoder, unknown, weight, max_patches_per_chunk)
            self.num_encoded += sum(len(group.grids) for group in {group.key: group for group in unknown}.values())
            self._features |= found
        return torch.cat([self._features[group.key] for group in groups])

    def features(self, visual: Visual) -> Tensor:
        """Features of pictures, (patches, feature_size)."""
        found: Tensor = self(visual.patches, visual.grids, MAX_PATCHES_PER_CHUNK, False, visual.kept)
        return found

    def forget(self) -> None:
        """Clear the cache of features."""
        self._features.clear()


def seen_through(model: MiniCPMV, encoder: SharedEncoder) -> MiniCPMV:
    """The same model with another encoder; resampler and decoder are shared, and `model` is unchanged."""
    with torch.device("meta"):
        seen = MiniCPMV(model.config)
    seen.resampler, seen.llm = model.resampler, model.llm
    seen.register_module("vpm", encoder)
    return seen
