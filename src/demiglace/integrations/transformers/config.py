"""`config.json` as transformers holds it: the released fields as attributes, and back."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PretrainedConfig

from demiglace.model.config_file import CONSTANT, RELEASED_FACTS, CheckpointFacts, config_fields, parse_config
from demiglace.model.minicpmv import MiniCPMVConfig


class MiniCPMVPretrainedConfig(PretrainedConfig):
    """The fields of a released `config.json`. What they say is checked when a model is made of them."""

    model_type = "minicpmv"

    def __post_init__(self, rope_scaling: Any = None, use_cache: bool = True, **kwargs: Any) -> None:
        # The release writes that there is none; transformers would make another field of it.
        if rope_scaling is not None:
            raise ValueError(f"rotary positions are not scaled here, but rope_scaling is {rope_scaling!r:.50}")
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
