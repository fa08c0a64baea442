"""An image processor for transformers, for callers that only process pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from transformers import BaseImageProcessor, BatchFeature

from demiglace.integrations.transformers.inputs import FIELDS, visual_inputs
from demiglace.integrations.transformers.media import picture_of
from demiglace.integrations.transformers.rows import check_granted
from demiglace.media.pictures import open_picture
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import Layout


class MiniCPMVImageProcessor(BaseImageProcessor):
    """`preprocessor_config.json` as an image processor: each picture's overview and slices, cut into patches."""

    model_input_names: ClassVar = list(FIELDS)

    def __init__(self, **fields: Any) -> None:
        """Raises ValueError as `ProcessorConfig.from_fields` does."""
        super().__init__()
        self.config = ProcessorConfig.from_fields(fields)

    def preprocess(self, images: Any, **options: Any) -> BatchFeature:
        """The model's picture inputs, for one picture (in a form that `media` takes) or a list of them in order."""
        check_granted(options)
        layout = Layout(self.config.slicing, self.config.num_queries, self.config.use_image_id)
        layout.images(open_picture(picture_of(picture)) for picture in _flat(images))
        return BatchFeature(visual_inputs(layout.visual()))

    def to_dict(self) -> dict[str, Any]:
        return self.config.fields()


def _flat(images: Any) -> list[Any]:
    if not isinstance(images, Sequence) or isinstance(images, str | bytes):
        return [images]
    return [picture for nested in images for picture in _flat(nested)]
