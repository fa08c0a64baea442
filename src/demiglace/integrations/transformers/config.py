"""`config.json` as transformers holds it: the released fields as attributes, and back."""

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
    """The fields of a released `config.json`. What they say is checked when a model is made of them.

    Raises ValueError where rotary positions are scaled.
    """

    model_type = "minicpmv"

    def __post_init__(self, use_cache: bool = True, **kwargs: Any) -> None:
        # As the release has it, whichever of its ways transformers has written it in.
        tables = {name: kwargs.pop(name, None) for name in ROPE_TABLES}
        if any(table is not None for table in tables.values()):
            kwargs["rope_theta"] = rope_theta(tables | kwargs)
        super().__post_init__(**kwargs)
        self.use_cache = use_cache  # transformers drops it with what it takes for settings of `generate`
        self.auto_map: dict[str, str] = {}  # of a checkpoint it names code, and none of that is run

    @classmethod
    def of(cls, config: MiniCPMVConfig, facts: CheckpointFacts = RELEASED_FACTS) -> MiniCPMVPretrainedConfig:
        """As it would be read from the file that `model.weights.write_config` writes."""
        return cls.from_dict(config_fields(config, torch.float32, facts))

    def architecture(self) -> MiniCPMVConfig:
        """Raises ValueError where the fields are incomplete, out of bounds or of another kind of model."""
        return parse_config(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        # Other programs find the model by the released names, whatever class holds it here.
        return {**super().to_dict(), **{name: CONSTANT[name] for name in ("architectures", "auto_map")}}

    def to_diff_dict(self) -> dict[str, Any]:
        """What is written: the released layout, in which `dtype` has its older name."""
        fields = super().to_diff_dict()
        dtype = fields.pop("dtype", None)
        return {**fields, "rope_scaling": None, "torch_dtype": dtype}
