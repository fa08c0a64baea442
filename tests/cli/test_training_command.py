"""How a training command ends is told in a user's words."""

from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import Result

from demiglace.cli.training_command import MemoryAdvice, memory_saving_options, run_together
from demiglace.jobs.machine import Machine

STAGES = ("resampler", "vision", "full", "general", "long_cot_3d", "hybrid_rl", "preference")
MIXTURE = f"""
[[source]]
name = "drawn"
kind = "instructions"
weights = {{ {", ".join(f"{stage} = 1.0" for stage in STAGES)} }}
"""
ADVICE = MemoryAdvice(("--micro-batch-rows below 2",), ("--length below 512",))


def ended_by(error: BaseException, advice: MemoryAdvice = ADVICE) -> None:
    def job(machine: Machine) -> Path:
        raise error

    run_together(job, Machine(torch.device("cpu"), torch.float32), "model", advice)


def test_what_takes_less_memory_is_named_where_it_has_run_out() -> None:
    with pytest.raises(
        ValueError, match="with --micro-batch-rows below 2 the same command goes on from its last checkpoint"
    ):
        ended_by(MemoryError())


def test_what_is_done_already_is_not_advised() -> None:
    assert memory_saving_options("--micro-batch-rows", 4, False) == (
        "--micro-batch-rows below 4",
        "--activation-checkpointing",
    )
    assert memory_saving_options("--micro-batch-rows", 1, False) == ("--activation-checkpointing",)
    assert memory_saving_options("--micro-batch-rows", 1, True) == ()
    with pytest.raises(ValueError, match="out of memory: where there is more of it the same command goes on"):
        ended_by(MemoryError(), MemoryAdvice((), ()))


def test_the_folder_tells_how_far_it_came(tmp_path: Path) -> None:
    held = tmp_path / "vision" / "step-00000040"
    held.mkdir(parents=True)
    (held / "state.json").write_text("{}")
    with pytest.raises(ValueError, match="below 2 the same command goes on from step 40 of vision; --length below 512"):
        ended_by(torch.OutOfMemoryError("CUDA out of memory."), replace(ADVICE, folder=tmp_path))


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
    (tmp_path / "mixture.toml").write_text(MIXTURE)
    options = ["--preset", "nano", "--start", "nano", "--folder", tmp_path / "run", "--device", "cpu"]
    result = run(command, tmp_path / "mixture.toml", *options, "--dtype", "float16")
    assert result.stderr == "demiglace: training needs float32 or bfloat16, got torch.float16\n"


@pytest.mark.parametrize(
    ("command", "job"), [("pretrain", "staged"), ("sft", "staged"), ("rl", "rl"), ("prefer", "preference")]
)
@pytest.mark.parametrize(("preset", "options", "wanted"), [
    ("nano", (), False), ("nano", ("--activation-checkpointing",), True), ("8b", (), True),
])  # fmt: skip
def test_every_training_command_may_compute_its_layers_again(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    command: str, job: str, preset: str, options: tuple[str, ...], wanted: bool,
) -> None:  # fmt: skip
    recipes = []

    def remember(recipe: object, folder: Path, *_: object) -> Path:
        recipes.append(recipe)
        return folder

    monkeypatch.setattr(f"demiglace.jobs.{job}.run", remember)
    (tmp_path / "mixture.toml").write_text(MIXTURE)
    asked = (command, tmp_path / "mixture.toml", "--preset", preset, "--start", "nano", "--folder", tmp_path / "run")
    told = run(*asked, *options)
    assert told.exit_code == 0, told.stderr
    assert [recipe.numbers.activation_checkpointing for recipe in recipes] == [wanted]
