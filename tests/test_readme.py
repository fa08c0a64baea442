"""The README tells the truth: its commands run, its paths exist, its figures are those of the benchmarks."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAPER = (ROOT / "docs" / "paper.md").read_text()
RESULTS = ROOT / "benchmarks" / "results"
CARD = ROOT / "src" / "demiglace" / "checkpoints" / "nano" / "README.md"
READER_CARD = CARD.parents[1] / "nano-reader" / "README.md"


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [block for found, block in fenced if found == language]


COMMANDS = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
DEMIGLACE = [words for words in COMMANDS if words[0] == "demiglace"]
RELEASED = [words for words in DEMIGLACE if "openbmb/MiniCPM-V-4_5" in words]
TRAINING = ("train", "pretrain", "sft", "rl", "prefer", "finetune", "merge")
WRITING = [words for words in DEMIGLACE if words[1] in (*TRAINING, "corrupt", "serve", "eval", "compare", "plan")]
HERE = [words for words in DEMIGLACE if words not in RELEASED + WRITING]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("words", HERE, ids=" ".join)
def test_a_command_runs(words: list[str]) -> None:
    done = run("-m", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_a_flash_of_a_tenth_of_a_second_is_read_at_a_high_rate_alone() -> None:
    asked = ["-m", "demiglace", "ask", "samples/flash.mp4", "Some text flashes up. Read it."]
    assert run(*asked, "--fps", "10", "--package-frames", "6").stdout.strip() == "8935"
    assert run(*asked).stdout.strip() != "8935"  # at 3 frames a second it is on none of them


def test_the_model_card_has_the_answers_of_the_benchmark() -> None:
    assert (RESULTS / "answering.md").read_text() in CARD.read_text()


def test_the_model_card_has_the_reading_of_the_benchmark() -> None:
    shown = re.search(r"<!-- results: (.*?) -->\n(.*?)\n<!-- end of results -->", READER_CARD.read_text(), re.DOTALL)
    assert shown[1] == "benchmarks/results/reading.md"
    assert shown[2].strip() == (RESULTS / "reading.md").read_text().strip()


@pytest.mark.parametrize("words", RELEASED + WRITING, ids=" ".join)
def test_a_command_that_is_too_dear_or_writes_here_has_the_options_it_uses(words: list[str]) -> None:
    known = run("-m", *words[:2], "--help").stdout
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", known), f"{words[1]} knows no {option}"


def test_the_python_runs() -> None:
    (code,) = blocks("python")
    done = run("-c", code)
    assert done.returncode == 0, done.stderr


def test_the_make_targets_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))
    assert named >= {"ask", "test", "checks"}
    assert named <= targets


def test_every_path_exists() -> None:
    in_text = re.findall(r"`((?:src|tests|docs|samples|benchmarks)/[\w./-]+)`", README + PAPER)
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    (tree,) = blocks("")
    in_tree, parent = [], ""
    for indent, name in re.findall(r"^( *)(\S+)", tree, re.MULTILINE):
        parent = parent if indent else name
        in_tree.append(f"{parent}{name}" if indent else name)
    assert len(in_text) > 10
    for path in [*in_text, *linked, *in_tree]:
        assert (ROOT / path).exists(), f"the README or docs/paper.md names {path}"


def test_every_room_is_in_the_tree() -> None:
    rooms = {file.name for file in (ROOT / "src" / "demiglace").iterdir() if (file / "__init__.py").is_file()}
    assert all(f"\n  {room}/ " in README for room in rooms)


def rows(text: str, first: str) -> list[list[str]]:
    """Cells of the rows of tables whose first cell matches, without marks of bold type."""
    lines = [line for line in text.replace("**", "").replace("\\*", "*").splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells for cells in table if re.fullmatch(first, cells[0])]


def test_the_table_of_packages_is_measured() -> None:
    report = (RESULTS / "video_efficiency.md").read_text()
    measured = [[cells[0], *cells[2:4], *cells[5:8]] for cells in rows(report, r"\d+ s\*?")]
    shown = rows(README, r"\d+ s\*?")
    assert len(shown) == 9
    for clip, _, *figures in shown:
        assert [clip, *figures] in measured


def test_the_table_of_the_resampler_is_measured() -> None:
    held = json.loads((RESULTS / "resampler_memory.json").read_text())
    for words, form in {"as released": "released", "plain, in chunks": "plain", "folded": "folded"}.items():
        _, measured = held["measured"][form]
        extra, at_largest = measured["extra"] / 1e9, held["extra_at_largest"][form]["bytes"] / 1e9
        most = f"{at_largest:.2f} GB" if at_largest < 100 else f"{at_largest:.0f} GB"
        assert rows(README, words) == [[words, f"{extra:.2f} GB", most, f"{measured['processor_seconds']:.1f} s"]]


@pytest.mark.parametrize("name", ["nano", "small", "8b"])
def test_the_table_of_presets_counts_parameters(name: str) -> None:
    with torch.device("meta"):
        model = MiniCPMV(preset(name))
    parts = (model, model.vpm, model.resampler, model.llm)
    counts = [f"{sum(parameter.numel() for parameter in part.parameters()):,}" for part in parts]
    assert rows(README, f"`{name}`")[0][1:5] == counts


def test_it_can_be_read_in_one_sitting() -> None:
    written = re.sub(r"<!-- results of runs/gpu.sh -->.*?<!-- end of them -->\n", "", README, flags=re.DOTALL)
    assert len(written.splitlines()) <= 200  # but for the table that runs/take_results.py writes
