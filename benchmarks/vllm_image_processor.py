"""What vLLM's own MiniCPM-V 4.5 asks of a checkpoint: the release's image processor, here with our slicing.

`vllm_packages.py` puts this file into a checkpoint, where vLLM finds it as code that the checkpoint brings along.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.Image
import torch
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from demiglace.integrations.vllm.pictures import ImageProcessor
from demiglace.processing.processor_config import ProcessorConfig


class MiniCPMVImageProcessor(BaseImageProcessor):
    image_feature_size = 64

    def __init__(self, max_slice_nums: int = 9, scale_resolution: int = 448, **fields: Any) -> None:
        super().__init__(**fields)
        self.max_slice_nums, self.scale_resolution = max_slice_nums, scale_resolution  # transformers writes them out

    @property
    def ours(self) -> ImageProcessor:
        fields = {"max_slice_nums": self.max_slice_nums, "scale_resolution": self.scale_resolution}
        return ImageProcessor(ProcessorConfig.from_fields(fields))

    def get_sliced_grid(self, *size: Any, **options: Any) -> tuple[int, int] | None:
        return self.ours.get_sliced_grid(*size, **options)

    def get_slice_image_placeholder(self, *size: Any, **options: Any) -> str:
        return self.ours.get_slice_image_placeholder(*size, **options)

    def preprocess(self, images: Any, **options: Any) -> BatchFeature:
        """Pictures or frames, a list of them for each prompt."""
        made = [self.ours.slices([PIL.Image.fromarray(np.asarray(picture)) for picture in held]) for held in images]
        return BatchFeature(
            {
                "pixel_values": [[strip for strips in one["pixel_values"] for strip in strips] for one in made],
                "tgt_sizes": [torch.cat(one["tgt_sizes"]) for one in made],
                "image_sizes": [[tuple(size.tolist()) for size in one["image_sizes"]] for one in made],
            }
        )
