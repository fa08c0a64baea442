"""docs/receipts.md works: its Python and its commands run in order in an empty folder, on fewer receipts and steps."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("peft", reason="peft is not installed")

from demiglace.cli.main import app

GUIDE = (Path(__file__).parents[1] / "docs" / "receipts.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
FEWER = {"NUMBER = 150": "NUMBER = 8", "TEST_SIZE = 100": "TEST_SIZE = 2", "--epochs 4": "--epochs 1"}
MEMORY = re.findall(r"^\| `(--.*?)` \| ([\d.]+) \| ([\d.]+) \|$", GUIDE, re.MULTILINE)


@pytest.fixture
def folder(training_faces, installed_words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one to work in, where all is there that the guide asks for."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fewer(text: str) -> str:
    for many, few in FEWER.items():
        text = text.replace(many, few)
    return text


def told(command: str) -> tuple[str, str]:
    """What a command of the guide says on stdout and stderr."""
    name, *words = shlex.split(command)
    assert name == "demiglace"
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout, result.stderr


def blocks(language: str) -> list[str]:
    return [fewer(block) for found, block in BLOCKS if found == language]


def shape(record: str) -> str:
    """A line of data without what differs from receipt to receipt."""
    return re.sub(r'"\d+\.(?:\d\d|png)"', '""', record.strip())


def memory(look: str) -> float:
    """The GiB that a plan foresees."""
    return float(re.search(r"together +([\d.]+)", look)[1])


def test_what_is_made_fewer_stands_in_the_guide() -> None:
    assert all(many in GUIDE for many in FEWER)


@pytest.mark.slow
def test_the_guide_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for language, block in BLOCKS:
        if language == "python":
            exec(fewer(block), {})
        elif language == "bash":
            said += [told(fewer(line)) for line in block.splitlines()]
    look, training, answer, plan_8b = said
    assert "records to learn from: 5, looked at: 5" in look[1]
    assert "samples: 5; bad: 0" in look[1]
    assert re.search(r"visual tokens\]</image>\nWhat is the total\?.*【\d+\.\d\d", look[1], re.DOTALL)
    assert training[0].endswith("\nthe result is in runs/receipts/adapter\n")
    files = {path.name for path in (folder / "runs" / "receipts" / "adapter").iterdir()}
    assert files >= {"adapter_config.json", "adapter_model.safetensors"}
    assert answer[0].strip()
    assert [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "of 2 right with no adapter",
        "of 2 right with runs/receipts/adapter",
    ]
    (printed,) = [float(plain) for method, plain, _ in MEMORY if method == "--lora"]
    assert memory(plan_8b[0]) == pytest.approx(printed, rel=0.02)
    assert not (folder / "runs" / "receipts-8b").exists()


@pytest.mark.slow
def test_the_data_are_as_the_guide_shows_them_and_so_is_the_memory(folder: Path) -> None:
    draw, write, _, configure = blocks("python")
    for code in (draw, write, configure):
        exec(code, {})
    trained, tested = ((folder / "receipts" / f"{name}.jsonl").read_text() for name in ("train", "test"))
    assert (trained.count("\n"), tested.count("\n")) == (6, 2)
    (shown,) = blocks("json")
    assert {shape(line) for line in (trained + tested).splitlines()} == {shape(shown)}
    named = [json.loads(line)["images"][0] for line in (tested + trained).splitlines()]
    assert named == sorted(path.name for path in (folder / "receipts").glob("*.png"))
    command = blocks("bash")[-1]
    assert len(MEMORY) == 4
    for method, *printed in (MEMORY[0], MEMORY[-1]):  # the others are made of the same terms
        for figure, activation_checkpointing in zip(printed, ("", "--activation-checkpointing"), strict=True):
            plan, _ = told(f"{command.replace('--lora', method)} {activation_checkpointing}")
            assert memory(plan) == pytest.approx(float(figure), rel=0.02), (method, activation_checkpointing)
