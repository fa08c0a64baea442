"""The whole model: encoder, resampler and decoder; visual tokens are counted, then put into their places."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from demiglace.batch import Batch, Visual
from demiglace.model.kv_cache import KVCache
from demiglace.model.qwen3 import Qwen3, Qwen3Config
from demiglace.model.resampler import Resampler, ResamplerConfig
from demiglace.model.siglip import SiglipConfig, SiglipEncoder


@dataclass(frozen=True)
class MiniCPMVConfig:
    """The three parts of the model."""

    vision: SiglipConfig
    resampler: ResamplerConfig
    llm: Qwen3Config

    def __post_init__(self) -> None:
        actual, expected = self.vision.hidden_size, self.resampler.feature_size
        if actual != expected:
            raise ValueError(f"the encoder's features have size {actual}, but the resampler expects {expected}")
        actual, expected = self.resampler.hidden_size, self.llm.hidden_size
        if actual != expected:
            raise ValueError(f"the resampler's tokens have size {actual}, but the decoder expects {expected}")


class MiniCPMV(nn.Module):
    """Encoder `vpm`, `resampler` and decoder `llm`: the keys of the state dict are the released ones."""

    def __init__(self, config: MiniCPMVConfig) -> None:
        super().__init__()
        self.config = config
        self.vpm = SiglipEncoder(config.vision)
        self.resampler = Resampler(config.resampler)
        self.llm = Qwen3(config.llm)

    def visual_tokens(
        self, visual: Visual, max_patches_per_chunk: int | None = None, checkpointing: bool = False
    ) -> Tensor:
        """(packages * num_queries, hidden_size), in the order of the packages; arguments as in `SiglipEncoder`."""
        features = self.vpm(visual.patches, visual.grids, max_patches_per_chunk, checkpointing, visual.kept)
        tokens = self.resampler(
            features, visual.grids, visual.package_sizes, visual.ticks, max_patches_per_chunk, visual.run_lengths
        )
        return tokens.flatten(0, 1)

    def embed(self, batch: Batch, max_patches_per_chunk: int | None = None) -> Tensor:
        """Token embeddings (rows, length, hidden_size) with the visual tokens of the batch in their places."""
        visual = None if batch.visual is None else self.visual_tokens(batch.visual, max_patches_per_chunk)
        return self.merge_visual_tokens(batch, visual)

    def merge_visual_tokens(self, batch: Batch, visual: Tensor | None) -> Tensor:
        """Token embeddings (rows, length, hidden_size) with visual tokens (visual, hidden_size) in their places.

        Raises ValueError if the number of places differs from the number of visual tokens.
        """
        num_tokens, num_places = 0 if visual is None else visual.shape[0], batch.visual_places.numel()
        if num_tokens != num_places:
            raise ValueError(f"{num_tokens} visual tokens, but the batch has {num_places} places for them")
        embeddings = self.llm.model.embed_tokens(batch.tokens)
        if visual is None:
            return embeddings
        filled = embeddings.flatten(0, 1).index_copy(0, batch.visual_places, visual.to(embeddings.dtype))
        return filled.unflatten(0, batch.tokens.shape)

    def forward(
        self,
        batch: Batch,
        cache: KVCache | None = None,
        max_patches_per_chunk: int | None = None,
        last: Tensor | None = None,
    ) -> Tensor:
        """Hidden states (rows, length, hidden_size); pass those that are needed to `logits`.

        With `last` only those of each row's last token, (rows, 1, hidden_size), as in `Qwen3`.
        """
        embeddings = self.embed(batch, max_patches_per_chunk)
        if cache is None or last is None:
            return self.llm(embeddings, batch.positions, batch.segments, cache, last=last)
        return self.llm.last_states(embeddings, batch.positions, batch.segments, cache, last)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., hidden_size) -> (..., vocab_size)."""
        return self.llm.lm_head(hidden)
