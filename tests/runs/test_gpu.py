"""The driver of jobs: what cannot be is refused in a line, and a job runs, is killed, and goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import gpu
import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
READER = [sys.executable, str(ROOT / "runs" / "gpu.py"), "reader", "--tiny"]
STAGES = ("encoder", "decoder", "resampler", "vision", "full", "decay")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["chess"], "gpu: no job 'chess'; there are check,"),
        (["reader", "--minutes", "0.5"], "gpu: reader wants at least 2 minutes, got 0.5"),
        (["reader", "--device", "cuda"], "gpu: reader needs a GPU and there is none; --tiny runs it on a CPU"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(words, told, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(told)
    assert said.count("\n") == 1


def test_all_that_is_missing_is_named_at_once(monkeypatch, capsys):
    monkeypatch.setattr(gpu, "find_spec", lambda name: None if name in ("rapidfuzz", "rich") else True)
    assert gpu.main(["reader", "--tiny", "--device", "cpu"]) == 2
    assert "reader lacks rich, rapidfuzz; `bash runs/carry.sh`, where" in capsys.readouterr().err


def test_too_little_memory_says_how_much_is_wanted(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (3_000_000_000, 80_000_000_000))
    assert gpu.main(["check"]) == 2
    assert "check wants 4 GB of GPU memory, 3.0 GB are free" in capsys.readouterr().err


def environment() -> dict[str, str]:
    paths = ("src", "benchmarks", "runs")
    return os.environ | {"PYTHONPATH": ":".join(str(ROOT / path) for path in paths), "OMP_NUM_THREADS": "1"}


def read(folder: Path) -> subprocess.Popen:
    """The tiny reader at work, in a process group of its own."""
    command = [*READER, "--device", "cpu", "--folder", str(folder)]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )


def ended(process: subprocess.Popen) -> str:
    told, _ = process.communicate(timeout=900)
    assert process.returncode == 0, told
    return told


def learned(folder: Path) -> dict[str, object]:
    """All that the run leaves, but for times and memory."""
    figures = json.loads((folder / "out" / "reader.json").read_text())
    lines = [
        json.loads(line) for stage in STAGES for line in (folder / stage / "metrics.jsonl").read_text().splitlines()
    ]
    return {
        "losses": [(line["stage"], line["step"], line["loss"], line["grad_norm"]) for line in lines],
        "weights": (folder / "model" / "model.safetensors").read_bytes(),
        "rates": figures["character_error_rates"],
        "files": sorted(path.name for path in (folder / "out").iterdir() if path.suffix == ".json"),
    }


@pytest.fixture(scope="module")
def undisturbed(training_faces, installed_prose, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert "all stages are done" in ended(read(folder))
    return folder


@pytest.mark.slow
def test_what_comes_out_are_weights_in_pieces_and_a_result(undisturbed, tmp_path):
    out = undisturbed / "out"
    result = json.loads((out / "reader.json").read_text())
    assert result["finished"]
    assert set(result["stages"]) == set(STAGES)
    assert result["machine"]["gpu"] is None
    command = [sys.executable, str(ROOT / "runs" / "pieces.py"), "join", str(out), "--to", str(tmp_path / "model")]
    subprocess.run(command, env=environment(), check=True)
    joined = load_file(tmp_path / "model" / "model" / "model.safetensors")
    assert joined.keys() == load_file(undisturbed / "model" / "model.safetensors").keys()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_a_run_killed_at_a_random_moment_ends_as_if_nothing_had_happened(undisturbed, tmp_path, seed):
    process = read(tmp_path)
    begin, chance = time.monotonic(), random.Random(seed)
    while not list(tmp_path.glob("*/step-*")) and process.poll() is None:
        time.sleep(0.02)  # until there is something to lose
    time.sleep(chance.uniform(0.0, 0.5 * (time.monotonic() - begin)))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    ended(read(tmp_path))
    assert learned(tmp_path) == learned(undisturbed)


@pytest.mark.slow
def test_a_finished_run_is_not_run_again(undisturbed):
    before = learned(undisturbed)
    ended(read(undisturbed))
    assert learned(undisturbed) == before


@pytest.mark.slow
@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_reinforcement_learning_leaves_a_result_and_weights(tmp_path):
    words = ["rl", "--tiny", "--device", "cpu", "--folder", str(tmp_path)]
    assert gpu.main(words) == 0
    result = json.loads((tmp_path / "out" / "rl.json").read_text())
    assert result["steps"] == 2
    assert {"reward/short", "reward/long"} <= set(result["last"])
    assert (tmp_path / "out" / "weights.json").exists()
    assert gpu.main(words) == 0  # a finished run is not run again
    lines = (tmp_path / "hybrid_rl" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2
