"""A file for llama.cpp, written tensor by tensor with `gguf`, an extra (`pip install 'demiglace[quant]'`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor

NumberType = Literal["F32", "F16", "Q8_0"]
Q8_0_BLOCK = 32  # numbers in a row that share a scale


@dataclass(frozen=True)
class FileTensor:
    """A tensor by its name in the file, and a function that reads its numbers."""

    name: str
    shape: tuple[int, ...]
    type: NumberType
    read: Callable[[], Tensor]


def gguf_module() -> Any:
    """The library; ValueError if it is missing."""
    try:
        import gguf
    except ImportError as error:
        raise ValueError("writing GGUF needs gguf: pip install 'demiglace[quant]'") from error
    return gguf


def write_file(path: Path, architecture: str, fields: Mapping[str, Any], tensors: Sequence[FileTensor]) -> None:
    """Write `fields`, by their GGUF keys, and `tensors`, one at a time in memory.

    Booleans, floats, strings and lists keep their types; integers are written as uint32, numpy's int32 as int32. Raises
    ValueError if a tensor cannot be stored in its type.
    """
    gguf = gguf_module()
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in fields.items():
        _add(writer, key, value)
    for tensor in tensors:
        bytes_shape, number = _stored_as(tensor)
        kind = gguf.GGMLQuantizationType[tensor.type]
        size = int(np.prod(bytes_shape)) * number.itemsize
        writer.add_tensor_info(tensor.name, bytes_shape, number, size, raw_dtype=kind)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors:
            writer.write_tensor_data(_numbers(tensor))
    finally:
        writer.close()


def _add(writer: Any, key: str, value: Any) -> None:
    kinds = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
    adders = {**kinds, list: writer.add_array, np.int32: writer.add_int32}
    adders[type(value)](key, value)


def _stored_as(tensor: FileTensor) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of the array that is written."""
    if tensor.type != "Q8_0":
        return tensor.shape, np.dtype({"F32": np.float32, "F16": np.float16}[tensor.type])
    if tensor.shape[-1] % Q8_0_BLOCK:
        raise ValueError(f"Q8_0 needs rows of a multiple of {Q8_0_BLOCK}, but {tensor.name} has {tensor.shape[-1]}")
    blocks = tensor.shape[-1] // Q8_0_BLOCK
    return (*tensor.shape[:-1], blocks * (2 + Q8_0_BLOCK)), np.dtype(np.uint8)  # a block begins with its scale


def _numbers(tensor: FileTensor) -> np.ndarray[Any, Any]:
    gguf = gguf_module()
    numbers = tensor.read().float().contiguous().numpy()
    if numbers.shape != tensor.shape:
        raise ValueError(f"{tensor.name} has the shape {numbers.shape}, not {tensor.shape}")
    if tensor.type != "F32" and np.abs(numbers).max(initial=0) > np.finfo(np.float16).max:
        raise ValueError(f"{tensor.name} has numbers above {np.finfo(np.float16).max:g}, the largest of {tensor.type}")
    stored: np.ndarray[Any, Any] = gguf.quants.quantize(numbers, gguf.GGMLQuantizationType[tensor.type])
    return stored
