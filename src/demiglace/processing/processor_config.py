"""`preprocessor_config.json` <-> ProcessorConfig, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demiglace.fields import Field, Real, Switch, Whole, short_repr, take
from demiglace.processing.slicing import SLICING, SlicingConfig
from demiglace.processing.tokenizer import STRUCTURE

CONFIG_FILE = "preprocessor_config.json"
MOST_CONFIG_BYTES = 2**20
STATIC_PATCHES = Real(-255, 255)
# Released fields whose values may differ, and their defaults if absent (released code).
FIELDS: Mapping[str, Field] = {
    **{name: SLICING[name] for name in ("scale_resolution", "patch_size", "upscale")},
    "max_slice_nums": SLICING["max_slices"],
    "image_feature_size": Whole(1, 4096),
    "use_image_id": Switch(),
}
DEFAULTS = {
    "max_slice_nums": 9,
    "scale_resolution": 448,
    "patch_size": 14,
    "image_feature_size": 64,
    "use_image_id": False,
    "upscale": True,
}
OWN_FIELDS: Mapping[str, Field] = {"static_patches": STATIC_PATCHES}  # not in released files
# Fixed behaviour of this package, which other programs read from the file.
FIXED = {
    "slice_mode": True,
    "norm_mean": [0.5, 0.5, 0.5],
    "norm_std": [0.5, 0.5, 0.5],
    "im_start": STRUCTURE["image_start"],
    "im_end": STRUCTURE["image_end"],
    "slice_start": STRUCTURE["slice_start"],
    "slice_end": STRUCTURE["slice_end"],
    "unk": STRUCTURE["unk"],
    "im_id_start": STRUCTURE["image_id_start"],
    "im_id_end": STRUCTURE["image_id_end"],
}
NAMES = {
    "image_processor_type": "MiniCPMVImageProcessor",
    "processor_class": "MiniCPMVProcessor",
    "version": 2.6,  # of the processor; the model's is 4.5
}


@dataclass(frozen=True)
class ProcessorConfig:
    """The contents of `preprocessor_config.json`; the defaults are the release's.

    num_queries: visual tokens of an image, slice or package.
    use_image_id: whether images are numbered in the text.
    static_patches: threshold of `static_patches.without_static_patches` for videos; None keeps all patches.
    """

    slicing: SlicingConfig = field(default_factory=SlicingConfig)
    num_queries: int = 64
    use_image_id: bool = True
    static_patches: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError if the threshold is invalid."""
        if self.static_patches is not None:
            STATIC_PATCHES.check("static_patches", self.static_patches)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> ProcessorConfig:
        """Raises ValueError that names a field which is out of bounds or requires unsupported behaviour."""
        if strange := [name for name, value in FIXED.items() if fields.get(name, value) != value]:
            found = ", ".join(f"{name} {short_repr(fields[name])} (not {FIXED[name]!r})" for name in strange)
            raise ValueError(f"{CONFIG_FILE} has unsupported settings: {found}")
        given = DEFAULTS | take(CONFIG_FILE, fields, FIELDS)
        slicing = SlicingConfig(
            *(given[name] for name in ("scale_resolution", "patch_size", "max_slice_nums", "upscale"))
        )
        own = take(CONFIG_FILE, fields, OWN_FIELDS)
        return cls(slicing, given["image_feature_size"], given["use_image_id"], **own)

    def fields(self) -> dict[str, Any]:
        """The fields of `preprocessor_config.json`, as `from_fields` takes them; defaults of ours are left out."""
        fields: dict[str, Any] = {
            **NAMES,
            **FIXED,
            "max_slice_nums": self.slicing.max_slices,
            "scale_resolution": self.slicing.scale_resolution,
            "patch_size": self.slicing.patch_size,
            "image_feature_size": self.num_queries,
            "use_image_id": self.use_image_id,
        }
        if not self.slicing.upscale:
            fields["upscale"] = False
        if self.static_patches is not None:
            fields["static_patches"] = self.static_patches
        return fields
