"""vLLM's own MiniCPM-V 4.5 with our slicing and packages, our position rules, and our resampler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, SiglipVisionConfig
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.models.idefics2_vision_model import Idefics2VisionEmbeddings
from vllm.model_executor.models.minicpmv import MiniCPMV4_5, MiniCPMVImagePixelInputs
from vllm.model_executor.models.utils import WeightsMapper
from vllm.multimodal import MULTIMODAL_REGISTRY

from demiglace.batch import STILL
from demiglace.integrations.vllm.processing import DummyInputsBuilder, MultiModalProcessor, ProcessingInfo
from demiglace.model.resampler import Resampler, ResamplerConfig
from demiglace.model.siglip import exact_position_ids, released_position_ids

DECODER = "llm."
MAX_PATCHES = 16 * 1024  # ours: encoded at once; 16 pictures of the released size


class Embeddings(Idefics2VisionEmbeddings):
    """Position embeddings by the rule that the weights were trained with."""

    def __init__(self, config: SiglipVisionConfig) -> None:
        super().__init__(config)
        self.axis_ids = {"exact": exact_position_ids, "released": released_position_ids}[config.position_ids]

    def get_position_ids(self, patch_attention_mask: Tensor, tgt_sizes: Tensor | None = None) -> Tensor:
        """tgt_sizes (slices, 2), rows and columns of patches -> int64 (slices, max patches), 0 in the padding."""
        assert tgt_sizes is not None
        ids = [self._position_ids(height, width) for height, width in tgt_sizes.tolist()]
        return nn.utils.rnn.pad_sequence(ids, batch_first=True).to(patch_attention_mask.device)

    def _position_ids(self, height: int, width: int) -> Tensor:
        rows, columns = (self.axis_ids(length, self.num_patches_per_side) for length in (height, width))
        return (rows.unsqueeze(1) * self.num_patches_per_side + columns).flatten()


class Names(WeightsMapper):
    """Names of tensors, which are vLLM's already. vLLM asks an adapter's names here too, with their layers."""

    def map_name(self, key: str) -> str | None:
        """ValueError for a matrix of an adapter outside the decoder: vLLM would answer without it."""
        if ".lora_" in key and not key.startswith(DECODER):
            raise ValueError(
                f"the adapter has {key}, but vLLM serves adapters of the decoder alone: merge it by demiglace merge"
            )
        return super().map_name(key)

    def get_rename_mapper(self) -> Names:
        return Names()


@MULTIMODAL_REGISTRY.register_processor(MultiModalProcessor, info=ProcessingInfo, dummy_inputs=DummyInputsBuilder)
class MiniCPMVForDemiglace(MiniCPMV4_5):
    hf_to_vllm_mapper = Names()

    def init_vision_module(self, config: PretrainedConfig, *args: Any, **options: Any) -> nn.Module:
        encoder = super().init_vision_module(config, *args, **options)
        encoder.embeddings = Embeddings(config.vision_config)
        return encoder

    def init_resampler(
        self, embed_dim: int, vision_dim: int, quant_config: QuantizationConfig | None = None, prefix: str = ""
    ) -> nn.Module:
        """Our resampler. vLLM's has a table of ticks, 590 MB at the released size, too short for the ticks of longer
        clips, and leaves `kv_proj` out if both sizes are equal."""
        config = ResamplerConfig(self.config.query_num, embed_dim, vision_dim, self.config.resampler_num_heads)
        return Resampler(config).to(torch.get_default_dtype())

    def embed_multimodal(self, **inputs: Any) -> Any:
        """The visual tokens of each picture or clip; vLLM never mixes both in a call."""
        if "video_pixel_values" not in inputs:
            return super().embed_multimodal(**inputs)
        frames = [strip for clip in inputs["video_pixel_values"] for strip in clip]
        grids, package_sizes, ticks = (
            torch.cat(list(inputs[name])) for name in ("video_tgt_sizes", "video_package_sizes", "video_ticks")
        )
        tokens = self._visual_tokens(frames, grids, package_sizes, ticks)
        clips = tokens.split([len(sizes) for sizes in inputs["video_package_sizes"]])
        return [clip.flatten(0, 1) for clip in clips]

    def get_vision_hidden_states(self, data: MiniCPMVImagePixelInputs) -> Tensor:
        """Slices of pictures -> (slices, queries, hidden)."""
        ones = torch.ones(len(data["pixel_values"]), dtype=torch.int64)
        return self._visual_tokens(data["pixel_values"], data["tgt_sizes"], ones, ones * STILL)

    def _visual_tokens(self, pictures: Sequence[Tensor], grids: Tensor, package_sizes: Tensor, ticks: Tensor) -> Tensor:
        """`pictures` are strips, the rest as in `Visual`, on the host -> (packages, queries, hidden)."""
        tokens = []
        for packages, held in _chunks(package_sizes, grids.prod(dim=1)):
            features = self._encode(pictures[held], grids[held])
            tokens.append(
                self.resampler(features, grids[held], package_sizes[packages], ticks[held].to(features.device))
            )
        return torch.cat(tokens)

    def _encode(self, pictures: Sequence[Tensor], grids: Tensor) -> Tensor:
        """Features (patches, vision hidden), packed."""
        lengths = grids.prod(dim=1)
        pixels = nn.utils.rnn.pad_sequence([picture.permute(2, 0, 1) for picture in pictures], batch_first=True)
        is_patch = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
        is_patch = is_patch.to(pixels.device)
        is_even = bool((lengths == lengths[0]).all())  # attention needs no mask
        mask = None if is_even else is_patch.unsqueeze(1)
        features = self.vpm(pixels.permute(0, 2, 3, 1), patch_attention_mask=mask, tgt_sizes=grids)
        return features[is_patch]


def _chunks(package_sizes: Tensor, lengths: Tensor) -> Iterator[tuple[slice, slice]]:
    """Slices of packages and of their pictures: whole packages of at most `MAX_PATCHES` patches, or a single one."""
    first_package = first_picture = package = picture = held = 0
    for package, size in enumerate(package_sizes.tolist()):
        patches = int(lengths[picture : picture + size].sum())
        if held and held + patches > MAX_PATCHES:
            yield slice(first_package, package), slice(first_picture, picture)
            first_package, first_picture, held = package, picture, 0
        picture, held = picture + size, held + patches
    yield slice(first_package, package + 1), slice(first_picture, picture)
