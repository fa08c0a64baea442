"""`demiglace pretrain` as a user meets it: killed, interrupted, resumed, and in two processes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from mixtures import write_mixture, write_start
from two_processes import TWO_PROCESSES
from typer.testing import Result

Run = Callable[..., Result]

ALONE = (sys.executable, "-m", "demiglace")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("inputs")
    model, mixture = write_start(folder / "start"), write_mixture(folder / "mixture")
    options = {
        "preset": "nano",
        "start": model,
        "steps": "2,2,6",
        "length": 256,
        "batch-rows": 2,
        "micro-batch-rows": 1,
    }
    options |= {"save-every": 2, "workers": 0, "device": "cpu", "dtype": "float32"}
    return (
        "pretrain",
        str(mixture),
        *(str(word) for name, value in options.items() for word in (f"--{name}", value)),
    )


@pytest.fixture(scope="module")
def uninterrupted(inputs: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    started = start(ALONE, inputs, folder)
    told = started.communicate(timeout=600)
    assert started.returncode == 0, told
    return folder


def start(how: Sequence[str], inputs: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*how, *inputs, "--folder", str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines(folder: Path) -> list[dict[str, float]]:
    files = [folder / stage / "metrics.jsonl" for stage in ("resampler", "vision", "full")]
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def disturb(process: subprocess.Popen[str], folder: Path, num_lines: int, number: signal.Signals) -> tuple[str, str]:
    """Send a signal once so many steps are logged."""
    while process.poll() is None and len(lines(folder)) < num_lines:
        time.sleep(0.005)
    assert process.poll() is None, process.communicate()
    process.send_signal(number)
    return process.communicate(timeout=600)


def test_a_wrong_record_is_named_with_the_way_on(run: Run, tmp_path: Path) -> None:
    mixture, model = write_mixture(tmp_path), write_start(tmp_path / "start")
    (tmp_path / "pictures.jsonl").write_text('{"messages": []}\n')
    options = ("--folder", tmp_path / "run", "--steps", "1,0,0", "--workers", 0, "--device", "cpu")
    result = run("pretrain", mixture, "--preset", "nano", "--start", model, "--length", 256, *options)
    assert result.exit_code == 2
    told = result.stderr.splitlines()[-1]
    assert "pictures.jsonl:1: " in told
    assert told.endswith("; with --skip-bad such records are listed and the run goes on")


def learned(folder: Path) -> list[tuple[str, float, float, float]]:
    return [(line["stage"], line["step"], line["loss"], line["grad_norm"]) for line in lines(folder)]


@pytest.mark.slow
def test_killed_and_interrupted_runs_end_as_if_nothing_had_happened(inputs, uninterrupted, tmp_path) -> None:
    first = random.Random(0).randrange(1, 6)
    second = first + 2
    killed = start(ALONE, inputs, tmp_path)
    disturb(killed, tmp_path, first, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    interrupted = start(ALONE, inputs, tmp_path)
    _, told = disturb(interrupted, tmp_path, second, signal.SIGINT)
    assert interrupted.returncode == 130, told
    assert "go on with: demiglace pretrain" in told
    finished = start(ALONE, inputs, tmp_path)
    assert "the model is in" in finished.communicate(timeout=600)[0]
    assert learned(tmp_path) == learned(uninterrupted)
    left, right = (folder / "model" / "model.safetensors" for folder in (tmp_path, uninterrupted))
    assert left.read_bytes() == right.read_bytes()


@pytest.mark.slow
def test_two_processes_learn_as_one_and_hand_over_to_one(inputs, uninterrupted, tmp_path) -> None:
    together = start(TWO_PROCESSES, inputs, tmp_path)
    told = together.communicate(timeout=600)
    assert together.returncode == 0, told
    assert told[0].count("the model is in") == 1
    alone = learned(uninterrupted)
    for mine, theirs in zip(learned(tmp_path), alone, strict=True):
        assert mine[:2] == theirs[:2]
        assert mine[2:] == pytest.approx(theirs[2:], abs=1e-4)

    shutil.rmtree(tmp_path / "model")
    shutil.rmtree(tmp_path / "full" / "step-00000006")
    handed = start(ALONE, inputs, tmp_path)
    handed.communicate(timeout=600)
    assert handed.returncode == 0
    assert [loss for *_, loss, _ in learned(tmp_path)] == pytest.approx([loss for *_, loss, _ in alone], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("--steps", "1,2"), "--steps must be three whole numbers such as 100,100,500, got '1,2'"),
        (("--preset", "huge"), "unknown preset 'huge'; choose from nano, small, 8b"),
        (("--preset", "8b"), "8b starts from a pre-trained encoder and decoder"),
        (("--dtype", "float16"), "training needs float32 or bfloat16, got torch.float16"),
        (("--batch-rows", "0"), "must be above 0: batch_rows 0"),
    ],
)
def test_mistakes_are_one_line(run: Run, tmp_path: Path, changes: tuple[str, str], told: str) -> None:
    mixture = write_mixture(tmp_path)
    options = {"--preset": "nano", "--device": "cpu"} | dict([changes])
    given = [word for pair in options.items() for word in pair]
    result = run("pretrain", mixture, "--folder", tmp_path / "run", *given)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"demiglace: {told}")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
