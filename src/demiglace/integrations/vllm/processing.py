"""How vLLM processes pictures and clips: limits, dummy inputs for memory profiling, placeholders in the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import PIL.Image
from transformers import BatchFeature
from vllm.config.multimodal import MultiModalDummyOptions
from vllm.inputs import MultiModalDataDict
from vllm.model_executor.models.minicpmv import (
    MiniCPMVDummyInputsBuilder,
    MiniCPMVMultiModalDataParser,
    MiniCPMVMultiModalProcessor,
    MiniCPMVProcessingInfo,
)
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
from vllm.multimodal.media import MediaWithBytes
from vllm.multimodal.parse import ModalityDataItems, MultiModalDataItems
from vllm.multimodal.processing import ProcessorInputs, PromptReplacement, PromptUpdate
from vllm.multimodal.processing.processor import PromptUpdateDetails

from demiglace.conversation import VideoSampling
from demiglace.integrations.vllm.clips import Clip, lay_out, sampling_of
from demiglace.integrations.vllm.pictures import ImageProcessor, picture_of_array, strips
from demiglace.media.pictures import open_picture
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.tokenizer import STRUCTURE

# How vLLM says that it converted a file by its defaults; None if it converted nothing.
USUAL_CONVERSIONS = (None, {"image_mode": "RGB", "rgba_background_color": (255, 255, 255)})


class DataParser(MiniCPMVMultiModalDataParser):
    def _parse_image_data(self, data: Any) -> ModalityDataItems[Any, Any] | None:
        """Pictures as `open_picture` reads them. vLLM converts them too, but its greys of 16 bits come out white.

        Raises ValueError as `open_picture` and `picture_of_array` do.
        """
        is_one = isinstance(data, PIL.Image.Image | MediaWithBytes) or (isinstance(data, np.ndarray) and data.ndim < 4)
        given = [data] if is_one else data
        is_several = isinstance(given, list | tuple | np.ndarray)
        return super()._parse_image_data(list(map(_read, given)) if is_several else given)


def _read(picture: Any) -> Any:
    """A file is read from its bytes again, unless `media_io_kwargs` chose how vLLM converts it."""
    if isinstance(picture, MediaWithBytes) and picture.io_config in USUAL_CONVERSIONS:
        return open_picture(picture.original_bytes)
    if isinstance(picture, np.ndarray):
        picture = picture_of_array(picture)
    return open_picture(picture) if isinstance(picture, PIL.Image.Image) else picture


class ProcessingInfo(MiniCPMVProcessingInfo):
    @cached_property
    def image_processor(self) -> ImageProcessor:
        return ImageProcessor(ProcessorConfig.from_fields(self.ctx.get_hf_image_processor_config()))

    def get_image_processor(self, **options: object) -> ImageProcessor:
        return self.image_processor

    def get_image_max_slice_num(self) -> int:
        return self.image_processor.max_slice_nums

    def get_data_parser(self) -> DataParser:
        return DataParser(
            video_needs_metadata=True,
            expected_hidden_size=self._get_expected_hidden_size(),
            allow_missing_mm_embeddings=self.allow_missing_mm_embeddings,
        )

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None, "video": None}

    @property
    def room(self) -> int:
        """Maximum tokens of a prompt: one less than the context, for the answer's first token."""
        return self.ctx.model_config.max_model_len - 1

    def sampling(self, options: Mapping[str, object]) -> VideoSampling:
        """From the request's `mm_processor_kwargs`, with the launch's as defaults; errors as in `sampling_of`."""
        return sampling_of(self.ctx.get_merged_mm_kwargs(options))

    def max_packages(self) -> int:
        """Packages of the longest possible clip: limited by the options of the launch, and by the context."""
        return max(1, min(self.sampling({}).max_packages, self.room // self.image_processor.image_feature_size))

    def get_max_video_tokens(self, seq_len: int, mm_counts: Mapping[str, int]) -> int:
        return self.max_packages() * self.image_processor.image_feature_size


class DummyInputsBuilder(MiniCPMVDummyInputsBuilder[ProcessingInfo]):
    def get_dummy_mm_data(
        self, seq_len: int, mm_counts: Mapping[str, int], mm_options: MultiModalDummyOptions
    ) -> MultiModalDataDict:
        """The largest pictures and the longest clips; `num_frames` of the options makes clips shorter."""
        data = dict(super().get_dummy_mm_data(seq_len, {**mm_counts, "video": 0}, mm_options))
        num_frames = self.info.max_packages() * self.info.sampling({}).package_frames
        options = mm_options.get("video")
        if options is not None and options.num_frames:
            num_frames = min(num_frames, options.num_frames)
        width, height = self.info.get_video_frame_size_with_most_features()
        frames = self._get_dummy_images(width=width, height=height, num_images=num_frames)
        return data | {"video": [(frames, {"fps": 1.0})] * mm_counts.get("video", 0)}


class MultiModalProcessor(MiniCPMVMultiModalProcessor[ProcessingInfo]):
    def get_dummy_inputs(
        self, seq_len: int, mm_counts: Mapping[str, int], mm_options: MultiModalDummyOptions
    ) -> ProcessorInputs:
        """Dummy clips have full packages."""
        inputs = super().get_dummy_inputs(seq_len, mm_counts, mm_options)
        return replace(inputs, hf_processor_mm_kwargs={"force_package_frames": True})

    def _call_hf_processor_on_prompts(
        self,
        prompts: Sequence[str],
        mm_data: Mapping[str, Any],
        mm_kwargs: Mapping[str, object],
        *,
        out_keys: set[str],
    ) -> dict[str, Any]:
        """Processes each prompt's one picture; vLLM lays out the prompt itself from `get_slice_image_placeholder`."""
        self.info.sampling(mm_kwargs)  # slicing is the checkpoint's: options only apply to clips
        return self.info.image_processor.slices([picture for (picture,) in mm_data["images"]])

    def process_videos(self, mm_data: Mapping[str, Any], mm_kwargs: Mapping[str, object]) -> dict[str, Any]:
        """For each clip video_pixel_values, the `strips` of its frames; video_tgt_sizes, video_package_sizes and
        video_ticks as in `Visual`."""
        if "videos" not in mm_data:
            return {}
        sampling, config = self.info.sampling(mm_kwargs), self.info.image_processor.config
        clips = [lay_out(Clip(*video), sampling, config, self.info.room) for video in mm_data["videos"]]
        return {
            "video_pixel_values": [strips(clip, config.slicing.patch_size) for clip in clips],
            "video_tgt_sizes": [clip.grids for clip in clips],
            "video_package_sizes": [clip.package_sizes for clip in clips],
            "video_ticks": [clip.ticks for clip in clips],
        }

    def _get_mm_fields_config(
        self, hf_inputs: BatchFeature, hf_processor_mm_kwargs: Mapping[str, object]
    ) -> Mapping[str, MultiModalFieldConfig]:
        per_clip = MultiModalFieldConfig.batched("video", keep_on_cpu=True)
        fields = super()._get_mm_fields_config(hf_inputs, hf_processor_mm_kwargs)
        return {**fields, "video_package_sizes": per_clip, "video_ticks": per_clip}

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        """For clips, a placeholder for each package; their number is known once frames are sampled."""
        tokenizer = self.info.get_tokenizer()
        unk = tokenizer.get_vocab()[STRUCTURE["unk"]]

        def clip_places(number: int) -> PromptUpdateDetails:
            sizes = out_mm_kwargs["video"][number]["video_package_sizes"].data
            text = self.info.image_processor.package_places(len(sizes))
            return PromptUpdateDetails.select_token_ids(tokenizer.encode(text, add_special_tokens=False), [unk])

        updates = super()._get_prompt_updates(mm_items, hf_processor_mm_kwargs, out_mm_kwargs)
        return [
            PromptReplacement("video", update.target, clip_places) if update.modality == "video" else update
            for update in updates
        ]
