"""The two files of a LoRA adapter in PEFT's format, checked before peft loads them, since they are untrusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from demiglace.fields import Either, Field, ListOf, Real, Switch, TableOf, Whole, Words, take
from demiglace.model.hub import ADAPTER_CONFIG_FILE
from demiglace.model.tensor_files import check_finite
from demiglace.safe_files import read_object

TENSOR_FILE = "adapter_model.safetensors"
MOST_BYTES = 2**20
MOST_REPEATS = 4  # in a pattern
# Ways to begin an adapter in which peft changes the base weights by random numbers, gradients or data that the files do
# not have; loaded again, the adapter would be added to other weights than it was trained with.
UNREPEATABLE = ("pissa_niter_", "lora_ga", "corda", "loftq")
_FIRST = re.compile(r"\.lora_(?:A\.|embedding_A)")  # the matrix whose first axis is the rank

RANK, SCALE = Whole(1, 2**16), Real(0, 1e6, above=True)
LAYER, NAMES = Whole(0, 2**16), ListOf(Words())
FIELDS: Mapping[str, Field] = {
    "r": RANK,
    "lora_alpha": SCALE,
    "lora_dropout": Real(0, 1, below=True),
    "target_modules": Either((Words(), NAMES)),
    "exclude_modules": Either((Words(), NAMES)),
    "modules_to_save": NAMES,
    "layers_pattern": Either((Words(), NAMES)),
    "layers_to_transform": Either((LAYER, ListOf(LAYER))),
    "rank_pattern": TableOf(RANK),
    "alpha_pattern": TableOf(SCALE),
    "bias": Words(("none", "all", "lora_only")),
    **dict.fromkeys(("fan_in_fan_out", "use_rslora", "use_dora", "lora_bias", "inference_mode"), Switch()),
}
REQUIRED = ("r", "lora_alpha", "target_modules")
PATTERNS = ("target_modules", "exclude_modules", "modules_to_save", "layers_pattern", "rank_pattern", "alpha_pattern")


def check_adapter(folder: Path) -> None:
    """Raises ValueError if a file is missing or malformed, or if numbers are out of bounds, NaN or infinite."""
    if missing := [name for name in (ADAPTER_CONFIG_FILE, TENSOR_FILE) if not (folder / name).is_file()]:
        raise ValueError(f"{folder} holds no adapter: {missing[0]} is missing")
    path = folder / ADAPTER_CONFIG_FILE
    given = {key: value for key, value in read_object(path, MOST_BYTES).items() if value is not None}
    take(str(path), given, {"peft_type": Words(("LORA",))}, ["peft_type"])
    config = take(str(path), given, FIELDS, REQUIRED)
    if "megatron_config" in given:  # peft would import a module that the file names
        raise ValueError(f"{path}: megatron_config is not supported")
    if str(begun := given.get("init_lora_weights")).lower().startswith(UNREPEATABLE):
        raise ValueError(
            f"{path}: init_lora_weights {begun:.50} changed the base weights in a way that is not in the files: save "
            "the adapter with peft's path_initial_model_for_weight_conversion"
        )
    for name in PATTERNS:
        held = config.get(name, [])
        for pattern in [held] if isinstance(held, str) else held:
            _check_pattern(f"{path}: {name}", pattern)
    _check_tensors(folder / TENSOR_FILE, config)


def _check_pattern(where: str, pattern: str) -> None:
    """ValueError if peft could not match the pattern, or might never finish: a repeated group can take forever."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{where} has {pattern!r:.50}, which is no pattern: {error}") from error
    repeats = re.findall(r"(\)?)(?:[*+]|\{\d*,\d*\})", pattern)
    if len(repeats) > MOST_REPEATS or any(repeats) or len(pattern) > 1000:
        raise ValueError(
            f"{where} has {pattern!r:.50}: patterns of up to 1000 characters are taken, with at most "
            f"{MOST_REPEATS} repeats and none of a group"
        )


def _check_tensors(path: Path, config: Mapping[str, Any]) -> None:
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    check_finite(path, tensors)
    ranks = [tensor.shape[0] for name, tensor in tensors.items() if _FIRST.search(name) and tensor.ndim]
    held = max(ranks, default=0)
    if (rank := max([config["r"], *config.get("rank_pattern", {}).values()])) > held:
        raise ValueError(f"{path} has matrices of rank {held} at most, but {ADAPTER_CONFIG_FILE} has rank {rank}")
