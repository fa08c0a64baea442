"""Where a model comes from and where it runs: a folder or hub id, a device, a dtype, by name."""

from __future__ import annotations

from importlib.resources import files
from os import PathLike
from pathlib import Path

import torch

from demiglace.model.weights import default_dtype, resolve

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def folder_of(path_or_id: str | PathLike[str] | None) -> Path:
    """The folder of a checkpoint, here or on the hub; None is the nano model inside the package."""
    if path_or_id is not None:
        return resolve(path_or_id)
    folder = Path(str(files("demiglace"))) / "checkpoints" / "nano"
    if not folder.is_dir():
        raise ValueError("this installation carries no model: name a checkpoint's folder or hub id")
    return folder


def device_named(name: str | None) -> torch.device:
    """The device of that name, or without one a GPU where there is one; ValueError where it cannot be used."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        one = torch.ones(1, device=name)
        one.item()  # "meta" makes numbers, but keeps none
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        raise ValueError(f"device {name!r} cannot be used here: {reason}") from error
    if one.device.type == "cpu" and torch.device(name).index:  # torch takes any number for the one there is
        raise ValueError(f"device {name!r} cannot be used here: there is one, cpu")
    return one.device


def dtype_named(name: str | None, device: torch.device) -> torch.dtype:
    """The dtype of that name, or without one what suits the device."""
    if name is None:
        return default_dtype(device)
    if name not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {name!r}")
    return DTYPES[name]
