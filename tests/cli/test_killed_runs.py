"""Fine-tuning killed between any two of its writes, and resumed: as if nothing had happened."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from deadly_command import kill_at
from mixtures import write_mixture, write_start
from typer.testing import Result

Run = Callable[..., Result]

OPTIONS = ("--length", 256, "--batch-rows", 2, "--epochs", 3, "--held-out", 0.25, "--full", "--skip-bad")
WHERE = ("--device", "cpu", "--dtype", "float32")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    folder = tmp_path_factory.mktemp("inputs")
    write_mixture(folder)
    data = folder / "pictures.jsonl"
    data.write_text(f'{data.read_text()}{{"messages": []}}\n' + '{"messages": 1}\n')
    return ("finetune", write_start(folder / "start"), data, *OPTIONS, *WHERE)


@pytest.fixture(scope="module")
def undisturbed(inputs: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    command = [sys.executable, "-m", "demiglace", *map(str, inputs), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def learned(folder: Path) -> dict[str, object]:
    """All that a run leaves, but for times and memory."""
    stage = folder / "finetune"
    metrics = [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]
    weights = [stage / "best" / "learner.safetensors", folder / "model" / "model.safetensors"]
    return {
        "metrics": [(line["step"], line["loss"], line["grad_norm"]) for line in metrics],
        "best": json.loads((stage / "best" / "state.json").read_text())["step"],
        **{name: (stage / name).read_text() for name in ("validation.jsonl", "skipped.txt")},
        **{path.name: path.read_bytes() for path in weights},
        "files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*")),
    }


MOMENTS = [
    "demiglace.training.checkpoint _write after 3",
    "demiglace.training.validation measure before 2",
    "demiglace.training.validation _link before 2",
    "demiglace.safe_files _exchange after 1",
    "pathlib:Path rename after 1",
    "demiglace.training.validation write_whole before 3",
    "demiglace.jobs.finetuning write_result before 1",
    "demiglace.training.metrics:Metrics add before 3",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "workers"), [*((moment, 0) for moment in MOMENTS), (MOMENTS[1], 1), (MOMENTS[-1], 1)]
)
def test_a_run_killed_at_any_moment_ends_as_if_nothing_had_happened(
    run: Run, inputs: tuple[object, ...], undisturbed: Path, tmp_path: Path, moment: str, workers: int
) -> None:
    command = [*map(str, inputs), "--out", str(tmp_path), "--workers", str(workers)]
    kill_at(moment, command)
    again = run(*command)
    assert again.exit_code == 0, again.stderr
    assert learned(tmp_path) == learned(undisturbed)
