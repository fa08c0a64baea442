"""Files of sharded tensors: every process writes and reads its own shards.

The format is that of PyTorch's distributed checkpoints (DCP) in safetensors: one file for each process, which records
where in the full tensor each shard lies. Nothing is pickled, and any number of processes can read what another number
has written.
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

PATTERN = "shard-*.safetensors"  # DCP's names


@dataclass(frozen=True)
class SavedTensor:
    """A full tensor in the files, and how many of its elements are present."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    num_elements: int

    @property
    def is_complete(self) -> bool:
        return self.num_elements == math.prod(self.shape)


def write_parts(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the shards of this process, flushed to the disk; all processes call it with the same names.

    Raises OSError in every process if one of them cannot write.
    """
    import torch.distributed.checkpoint as dcp

    writer = dcp.HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with _errors_of_dcp():
        dcp.save(dict(tensors), storage_writer=writer)


def contents(folder: Path) -> dict[str, SavedTensor]:
    """The tensors of all files together, by name; ValueError if a file is damaged."""
    from torch.distributed.checkpoint import HuggingFaceStorageReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    try:
        metadata = HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    except (SafetensorError, OSError) as error:
        raise ValueError(f"a file of {folder} is damaged ({error}); remove its folder to resume from an "
                         "earlier one") from error  # fmt: skip
    saved = {}
    for name, tensor in metadata.items():
        assert isinstance(tensor, TensorStorageMetadata)
        num_elements = sum(math.prod(chunk.sizes) for chunk in tensor.chunks)
        saved[name] = SavedTensor(tuple(tensor.size), tensor.properties.dtype, num_elements)
    return saved


def read_parts(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Fill the tensors, full ones or this process's shards; each process reads independently."""
    import torch.distributed.checkpoint as dcp

    reader = dcp.HuggingFaceStorageReader(str(folder))
    with _errors_of_dcp(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        dcp.load(dict(tensors), storage_reader=reader, no_dist=True)


@contextmanager
def _errors_of_dcp() -> Iterator[None]:
    """Raises the error of the lowest failing rank as an OSError: DCP's own error is not an Exception."""
    from torch.distributed.checkpoint.api import CheckpointException

    try:
        yield
    except CheckpointException as failure:
        rank, (error, _) = min(failure.failures.items())
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, f"{error.strerror} (process {rank})", error.filename) from failure
        raise OSError(errno.EIO, f"process {rank}: {error}") from failure
