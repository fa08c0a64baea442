"""How a training command ends is told in a user's words."""

from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import Result

from demiglace.cli.training_command import MemoryAdvice, run_together
from demiglace.jobs.machine import Machine


def ended_by(error: BaseException, thrift: MemoryAdvice | None = None) -> None:
    def job(machine: Machine) -> Path:
        raise error

    run_together(job, Machine(torch.device("cpu"), torch.float32), "model", thrift)


def test_without_more_knowledge_the_options_of_all_are_named() -> None:
    with pytest.raises(
        ValueError, match="with a lower --micro-batch-rows the same command goes on from its last checkpoint"
    ):
        ended_by(MemoryError())


def test_the_folder_tells_how_far_it_came(tmp_path: Path) -> None:
    held = tmp_path / "vision" / "step-00000040"
    held.mkdir(parents=True)
    (held / "state.json").write_text("{}")
    with pytest.raises(
        ValueError, match="--micro-batch-rows the same command goes on from step 40 of vision; a lower --length"
    ):
        ended_by(torch.OutOfMemoryError("CUDA out of memory."), MemoryAdvice(folder=tmp_path))


def test_a_worker_that_died_is_one_line() -> None:
    death = RuntimeError("a process that prepares samples has died")
    death.__cause__ = BrokenProcessPool()
    with pytest.raises(ValueError, match="that prepares samples has died"):
        ended_by(death)


@pytest.mark.parametrize("error", [RuntimeError("ours"), typer.Exit(3), KeyboardInterrupt()])
def test_what_is_not_of_the_user_stays_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        ended_by(error)
    assert caught.value is error


@pytest.mark.parametrize("command", ["pretrain", "sft", "rl", "prefer"])
def test_a_run_may_begin_from_the_model_inside_the_package(
    run: Callable[..., Result], tmp_path: Path, command: str
) -> None:
    stages = ("resampler", "vision", "full", "general", "long_cot_3d", "hybrid_rl", "preference")
    weights = ", ".join(f"{stage} = 1.0" for stage in stages)
    source = f'[[source]]\nname = "drawn"\nkind = "instructions"\nweights = {{ {weights} }}\n'
    (tmp_path / "mixture.toml").write_text(source)
    options = ["--preset", "nano", "--start", "nano", "--folder", tmp_path / "run", "--device", "cpu"]
    result = run(command, tmp_path / "mixture.toml", *options, "--dtype", "float16")
    assert result.stderr == "demiglace: training computes in float32 or bfloat16, got torch.float16\n"
