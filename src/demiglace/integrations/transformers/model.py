"""The model for transformers: `generate`, pipelines, `Trainer` and PEFT.

It has the same parts and tensor names. Rows may be padded on either side; generation needs padding on the left, as
`MiniCPMVProcessor` does it.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.generic import can_return_tuple

from demiglace.integrations.transformers.backbone import CACHE, Backbone
from demiglace.integrations.transformers.config import MiniCPMVPretrainedConfig
from demiglace.integrations.transformers.inputs import FIELDS, repeated, visual_inputs, visual_of
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.tensor_files import check_finite


class MiniCPMVForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """`MiniCPMV` as a transformers model. Its weights have the released names."""

    config_class = MiniCPMVPretrainedConfig
    input_modalities = ("image", "video", "text")
    supports_gradient_checkpointing = True
    gradient_checkpointing = False  # transformers sets it, and `_gradient_checkpointing_func` with it
    _supports_sdpa = True

    def __init__(self, config: MiniCPMVPretrainedConfig) -> None:
        """Raises ValueError as `MiniCPMVPretrainedConfig.architecture` does."""
        super().__init__(config)
        parts = MiniCPMV(config.architecture())
        self.vpm, self.resampler, self.llm = parts.vpm, parts.resampler, parts.llm
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args: Any, output_loading_info: bool = False, **kwargs: Any) -> Any:
        """As in transformers, but ValueError if a tensor of the model is missing, or has NaN or infinite numbers."""
        model, loading = super().from_pretrained(*args, output_loading_info=True, **kwargs)
        if missing := sorted(loading["missing_keys"]):
            raise ValueError(f"{len(missing)} tensors of the model are missing: {', '.join(missing[:10])}")
        held = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
        check_finite(model.name_or_path, {name: tensor for name, tensor in held.items() if not tensor.is_meta})
        return (model, loading) if output_loading_info else model

    @property
    def base_model(self) -> nn.Module:
        """Everything except the head; created on each access, so that it uses parts that were replaced."""
        checkpointing = self._gradient_checkpointing_func if self._recomputes else False
        return Backbone(self.vpm, self.resampler, self.llm, checkpointing)

    @property
    def _recomputes(self) -> bool:
        return self.gradient_checkpointing and self.training

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
        cache: Cache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        logits_to_keep: int = 0,
        mm_token_type_ids: Tensor | None = None,
        image_patches: Tensor | None = None,
        image_grids: Tensor | None = None,
        package_sizes: Tensor | None = None,
        ticks: Tensor | None = None,
        run_lengths: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **others: Any,
    ) -> CausalLMOutputWithPast:
        """input_ids (rows, length) and those of `inputs` -> logits (rows, length or `logits_to_keep`, vocab_size).

        attention_mask (rows, all tokens including those in the cache) is 1, or 0 at padding; positions follow from it,
        and `position_ids` are only compared with them. labels (rows, length) as in transformers: the token ids, -100
        where there is no loss. `cache` is the newer name of `past_key_values`. `output_hidden_states` returns the input
        of each layer and the output of the last norm, (rows, length, hidden) each.

        Raises ValueError if counts contradict each other, or an option is not supported.
        """
        others.pop("tokenizer", None)  # `generate` passes it on after using it for `stop_strings`
        outputs = self.base_model(
            input_ids,
            attention_mask,
            position_ids,
            cache=self._cache(cache if past_key_values is None else past_key_values, use_cache),
            output_hidden_states=_or(output_hidden_states, self.config.output_hidden_states),
            mm_token_type_ids=mm_token_type_ids,
            image_patches=image_patches,
            image_grids=image_grids,
            package_sizes=package_sizes,
            ticks=ticks,
            run_lengths=run_lengths,
            **others,
        )
        logits = self.llm.lm_head(outputs.last_hidden_state[:, -logits_to_keep:])
        loss = None
        if labels is not None:
            # Not from `llm.config`: rows may have been added to the head.
            loss = self.loss_function(logits, labels, logits.shape[-1], num_items_in_batch=num_items_in_batch)
        return CausalLMOutputWithPast(
            loss=loss, logits=logits, hidden_states=outputs.hidden_states, **{CACHE: getattr(outputs, CACHE)}
        )

    def _cache(self, given: Cache | None, use_cache: bool | None) -> Cache | None:
        """`given`, or a new one if requested; in training none is created by default.

        Recomputed layers would write into it twice: with checkpointing there is none, as in transformers.
        """
        if self._recomputes:
            return None
        is_asked = _or(use_cache, self.config.use_cache and not self.training)
        return DynamicCache(config=self.config) if given is None and is_asked else given

    def _init_weights(self, module: nn.Module) -> None:
        """Does nothing: each part has initialised its weights when it was created."""

    def _expand_inputs_for_generation(
        self, expand_size: int = 1, input_ids: Tensor | None = None, **inputs: Any
    ) -> tuple[Tensor | None, dict[str, Any]]:
        """For beams and several answers to one prompt: repeats each row together with its own pictures."""
        pictures = {name: inputs.pop(name) for name in FIELDS if name in inputs}
        visual, types = visual_of(pictures), inputs.get("mm_token_type_ids")
        if expand_size > 1 and visual is not None and types is not None:
            packages_of_rows = types.sum(dim=1) // self.resampler.config.num_queries
            pictures = visual_inputs(repeated(visual, packages_of_rows.tolist(), expand_size))
        input_ids, inputs = super()._expand_inputs_for_generation(expand_size, input_ids=input_ids, **inputs)
        return input_ids, inputs | pictures


def _or(asked: bool | None, default: bool) -> bool:
    return default if asked is None else asked
