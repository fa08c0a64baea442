"""`config.json` as a vLLM config, without remote code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import vllm
from transformers import AutoConfig, PretrainedConfig, SiglipVisionConfig
from vllm.transformers_utils.config_parser_base import ConfigParserBase

from demiglace.integrations.vllm.version import check_version
from demiglace.model.config_file import REQUIRED, VISION_SIZES, parse_config
from demiglace.model.siglip import SiglipConfig

ARCHITECTURE = "DemiglaceMiniCPMV"  # name of `model.MiniCPMVForDemiglace` in vLLM


class Config(PretrainedConfig):
    """The fields as attributes; values implied by the released code are explicit, the encoder's in `vision_config`."""

    model_type = REQUIRED["model_type"]


class ConfigParser(ConfigParserBase):
    def parse(
        self,
        model: str | Path,
        trust_remote_code: bool,
        revision: str | None = None,
        code_revision: str | None = None,
        **options: Any,
    ) -> tuple[dict[str, Any], PretrainedConfig]:
        """From a checkpoint's folder or the hub. Raises ValueError as `check_version` and `parse_config` do."""
        check_version(vllm.__version__)
        fields, _ = PretrainedConfig.get_config_dict(model, revision=revision)
        parsed = parse_config(fields)
        # vLLM looks the type up in transformers again when it loads the tokenizer.
        AutoConfig.register(Config.model_type, Config, exist_ok=True)
        config = Config.from_dict(fields | {"architectures": [ARCHITECTURE]})
        config.resampler_num_heads = parsed.resampler.num_heads
        config.vision_config = _vision_config(parsed.vision)
        return fields, config


def _vision_config(vision: SiglipConfig) -> SiglipVisionConfig:
    return SiglipVisionConfig(
        **{name: getattr(vision, ours) for name, ours in VISION_SIZES.items()},
        image_size=vision.num_positions_per_side * vision.patch_size,
        layer_norm_eps=vision.layer_norm_eps,
        position_ids=vision.position_ids,
    )
