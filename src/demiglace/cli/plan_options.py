"""Options of `demiglace plan` that say how a model learns, and what the command of the planned job makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from demiglace.cli.training_options import finetuning_method

if TYPE_CHECKING:
    from demiglace.data.dataset_statistics import DatasetStatistics
    from demiglace.planning.training_setup import Method, TrainingSetup

FINETUNE, DPO, RL, SERVE = "finetune", "dpo", "hybrid_rl", "serve"
JOBS = (FINETUNE, "resampler", "vision", "full", "general", "long_cot_3d", DPO, RL, SERVE)
JOB_PARTS = {  # what learns where nothing is chosen, as in the recipes; in other stages all parts do
    FINETUNE: "decoder",
    "resampler": "resampler",
    "vision": "encoder,resampler",
    DPO: "resampler,decoder",
    RL: "resampler,decoder",
}


@dataclass(frozen=True)
class LearningOptions:
    """What learns, in rows of which size, for how long."""

    full: Annotated[bool, typer.Option("--full", help="All weights of the parts learn.")] = False
    lora: Annotated[bool, typer.Option("--lora", help="Adapters learn (the default of finetune).")] = False
    qlora: Annotated[bool, typer.Option("--qlora", help="Adapters learn beside weights of 4 bits.")] = False
    learn: Annotated[str | None, typer.Option(help="Parts that learn. [default: the job's]")] = None
    rank: Annotated[int, typer.Option(help="Of the adapters.", min=1)] = 16
    length: Annotated[int, typer.Option(help="Tokens of a row.", min=1)] = 2048
    batch_rows: Annotated[int, typer.Option(help="Rows of a step; of pairs in DPO, prompts in RL.", min=1)] = 4
    micro_batch_rows: Annotated[int, typer.Option(help="Rows in memory at once.", min=1)] = 1
    activation_checkpointing: Annotated[
        bool,
        typer.Option("--activation-checkpointing", help="Layers are computed again; always in stages of the 8b size."),
    ] = False
    epochs: Annotated[float, typer.Option(help="Passes over the records.", min=0)] = 3.0
    steps: Annotated[int | None, typer.Option(help="Instead of epochs.", min=1)] = None
    dtype: Annotated[
        Literal["float32", "bfloat16"] | None, typer.Option(help="Of products. [default: bfloat16 on a GPU]")
    ] = None

    def setup(self, job: str, gpu: str, gpus: int) -> TrainingSetup:
        """ValueError for what the command of the job would refuse."""
        from demiglace.model.adapters import Lora
        from demiglace.planning.training_setup import TrainingSetup

        parts = self._parts(job)
        method = self._method(job, parts)
        if job != SERVE:
            self._check_processes(method, gpus)
        rows = 2 if job == DPO else 1  # of a pair
        at_once = min(self.micro_batch_rows, max(1, self.batch_rows // gpus))
        return TrainingSetup(
            method, parts, Lora(self.rank, scale=2.0 * self.rank), self.length, rows * self.batch_rows, rows * at_once,
            self.activation_checkpointing, self.dtype or ("float32" if gpu == "cpu" else "bfloat16"), gpus,
            reads_reference=job == DPO,
        )  # fmt: skip

    def num_steps(self, job: str, seen: DatasetStatistics) -> int:
        """ValueError where the records have no end and no number of steps is given."""
        if self.steps is not None:
            return self.steps
        if not seen.num_records:
            raise ValueError("the sources draw without end: say how many --steps")
        units = seen.num_records if job == RL else seen.expected_tokens / self.length
        return max(1, round(self.epochs * units / self.batch_rows))

    def _parts(self, job: str) -> tuple[str, ...]:
        from demiglace.planning.training_setup import PARTS

        if job not in JOBS:
            raise ValueError(f"no job {job!r}; there are {', '.join(JOBS)}")
        wanted = self.learn or JOB_PARTS.get(job) or ",".join(PARTS)
        parts = tuple(part.strip() for part in wanted.split(",") if part.strip())
        if not parts or set(parts) - PARTS.keys():
            raise ValueError(f"parts that learn are some of {', '.join(PARTS)}, got {wanted!r}")
        return parts

    def _method(self, job: str, parts: tuple[str, ...]) -> Method:
        from demiglace.model.adapters import targets_of

        if job != FINETUNE:
            if self.lora or self.qlora:
                raise ValueError(f"adapters are for {FINETUNE}, and --job {job} was chosen")
            return "full"
        method = finetuning_method(self.full, self.lora, self.qlora)
        if method != "full":
            targets_of(parts)
        return method

    def _check_processes(self, method: Method, count: int) -> None:
        from demiglace.training.distributed import ProcessGroup

        if not (self.epochs > 0 and math.isfinite(self.epochs)):
            raise ValueError(f"--epochs must be above 0, got {self.epochs}")
        ProcessGroup(count=count).share(self.batch_rows)
        if method == "qlora" and count > 1:
            raise ValueError(f"weights of 4 bits stay in one process, got --gpus {count}: --lora learns in any number")
