"""Where a model runs: device and dtype by name."""

from __future__ import annotations

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def device_named(name: str | None) -> torch.device:
    """The device of that name; without a name, a GPU if there is one. ValueError if the device cannot be used."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        one = torch.ones(1, device=name)
        one.item()  # "meta" can create a tensor, but has no values to read
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        raise ValueError(f"device {name!r} cannot be used here: {reason}") from error
    if one.device.type == "cpu" and torch.device(name).index:  # torch accepts any index for its single CPU device
        raise ValueError(f"device {name!r} cannot be used here: the only CPU device is cpu")
    return one.device


def dtype_named(name: str | None, device: torch.device) -> torch.dtype:
    """The dtype of that name; without a name, `default_dtype` of the device."""
    if name is None:
        return default_dtype(device)
    if name not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {name!r}")
    return DTYPES[name]


def default_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where its matrix products are fast, on GPUs and on CPUs with hardware support for it; else float32."""
    if torch.device(device).type != "cpu":
        return torch.bfloat16
    has_units = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if has_units else torch.float32
