"""Hyperparameters of a preset, with a caller's overrides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PresetNumbers = TypeVar("PresetNumbers", bound="DataclassInstance")


def numbers_of_preset(presets: Mapping[str, PresetNumbers], preset: str, **changes: Any) -> PresetNumbers:
    """Those of a preset, with the `changes` that are not None; ValueError if there is no such preset."""
    if preset not in presets:
        raise ValueError(f"unknown preset {preset!r}; choose from {', '.join(presets)}")
    return replace(presets[preset], **{name: value for name, value in changes.items() if value is not None})


def check_above_zero(numbers: object, names: Sequence[str]) -> None:
    """ValueError that names each of these fields that is not above 0 or is infinite, which would spoil the weights."""
    if strange := [f"{name} {getattr(numbers, name)}" for name in names if not 0 < getattr(numbers, name) < math.inf]:
        raise ValueError(f"must be above 0: {', '.join(strange)}")
