"""What result files say of their making, and that the benchmarks write it."""

import hashlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import Weights, command_here, machine_here, versions_here, weights_of, write_result

from demiglace.model.hub import folder_of

ROOT = Path(__file__).parents[2]
WEIGHTS = Weights("some", "ab" * 32, 7)


def test_the_shipped_weights_are_known_by_their_file() -> None:
    content = (folder_of(None) / "model.safetensors").read_bytes()
    assert weights_of(None) == Weights("nano", hashlib.sha256(content).hexdigest(), 9_901_568)


def test_weights_in_several_files_are_hashed_in_the_order_of_names(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for number, name in enumerate(reversed(names)):
        save_file({"weight": np.full((2, 3 + number), number, np.float32)}, tmp_path / name)
    save_file({"head": np.zeros(100, np.float32)}, tmp_path / "heads.safetensors")  # no part of the model
    content = b"".join((tmp_path / name).read_bytes() for name in names)
    assert weights_of(tmp_path) == Weights(tmp_path.name, hashlib.sha256(content).hexdigest(), 2 * 3 + 2 * 4)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no weights"):
        weights_of(tmp_path)


def test_figures_stand_behind_what_they_were_made_with(tmp_path: Path) -> None:
    path = tmp_path / "results" / "one.json"
    result = write_result(path, {"cer": 0.5}, WEIGHTS, machine_here(), {"tesseract": "5"})
    assert result == json.loads(path.read_text())
    assert list(result) == ["command", "date", "machine", "versions", "weights", "cer"]
    assert result["weights"] == {"name": "some", "sha256": "ab" * 32, "parameters": 7}
    assert result["versions"] == {"tesseract": "5"}
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]


def test_without_weights_the_reason_is_told(tmp_path: Path) -> None:
    result = write_result(tmp_path / "one.json", {}, "nothing is learned here", machine_here())
    assert result["weights"] is None
    assert result["why_no_weights"] == "nothing is learned here"
    assert result["versions"] == versions_here()


def test_the_command_names_no_folder_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = ["--data", str(tmp_path / "my data"), "--model", str(ROOT / "src"), "--each", "3"]
    monkeypatch.setattr(sys, "argv", [str(ROOT / "benchmarks" / "reading.py"), *words])
    assert command_here() == "python benchmarks/reading.py --data 'my data' --model src --each 3"


def lines(folder: Path) -> Path:
    """A folder of real data with one line in it."""
    (folder / "lines").mkdir(parents=True)
    (folder / "lines" / "line.png").write_bytes((ROOT / "samples" / "heading.png").read_bytes())
    row = {"image": "line.png", "text": "Region-based segmentation", "case_sensitive": True}
    (folder / "lines" / "lines.jsonl").write_text(json.dumps(row) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "model"),
    [("page_turns --data DATA", "nano-reader"), ("finetune_memory --cases 'lora 512'", "nano")],
)
def test_a_benchmark_writes_what_it_was_made_with(words: str, model: str, tmp_path: Path) -> None:
    name, *options = shlex.split(words.replace("DATA", str(lines(tmp_path / "data"))))
    out = tmp_path / "result.json"
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *options, "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    result = json.loads(out.read_text())
    assert result["command"].startswith(f"python benchmarks/{name}.py --")
    assert str(tmp_path) not in out.read_text()
    assert result["weights"]["sha256"] == weights_of(model).sha256
    assert result["versions"] == versions_here()
    assert result["machine"]["threads"]
