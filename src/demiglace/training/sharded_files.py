"""Tensors that several processes hold parts of, as files: every process writes and reads its own parts.

The format is that of PyTorch's distributed checkpoints (DCP) in safetensors: one file for each process, which says
where in the whole tensor each part lies. Nothing in it is pickled, and any number of processes reads what another has
written.
"""

from __future__ import annotations

import errno
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

PATTERN = "shard-*.safetensors"  # what DCP calls them


@dataclass(frozen=True)
class Held:
    """A whole tensor in the files, and how many of its numbers are there."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    num_there: int

    @property
    def is_whole(self) -> bool:
        return self.num_there == math.prod(self.shape)


def write_parts(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the parts of this process, flushed to the disk; all processes call it with the same names.

    Raises OSError in every process where one of them cannot write.
    """
    import torch.distributed.checkpoint as dcp

    writer = dcp.HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with _errors_of_dcp():
        dcp.save(dict(tensors), storage_writer=writer)


def contents(folder: Path) -> dict[str, Held]:
    """What the files hold together, by name; ValueError where one of them is damaged."""
    from torch.distributed.checkpoint import HuggingFaceStorageReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    try:
        found = HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    except (SafetensorError, OSError) as error:
        raise ValueError(f"a file of {folder} is damaged ({error}); without its folder the run goes on from an "
                         "earlier one") from error  # fmt: skip
    held = {}
    for name, one in found.items():
        assert isinstance(one, TensorStorageMetadata)
        num_there = sum(math.prod(chunk.sizes) for chunk in one.chunks)
        held[name] = Held(tuple(one.size), one.properties.dtype, num_there)
    return held


def read_parts(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Fill the tensors, whole ones or this process's parts, each process for itself."""
    import torch.distributed.checkpoint as dcp

    reader = dcp.HuggingFaceStorageReader(str(folder))
    with _errors_of_dcp(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        dcp.load(dict(tensors), storage_reader=reader, no_dist=True)


@contextmanager
def _errors_of_dcp() -> Iterator[None]:
    """The first error among the processes, as the system gave it: DCP's own is no Exception."""
    from torch.distributed.checkpoint.api import CheckpointException

    try:
        yield
    except CheckpointException as told:
        rank, (error, _) = min(told.failures.items())
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, f"{error.strerror} (process {rank})", error.filename) from told
        raise OSError(errno.EIO, f"process {rank}: {error}") from told
