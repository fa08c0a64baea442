"""The model as transformers drives it: `generate`, pipelines, `Trainer` and PEFT.

Same parts, same tensor names; transformers keeps keys and values in its own `Cache`. Rows may be padded on either side;
answers need it on the left, where `MiniCPMVProcessor` puts it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.generic import can_return_tuple

from demiglace.batch import PADDING, Batch
from demiglace.inference.generation import MAX_PATCHES_PER_CHUNK
from demiglace.integrations.transformers.config import MiniCPMVPretrainedConfig
from demiglace.integrations.transformers.inputs import FIELDS, repeated, visual_inputs, visual_of
from demiglace.model.minicpmv import MiniCPMV


class MiniCPMVForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """`MiniCPMV` under a transformers roof. Its weights are the released ones, name by name."""

    config_class = MiniCPMVPretrainedConfig
    input_modalities = ("image", "video", "text")
    _supports_sdpa = True

    # All that these need of `self` is the three parts.
    visual_tokens, place, embed = MiniCPMV.visual_tokens, MiniCPMV.place, MiniCPMV.embed

    def __init__(self, config: MiniCPMVPretrainedConfig) -> None:
        """Raises ValueError as `MiniCPMVPretrainedConfig.architecture` does."""
        super().__init__(config)
        parts = MiniCPMV(config.architecture())
        self.vpm, self.resampler, self.llm = parts.vpm, parts.resampler, parts.llm
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args: Any, output_loading_info: bool = False, **kwargs: Any) -> Any:
        """As in transformers, but ValueError where a tensor of the model is missing."""
        model, loading = super().from_pretrained(*args, output_loading_info=True, **kwargs)
        if missing := sorted(loading["missing_keys"]):
            raise ValueError(f"{len(missing)} tensors of the model are missing: {', '.join(missing[:10])}")
        return (model, loading) if output_loading_info else model

    def get_input_embeddings(self) -> nn.Module:
        return self.llm.model.embed_tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.llm.model.embed_tokens = value

    def get_output_embeddings(self) -> nn.Module:
        return self.llm.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        self.llm.lm_head = new_embeddings

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        mm_token_type_ids: Tensor | None = None,
        image_patches: Tensor | None = None,
        image_grids: Tensor | None = None,
        package_sizes: Tensor | None = None,
        ticks: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **others: Any,
    ) -> CausalLMOutputWithPast:
        """input_ids (rows, length) and what `inputs` names -> logits (rows, length or `logits_to_keep`, vocab_size).

        attention_mask (rows, all tokens, those in the cache included) is 1, or 0 where there is padding; positions
        follow from it, and `position_ids` are only compared. labels (rows, length) as in transformers: the tokens
        themselves, -100 where nothing is learned.

        Raises ValueError where counts contradict each other, and where something is asked that is not done here.
        """
        if asked := [name for name, value in others.items() if value is not None and value is not False]:
            raise ValueError(f"the model cannot do what is asked by {', '.join(asked)}")
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        pictures = {
            "image_patches": image_patches,
            "image_grids": image_grids,
            "package_sizes": package_sizes,
            "ticks": ticks,
        }
        held = _Held(input_ids, attention_mask, past_key_values)
        batch = held.batch(input_ids, position_ids, mm_token_type_ids, pictures)
        batch = batch.to(input_ids.device, self.llm.model.embed_tokens.weight.dtype)
        embeddings = self.embed(batch, MAX_PATCHES_PER_CHUNK)
        cache = None if past_key_values is None else held
        hidden = self.llm(embeddings, batch.positions, batch.segments, cache)
        logits = self.llm.lm_head(hidden[:, -logits_to_keep:])
        loss = None
        if labels is not None:
            vocab_size = self.llm.config.vocab_size
            loss = self.loss_function(logits, labels, vocab_size, num_items_in_batch=num_items_in_batch)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=past_key_values)

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing: each part has drawn its own when it was made."""

    def _expand_inputs_for_generation(
        self, expand_size: int = 1, input_ids: Tensor | None = None, **inputs: Any
    ) -> tuple[Tensor | None, dict[str, Any]]:
        """Beams and several answers to one prompt: rows are repeated, and each row's own pictures with it."""
        pictures = {name: inputs.pop(name) for name in FIELDS if name in inputs}
        visual, types = visual_of(pictures), inputs.get("mm_token_type_ids")
        if expand_size > 1 and visual is not None and types is not None:
            packages_of_rows = types.sum(dim=1) // self.resampler.config.num_queries
            pictures = visual_inputs(repeated(visual, packages_of_rows.tolist(), expand_size))
        input_ids, inputs = super()._expand_inputs_for_generation(expand_size, input_ids=input_ids, **inputs)
        return input_ids, inputs | pictures


class _Held:
    """A transformers `Cache` as the decoder takes one; who sees whom follows from the attention mask alone."""

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
        pictures: dict[str, Tensor | None],
    ) -> Batch:
        """The new tokens. Raises ValueError where `position_ids` are others than those of the mask."""
        positions, segments = self.positions[:, -self.num_new :], self.segments[:, -self.num_new :]
        if position_ids is not None and bool(((position_ids != positions) & (segments != PADDING)).any()):
            raise ValueError("position_ids other than those that follow from the attention mask are not done here")
        places = torch.zeros_like(input_ids) if types is None else types
        return Batch(input_ids, positions, segments, places.flatten().nonzero().squeeze(1), visual_of(pictures))

    def advance(self, positions: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """As `KVCache.advance`: the new ones are known already."""
        return self.positions, self.segments

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """As `KVCache.append`."""
        assert self.cache is not None
        return self.cache.update(keys, values, layer)
