"""The image processor that vLLM's code for MiniCPM-V expects: slices, their grids, and their placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from demiglace.batch import Visual
from demiglace.media.pictures import open_picture
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import Layout
from demiglace.processing.slicing import SlicingConfig, plan
from demiglace.processing.tokenizer import STRUCTURE


class ImageProcessor:
    """Names of attributes and methods are the released ones; sizes of images are (width, height) in pixels.

    Raises ValueError if the checkpoint leaves out static patches: vLLM's encoder only takes whole pictures.
    """

    im_id_start, im_id_end = STRUCTURE["image_id_start"], STRUCTURE["image_id_end"]

    def __init__(self, config: ProcessorConfig) -> None:
        if config.static_patches is not None and config.static_patches >= 0:
            raise ValueError(
                f"the checkpoint leaves out static patches (up to {config.static_patches:g}), which vLLM's encoder "
                "cannot: take static_patches out of its preprocessor_config.json to have them all encoded"
            )
        self.config = config
        self.max_slice_nums = config.slicing.max_slices
        self.image_feature_size = config.num_queries

    def get_sliced_grid(self, image_size: tuple[int, int], max_slice_nums: int | None = None) -> tuple[int, int] | None:
        """(columns, rows) of slices; None if there is only the overview."""
        return plan(*image_size, self._slicing(max_slice_nums)).grid

    def get_slice_image_placeholder(
        self,
        image_size: tuple[int, int],
        image_idx: int = 0,
        max_slice_nums: int | None = None,
        use_image_id: bool = True,
    ) -> str:
        layout = Layout(
            self._slicing(max_slice_nums), self.image_feature_size, use_image_id and self.config.use_image_id
        )
        return layout.image_placeholders((image_size[0], image_size[1]), image_idx)

    def package_places(self, num_packages: int) -> str:
        """The placeholders of a clip in the text."""
        return Layout(self.config.slicing, self.image_feature_size, self.config.use_image_id).video_placeholders(
            num_packages
        )

    def slices(self, pictures: Sequence[PIL.Image.Image]) -> dict[str, list[list[Tensor]] | list[Tensor]]:
        """For each picture pixel_values, the `strips` of overview and slices; tgt_sizes, int64 (slices, 2), their
        rows and columns of patches; image_sizes, int64 (2,).

        Raises ValueError if a picture's orientation tag would change its shape, which vLLM has already measured.
        """
        cut = [self._slices(picture) for picture in pictures]
        return {
            "pixel_values": [pixels for pixels, _ in cut],
            "tgt_sizes": [grids for _, grids in cut],
            "image_sizes": [torch.tensor(picture.size) for picture in pictures],
        }

    def _slices(self, picture: PIL.Image.Image) -> tuple[list[Tensor], Tensor]:
        upright = open_picture(picture)
        if upright.size != picture.size:
            raise ValueError(f"the picture lies on its side: turn it upright, from {picture.size} to {upright.size}")
        layout = Layout(self.config.slicing, self.image_feature_size, self.config.use_image_id)
        layout.image(upright)
        visual = layout.visual()
        assert visual is not None
        return strips(visual, self.config.slicing.patch_size), visual.grids

    def _slicing(self, max_slices: int | None) -> SlicingConfig:
        return self.config.slicing if max_slices is None else replace(self.config.slicing, max_slices=max_slices)


def picture_of_array(array: np.ndarray) -> PIL.Image.Image:
    """A picture given as an array: grey, or with channels last if there are 1, 3 or 4 there, else first, as in vLLM.

    ValueError for other types than uint8: their range is not known.
    """
    channels = array if array.ndim == 2 or array.shape[-1:] in ((1,), (3,), (4,)) else np.moveaxis(array, 0, -1)
    if array.dtype != np.uint8 or channels.ndim not in (2, 3) or channels.shape[2:] not in ((), (1,), (3,), (4,)):
        raise ValueError(
            f"a picture is a PIL image, or an array of uint8 with 1, 3 or 4 channels, got {array.dtype} {array.shape}"
        )
    return PIL.Image.fromarray(channels[..., 0] if channels.shape[2:] == (1,) else np.ascontiguousarray(channels))


def strips(visual: Visual, patch_size: int) -> list[Tensor]:
    """For each slice or frame its patches side by side, float32 (3, patch_size, patches * patch_size)."""
    patches = visual.patches.unflatten(1, (3, patch_size, patch_size)).permute(1, 2, 0, 3)
    parts = patches.split(visual.grids.prod(dim=1).tolist(), dim=2)  # channel, row, patch, column
    return [part.flatten(2).contiguous() for part in parts]
