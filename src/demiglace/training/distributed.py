"""Distributed training: sums over processes, and sharding of a learner's weights.

`torchrun` starts the processes; a single one does not use `torch.distributed`. Weights, gradients and optimizer states
are sharded by FSDP2 (Zhao et al., 2023): every process holds a shard of each and gathers a layer when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

# How long processes wait for each other (ours). A file from an object store may take half an hour, which is PyTorch's
# default timeout; NCCL's is ten minutes.
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True)
class ProcessGroup:
    """This process among `count` of them."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, num_streams: int) -> range:
        """The streams of this process; ValueError if they cannot be split evenly."""
        if num_streams % self.count:
            raise ValueError(
                f"{num_streams} rows per step cannot be split evenly among {self.count} processes: a "
                f"multiple of {self.count} can"
            )
        each = num_streams // self.count
        return range(self.rank * each, (self.rank + 1) * each)

    def sum(self, values: Sequence[float]) -> list[float]:
        """Each value summed over all processes."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return total.tolist()

    def merge(self, own: Mapping[Any, Any]) -> dict[Any, Any]:
        """The union of the mappings of all processes, which have different keys."""
        if self.count == 1:
            return dict(own)
        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, own)
        return {key: value for part in parts for key, value in part.items()}

    def largest(self, value: int) -> int:
        """The largest of the values of all processes."""
        return max(self.merge({self.rank: value}).values())

    def first(self, job: Callable[[], object]) -> None:
        """Run the job in the first process while the others wait. If it raises ValueError or OSError, all raise."""
        error: Exception | None = None
        if self.is_first:
            try:
                job()
            except (ValueError, OSError) as raised:
                error = raised
        messages = self.merge({} if error is None else {self.rank: str(error)})
        if error is not None:
            raise error
        if messages:
            raise ValueError(messages[0])

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.count > 1:
            dist.barrier()


ALONE = ProcessGroup()


@contextmanager
def distributed(device: torch.device) -> Iterator[ProcessGroup]:
    """The group of all processes that `torchrun` started, or of this one alone."""
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """The device of this process: if several share a machine, each gets its own GPU."""
    if device.type != "cuda" or not dist.is_torchelastic_launched():
        return device
    return torch.device("cuda", dist.get_node_local_rank(fallback_rank=0))


def shard(learner: nn.Module, ranks: ProcessGroup) -> None:
    """Shard a learner over the processes, if there is more than one."""
    if ranks.count > 1:
        shard_layers(learner, ranks.count)


def shard_layers(learner: nn.Module, count: int) -> None:
    """Shard every layer of each `nn.ModuleList`, and then the rest, over `count` processes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(next(learner.parameters()).device.type, (count,))
    for layers in [module for module in learner.modules() if isinstance(module, nn.ModuleList)]:
        for layer in layers:
            fully_shard(layer, mesh=mesh)
    fully_shard(learner, mesh=mesh)


def is_sharded(tensor: Tensor) -> bool:
    if type(tensor) in (Tensor, nn.Parameter):
        return False  # avoids an import that takes seconds
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def full_tensor(tensor: Tensor) -> Tensor:
    """A tensor gathered from all processes, which must all call this; unchanged if it is not sharded."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def shard_like(tensor: Tensor, model: Tensor) -> Tensor:
    """This process's shard of a full tensor that every process holds, sharded like `model`."""
    if not is_sharded(model):
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(model, DTensor)
    return distribute_tensor(tensor.to(model.device), model.device_mesh, model.placements, src_data_rank=None)
