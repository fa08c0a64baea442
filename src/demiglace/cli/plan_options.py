"""Options of `demiglace plan` for training and answering, combined with the defaults of the planned job's command."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from demiglace.cli.planned_jobs import DPO, FINETUNE, JOBS, RL, SERVE, finetuned, job_numbers
from demiglace.cli.training_options import ActivationCheckpointing, finetuning_method

if TYPE_CHECKING:
    from demiglace.cli.planned_jobs import JobNumbers
    from demiglace.data.dataset_statistics import DatasetStatistics
    from demiglace.model.minicpmv import MiniCPMVConfig
    from demiglace.planning.job_plan import Answers
    from demiglace.planning.training_setup import Method, TrainingSetup


@dataclass(frozen=True)
class LearningOptions:
    """What is trained, in rows of which size, for how long; None keeps the default of the job's command."""

    full: Annotated[bool, typer.Option("--full", help="Train all weights of the parts.")] = False
    lora: Annotated[bool, typer.Option("--lora", help="Train adapters (the default of finetune).")] = False
    qlora: Annotated[bool, typer.Option("--qlora", help="Train adapters on 4-bit weights.")] = False
    learn: Annotated[str | None, typer.Option(help="Parts to train. [default: the job's]")] = None
    rank: Annotated[int | None, typer.Option(help="Rank of the adapters. [default: 16]", min=1)] = None
    length: Annotated[int | None, typer.Option(help="Tokens of a row. [default: the job's]", min=1)] = None
    batch_rows: Annotated[
        int | None, typer.Option(help="Rows per step; pairs in DPO, prompts in RL. [default: the job's]", min=1)
    ] = None
    micro_batch_rows: Annotated[
        int | None, typer.Option(help="Rows in one forward pass. [default: the job's]", min=1)
    ] = None
    activation_checkpointing: ActivationCheckpointing = False
    epochs: Annotated[
        float | None,
        typer.Option(help="Passes over the records. [default: the steps of the job's recipe, else 3]", min=0),
    ] = None
    steps: Annotated[int | None, typer.Option(help="Steps, instead of epochs.", min=1)] = None
    dtype: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(help="Dtype of matrix products. [default: bfloat16 on a GPU]"),
    ] = None

    def check(self, job: str) -> None:
        """ValueError for options that the job's command would refuse for any model, before one is fetched."""
        if job not in JOBS:
            raise ValueError(f"unknown job {job!r}; choose from {', '.join(JOBS)}")
        if job == SERVE:
            _refuse_idle(job, {name: value for name, value in vars(self).items() if name not in ("length", "dtype")})
        if self._method(job, self._parts(finetuned())) == "full":
            _refuse_idle(f"{job} of all weights", {"rank": self.rank})

    def products(self, gpu: str) -> str:
        """The dtype of matrix products on such a device."""
        return self.dtype or ("float32" if gpu == "cpu" else "bfloat16")

    def numbers(self, job: str, config: MiniCPMVConfig) -> JobNumbers:
        """The job's numbers for a model of this size, overridden by the options."""
        numbers = job_numbers(job, config)
        sizes = {name: getattr(self, name) for name in ("length", "batch_rows", "micro_batch_rows")}
        chosen = {name: size for name, size in sizes.items() if size is not None}
        return replace(
            numbers, **chosen,
            num_steps=numbers.num_steps if self.steps is None and self.epochs is None else self.steps,
            activation_checkpointing=self.activation_checkpointing or numbers.activation_checkpointing,
        )  # fmt: skip

    def setup(self, job: str, numbers: JobNumbers, gpu: str, gpus: int) -> TrainingSetup:
        """The training setup; ValueError for options that the job's command would refuse."""
        from demiglace.model.adapters import Lora
        from demiglace.planning.training_setup import TrainingSetup

        rank = Lora().rank if self.rank is None else self.rank
        parts = self._parts(numbers.trainable)
        method = self._method(job, parts)
        if job != SERVE:
            self._check_processes(method, numbers.batch_rows, gpus)
        rows = 2 if job == DPO else 1  # per pair
        micro_batch = min(numbers.micro_batch_rows, max(1, numbers.batch_rows // gpus))
        return TrainingSetup(
            method, parts, Lora(rank, scale=2.0 * rank), numbers.length, rows * numbers.batch_rows,
            rows * micro_batch, numbers.activation_checkpointing,
            self.products(gpu), gpus, reads_reference=job == DPO, muon=numbers.muon,
        )  # fmt: skip

    def num_steps(self, job: str, numbers: JobNumbers, data: DatasetStatistics) -> int:
        """ValueError if the records are endless and no number of steps is given."""
        from demiglace.recipes.finetuning import FinetuningRecipe

        if numbers.num_steps is not None:
            return numbers.num_steps
        if not data.num_records:
            raise ValueError("the sources are endless: give --steps")
        epochs = FinetuningRecipe.epochs if self.epochs is None else self.epochs
        if job in (DPO, RL):  # pairs and prompts are not packed
            return max(1, math.ceil(epochs * data.num_records / numbers.batch_rows))
        return data.lengths.num_steps(epochs, numbers.batch_rows)

    def _parts(self, trainable: tuple[str, ...]) -> tuple[str, ...]:
        """The parts to train. trainable: prefixes of the names of parameters that are trained by default."""
        from demiglace.planning.training_setup import PARTS

        if self.learn is None:
            return tuple(part for part, name in PARTS.items() if f"model.{name}".startswith(trainable))
        parts = tuple(part.strip() for part in self.learn.split(",") if part.strip())
        if not parts or set(parts) - PARTS.keys():
            raise ValueError(f"the parts to train must be among {', '.join(PARTS)}, got {self.learn!r}")
        return parts

    def _method(self, job: str, parts: tuple[str, ...]) -> Method:
        from demiglace.model.adapters import targets_of

        if job != FINETUNE:
            if self.lora or self.qlora:
                raise ValueError(f"adapters are only for --job {FINETUNE}, got --job {job}")
            return "full"
        method = finetuning_method(self.full, self.lora, self.qlora)
        if method != "full":
            targets_of(parts)
        return method

    def _check_processes(self, method: Method, batch_rows: int, count: int) -> None:
        from demiglace.training.distributed import ProcessGroup

        if self.epochs is not None and not 0 < self.epochs < math.inf:
            raise ValueError(f"--epochs must be above 0, got {self.epochs}")
        ProcessGroup(count=count).share(batch_rows)
        if method == "qlora" and count > 1:
            raise ValueError(f"4-bit weights are trained in one process, got --gpus {count}: --lora allows any number")


@dataclass(frozen=True)
class AnsweringOptions:
    """Length and number of concurrent answers; None keeps the defaults."""

    answer_tokens: Annotated[
        int | None, typer.Option(help="Tokens of a generated answer, in RL and serve. [default: 256]", min=1)
    ] = None
    concurrent: Annotated[
        int | None, typer.Option(help="Concurrent answers on each device, in RL and serve. [default: 32]", min=1)
    ] = None
    group: Annotated[int | None, typer.Option(help="Answers to a prompt in RL. [default: 8]", min=1)] = None

    def check(self, job: str) -> None:
        """ValueError on options that the job does not use."""
        if job not in (RL, SERVE):
            _refuse_idle(job, vars(self))
        if job == SERVE:
            _refuse_idle(job, {"group": self.group})

    def answers(self) -> Answers:
        from demiglace.planning.job_plan import Answers

        return Answers(self.answer_tokens or Answers.limit, self.concurrent or Answers.concurrent)

    @property
    def num_of_a_prompt(self) -> int:
        from demiglace.rl.policy_settings import PolicySettings

        return self.group or PolicySettings.answers


def _refuse_idle(what: str, options: Mapping[str, object]) -> None:
    if given := [name for name, value in options.items() if value not in (None, False)]:
        raise ValueError(f"--{given[0].replace('_', '-')} has no effect for {what}")
