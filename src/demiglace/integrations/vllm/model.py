"""vLLM's own MiniCPM-V 4.5 with our pictures, our rules for positions, and as many resampler heads as the file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, SiglipVisionConfig
from vllm.model_executor.layers.linear import ReplicatedLinear
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.models.idefics2_vision_model import Idefics2VisionEmbeddings
from vllm.model_executor.models.minicpmv import (
    MiniCPMV4_5,
    MiniCPMVDummyInputsBuilder,
    MiniCPMVMultiModalProcessor,
    MiniCPMVProcessingInfo,
    Resampler4_5,
)
from vllm.multimodal import MULTIMODAL_REGISTRY

from demiglace.integrations.vllm.pictures import ImageProcessor
from demiglace.model.siglip import exact_position_ids, released_position_ids
from demiglace.processing.processor_config import ProcessorConfig


class ProcessingInfo(MiniCPMVProcessingInfo):
    @cached_property
    def image_processor(self) -> ImageProcessor:
        return ImageProcessor(ProcessorConfig.from_fields(self.ctx.get_hf_image_processor_config()))

    def get_image_processor(self, **options: object) -> ImageProcessor:
        return self.image_processor

    def get_image_max_slice_num(self) -> int:
        return self.image_processor.max_slice_nums

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        """Images alone: vLLM makes no packages, and a video without them is not what the model has learned."""
        return {"image": None}


class MultiModalProcessor(MiniCPMVMultiModalProcessor):
    def _call_hf_processor_on_prompts(
        self,
        prompts: Sequence[str],
        mm_data: Mapping[str, Any],
        mm_kwargs: Mapping[str, object],
        *,
        out_keys: set[str],
    ) -> dict[str, Any]:
        """Of each prompt the one picture; the prompt itself vLLM lays out from `get_slice_image_placeholder`."""
        if mm_kwargs:
            raise ValueError(f"pictures are cut as the checkpoint says, not by {', '.join(mm_kwargs)}")
        return self.info.image_processor.slices([picture for (picture,) in mm_data["images"]])


class Embeddings(Idefics2VisionEmbeddings):
    """Positions by the rule that the weights were trained with."""

    def __init__(self, config: SiglipVisionConfig) -> None:
        super().__init__(config)
        self.axis_ids = {"exact": exact_position_ids, "released": released_position_ids}[config.position_ids]

    def get_position_ids(self, patch_attention_mask: Tensor, tgt_sizes: Tensor | None = None) -> Tensor:
        """tgt_sizes (slices, 2), rows and columns of patches -> int64 (slices, most patches), 0 in the padding."""
        assert tgt_sizes is not None
        ids = [self._position_ids(height, width) for height, width in tgt_sizes.tolist()]
        return nn.utils.rnn.pad_sequence(ids, batch_first=True).to(patch_attention_mask.device)

    def _position_ids(self, height: int, width: int) -> Tensor:
        rows, columns = (self.axis_ids(length, self.num_patches_per_side) for length in (height, width))
        return (rows.unsqueeze(1) * self.num_patches_per_side + columns).flatten()


@MULTIMODAL_REGISTRY.register_processor(
    MultiModalProcessor, info=ProcessingInfo, dummy_inputs=MiniCPMVDummyInputsBuilder
)
class MiniCPMVForDemiglace(MiniCPMV4_5):
    def init_vision_module(self, config: PretrainedConfig, *args: Any, **options: Any) -> nn.Module:
        encoder = super().init_vision_module(config, *args, **options)
        encoder.embeddings = Embeddings(config.vision_config)
        return encoder

    def init_resampler(
        self, embed_dim: int, vision_dim: int, quant_config: QuantizationConfig | None = None, prefix: str = ""
    ) -> nn.Module:
        resampler = Resampler4_5(
            num_queries=self.config.query_num,
            embed_dim=embed_dim,
            num_heads=self.config.resampler_num_heads,
            kv_dim=vision_dim,
            max_temporal_size=1,  # no ticks ever come, and the table of the default takes 590 MB at the released size
            quant_config=quant_config,
            prefix=prefix,
        )
        # vLLM leaves it out where both sizes are the same.
        resampler.kv_proj = ReplicatedLinear(
            vision_dim, embed_dim, bias=False, quant_config=quant_config, prefix=f"{prefix}.kv_proj"
        )
        return resampler.to(torch.get_default_dtype())
