"""The safetensors files of a checkpoint: which tensors they have, read one at a time.

Files are not trusted: only safetensors are read, and only from inside the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from demiglace.safe_files import read_object

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
MOST_JSON_BYTES = 64 * 2**20
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
FLOATS = ("F64", "F32", "F16", "BF16")


@dataclass(frozen=True)
class StoredTensor:
    """The shape and dtypes that a stored tensor has or must have; a shape of None allows any. Dtypes as in the file."""

    shape: tuple[int, ...] | None
    dtypes: tuple[str, ...] = FLOATS


class TensorFiles:
    """Open files, and their tensors by name."""

    def __init__(self, files: Mapping[Path, Any]) -> None:
        self.found: dict[str, StoredTensor] = {}
        self._places: dict[str, tuple[Path, Any]] = {}
        for path, file in files.items():
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                self.found[name] = StoredTensor(tuple(part.get_shape()), (part.get_dtype(),))
                self._places[name] = path, file

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """The tensor as stored, or in `dtype`; ValueError if a number is NaN or infinite.

        Returns a copy: safetensors maps files into memory, so if other weights were copied over the file, a running
        model would change or crash.
        """
        path, file = self._places[name]
        stored: Tensor = file.get_tensor(name)
        tensor = stored.to(dtype or stored.dtype, copy=stored.device.type == "cpu")
        check_finite(path, {name: tensor})
        return tensor


@contextmanager
def open_tensors(folder: Path, device: torch.device | str = "cpu") -> Iterator[TensorFiles]:
    """The files of the checkpoint in `folder`; tensors are read to `device`. ValueError if one cannot be opened."""
    with ExitStack() as opened:
        files = {}
        for path in _tensor_files(folder):
            try:
                files[path] = opened.enter_context(safe_open(path, framework="pt", device=str(device)))
            except SafetensorError as error:
                raise ValueError(f"{path} is damaged: {error}") from error
        yield TensorFiles(files)


def _tensor_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint, all present; a folder with two models is refused."""
    if (folder / SINGLE_FILE).is_file():
        if (folder / INDEX_FILE).is_file() and SINGLE_FILE not in _named_in_index(folder):
            # transformers' `save_pretrained` leaves an older file beside new shards, and `from_pretrained` loads it.
            raise ValueError(f"{folder} holds {SINGLE_FILE} and the shards of {INDEX_FILE}: remove the one that is old")
        return [folder / SINGLE_FILE]
    if not (folder / INDEX_FILE).is_file():
        pickles = sorted(path.name for path in folder.glob("*") if path.suffix in PICKLES)
        refused = f"; {', '.join(pickles)} may run code when opened, so only safetensors are read" if pickles else ""
        raise ValueError(f"neither {SINGLE_FILE} nor {INDEX_FILE} in {folder}{refused}")
    names = _named_in_index(folder)
    if outside := [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]:
        raise ValueError(f"{INDEX_FILE} names what is no safetensors file inside the folder: {some_of(outside)}")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ValueError(f"{len(missing)} of {len(names)} shards are missing in {folder}: {some_of(missing)}")
    return [folder / name for name in names]


def _named_in_index(folder: Path) -> list[str]:
    places = read_object(folder / INDEX_FILE, MOST_JSON_BYTES).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise ValueError(f"{INDEX_FILE} has no weight_map of tensor names to file names")
    return sorted(set(places.values()))


def check_finite(where: str | PathLike[str], tensors: Mapping[str, Tensor]) -> None:
    """ValueError that names the tensors with NaN or infinite numbers: a model with them gives meaningless answers."""
    spoiled = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    if spoiled:
        dtypes = sorted({str(tensors[name].dtype).removeprefix("torch.") for name in spoiled})
        raise ValueError(
            f"{len(spoiled)} tensors in {where} are NaN or infinite in {', '.join(dtypes)}: {some_of(spoiled)}"
        )


def _is_finite(tensor: Tensor) -> bool:
    """Tests minimum and maximum, which are NaN if any number is: one pass over the tensor, without a copy."""
    return not tensor.numel() or all(bool(edge.isfinite()) for edge in tensor.aminmax())


def some_of(names: Sequence[str]) -> str:
    """The first ten names, joined."""
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
