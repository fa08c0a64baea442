"""`config.json` as a transformers config: the released fields as attributes, and back."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PretrainedConfig

from demiglace.model.config_file import (
    CONSTANT,
    RELEASED_FACTS,
    ROPE_TABLES,
    CheckpointFacts,
    config_fields,
    parse_config,
    rope_theta,
)
from demiglace.model.minicpmv import MiniCPMVConfig


class MiniCPMVPretrainedConfig(PretrainedConfig):
    """The fields of a released `config.json`. Their values are checked when a model is created.

    Raises ValueError if rotary positions are scaled.
    """

    model_type = "minicpmv"

    def __post_init__(self, use_cache: bool = True, **kwargs: Any) -> None:
        # As `rope_theta`, like the release, whichever of its formats transformers used.
        tables = {name: kwargs.pop(name, None) for name in ROPE_TABLES}
        if any(table is not None for table in tables.values()):
            kwargs["rope_theta"] = rope_theta(tables | kwargs)
        super().__post_init__(**kwargs)
        self.use_cache = use_cache  # transformers drops it as a setting of `generate`
        self.auto_map: dict[str, str] = {}  # in a checkpoint it names code, which is never run

    def __getattr__(self, name: str) -> Any:
        """Only missing attributes come here. TRL's GRPOTrainer wants `image_token_id`, and rows of `pixel_values`."""
        if name == "image_token_id":
            raise AttributeError(
                "no image_token_id: trainers that sample need inputs under pixel_values, and ours are image_patches; "
                "`demiglace rl` samples and trains this model"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @classmethod
    def of(cls, config: MiniCPMVConfig, facts: CheckpointFacts = RELEASED_FACTS) -> MiniCPMVPretrainedConfig:
        """As if read from a file written by `model.weights.write_config`."""
        return cls.from_dict(config_fields(config, torch.float32, facts))

    def architecture(self) -> MiniCPMVConfig:
        """Raises ValueError if the fields are incomplete, out of bounds or of another kind of model."""
        return parse_config(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        # Other programs find the model by the released names, whatever the class is called here.
        return {**super().to_dict(), **{name: CONSTANT[name] for name in ("architectures", "auto_map")}}

    def to_diff_dict(self) -> dict[str, Any]:
        """The fields to write: in the released layout, where `dtype` has its older name `torch_dtype`."""
        fields = super().to_diff_dict()
        dtype = fields.pop("dtype", None)
        return {**fields, "rope_scaling": None, "torch_dtype": dtype}
