"""A stage that several processes learn together: the rows of a batch are dealt out to them.

    python tests/small_processes.py 2:FOLDER:4 4:FOLDER:8   # 2 processes to step 4, then 4 to step 8

They are forked from this one process, so that PyTorch is imported once.
"""

import subprocess
import sys
from pathlib import Path

import torch
import torch._dynamo  # what follows is imported before processes are forked
import torch.distributed as dist
import torch.distributed.checkpoint
import torch.distributed.fsdp
import torch.multiprocessing
from small_stage import Small, stage
from torch import nn

from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.trainer import Trainer

ROWS = 8  # of a step


class Learner(nn.Module):
    """Muon learns the matrix of `layers`; the head has fewer rows than there are processes."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Small()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model.head(self.model.layers[0](x).tanh())


class SharedRegression:
    def __init__(self, ranks: ProcessGroup) -> None:
        self.ranks, self.steps_done = ranks, 0

    def __call__(self, learner: Learner, step: int):
        rows = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(step))
        x = rows.chunk(self.ranks.count)[self.ranks.rank]
        self.steps_done = step + 1
        answers = learner(x)
        yield (answers - x[:, :2]).square().sum() / ROWS, {"seen": float(len(x))}


def run_in(*plan: tuple[int, Path, int]) -> None:
    """One after the other: in so many processes, in a folder, up to a step."""
    command = [sys.executable, __file__, *(f"{count}:{folder}:{steps}" for count, folder, steps in plan)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def learn(rank: int, count: int, folder: str, num_steps: int) -> None:
    ranks = ALONE if count == 1 else ProcessGroup(rank, count)
    if count > 1:
        dist.init_process_group(
            "gloo", init_method=f"file://{folder}.meeting-{count}-{num_steps}", rank=rank, world_size=count
        )
    objective, settings = SharedRegression(ranks), stage(8, trainable=("model",), save_every=4)
    Trainer(
        Learner(), settings, objective, Path(folder), ranks=ranks, is_enough=lambda: objective.steps_done >= num_steps
    ).run()
    if count > 1:
        dist.destroy_process_group()


def main() -> None:
    for one in sys.argv[1:]:
        count, folder, num_steps = one.split(":")
        given = (int(count), folder, int(num_steps))
        torch.multiprocessing.start_processes(learn, given, nprocs=int(count), start_method="fork")


if __name__ == "__main__":
    main()
