"""`demiglace sft` as a user meets it: a whole run, one that is killed, one in two processes, and mistakes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mixtures import SFT_MIXTURE, write_mixture, write_start
from two_processes import TWO_PROCESSES
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model to begin from, and a mixture with pictures and clips."""
    found = tmp_path_factory.mktemp("inputs")
    write_start(found / "start")
    write_mixture(found)
    (found / "sft.toml").write_text(SFT_MIXTURE)
    return found


def words(folder: Path, out: Path, **changes: object) -> list[str]:
    options = {
        "preset": "nano",
        "start": folder / "start",
        "folder": out,
        "steps": "2,4",
        "length": 512,
        "batch-rows": 2,
    }
    options |= {"micro-batch-rows": 1, "save-every": 2, "workers": 0, "device": "cpu", "dtype": "float32"}
    options |= {name.replace("_", "-"): value for name, value in changes.items()}
    return [
        "sft",
        str(folder / "sft.toml"),
        *(str(word) for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)),
    ]


def lines(out: Path) -> list[dict[str, float]]:
    files = [out / stage / "metrics.jsonl" for stage in ("general", "long_cot_3d")]
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def test_a_run_leaves_a_model_that_a_further_run_begins_from(run: Run, folder: Path, tmp_path: Path) -> None:
    result = run(*words(folder, tmp_path / "run", steps="1,1"))
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"the model is in {tmp_path / 'run' / 'model'}"
    assert [(line["stage"], line["step"]) for line in lines(tmp_path / "run")] == [("general", 1), ("long_cot_3d", 1)]
    rates = {"lr": 4e-5, "long-lr": 3e-5, "min-lr": 2e-5}
    again = run(*words(folder, tmp_path / "more", steps="1,1", start=tmp_path / "run" / "model", **rates))
    assert again.exit_code == 0, again.stderr
    assert [line["lr"] for line in lines(tmp_path / "more")] == pytest.approx([4e-5, 3e-5])


@pytest.mark.slow
def test_a_killed_run_ends_as_if_nothing_had_happened(run: Run, folder: Path, tmp_path: Path) -> None:
    assert run(*words(folder, tmp_path / "full")).exit_code == 0
    command = [sys.executable, "-m", "demiglace", *words(folder, tmp_path / "killed")]
    killed = subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while killed.poll() is None and len(lines(tmp_path / "killed")) < 3:  # the first step of the second stage
        time.sleep(0.005)
    assert killed.poll() is None, killed.communicate()
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    assert not (tmp_path / "killed" / "model").exists()
    assert run(*words(folder, tmp_path / "killed")).exit_code == 0
    whole, pieced = (
        [(line["stage"], line["step"], line["loss"]) for line in lines(tmp_path / name)] for name in ("full", "killed")
    )
    assert [line[:2] for line in pieced] == [line[:2] for line in whole]
    assert [line[2] for line in pieced] == pytest.approx([line[2] for line in whole], rel=1e-5)  # other thread counts


@pytest.mark.slow
def test_two_processes_learn_as_one(run: Run, folder: Path, tmp_path: Path) -> None:
    assert run(*words(folder, tmp_path / "alone")).exit_code == 0
    command = [*TWO_PROCESSES, *words(folder, tmp_path / "together")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the model is in") == 1
    alone, together = (lines(tmp_path / name) for name in ("alone", "together"))
    for mine, theirs in zip(together, alone, strict=True):
        assert [mine[name] for name in ("stage", "step")] == [theirs[name] for name in ("stage", "step")]
        for name in ("loss", "grad_norm"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-4), name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"steps": "1,2,3"}, "--steps must be two whole numbers such as 500,300, got '1,2,3'"),
        ({"steps": "few"}, "--steps must be two whole numbers such as 500,300, got 'few'"),
        ({"steps": "0,0"}, "num_steps must be two numbers, none below 0 and not both 0, got (0, 0)"),
        ({"preset": "huge"}, "unknown preset 'huge'; choose from nano, small, 8b"),
        ({"batch_rows": 0}, "must be above 0: batch_rows 0"),
        ({"dtype": "float16"}, "training needs float32 or bfloat16, got torch.float16"),
        ({"start": "nowhere/at-all/ever"}, "nowhere/at-all/ever"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(run: Run, folder: Path, tmp_path: Path, changes: dict[str, str], told: str) -> None:
    result = run(*words(folder, tmp_path / "run", **changes))
    assert result.exit_code == 2
    assert result.stderr.startswith("demiglace: ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_model_to_begin_from_must_be_named(run: Run, folder: Path, tmp_path: Path) -> None:
    given = words(folder, tmp_path / "run")
    at = given.index("--start")
    result = run(*given[:at], *given[at + 2 :])
    assert result.exit_code == 2
    assert "--start" in result.stderr


def test_a_mixture_of_other_stages_is_refused_before_a_step(run: Run, folder: Path, tmp_path: Path) -> None:
    given = words(folder, tmp_path / "run")
    given[1] = str(folder / "mixture.toml")
    result = run(*given)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith("mixture.toml: no source has a weight for general")
    assert lines(tmp_path / "run") == []
