"""`demiglace eval` that is killed: nothing is lost and nothing is asked twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from deadly_command import kill_at
from public_layouts import png, write_jsonl
from typer.testing import Result

Run = Callable[..., Result]

COLOURS = ("red", "blue", "green", "black", "yellow", "teal")


@pytest.fixture
def command(model: Path, tmp_path: Path) -> list[str]:
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").write_bytes(png(colour))
    rows = [{"image": f"{colour}.png", "question": "what color is the shape?", "answer": colour} for colour in COLOURS]
    questions = write_jsonl(tmp_path / "qa.jsonl", rows)
    words = ["eval", str(model), f"easy_vqa={questions}", "--out", str(tmp_path / "out"), "--dtype", "float32"]
    return [*words, "--max-new-tokens", "3", "--concurrency", "2"]


def lines(tmp_path: Path) -> list[dict]:
    return [json.loads(line) for line in (tmp_path / "out" / "easy_vqa" / "predictions.jsonl").read_text().splitlines()]


def test_after_a_kill_the_same_command_goes_on(run: Run, command: list[str], tmp_path: Path) -> None:
    owner = "demiglace.evaluation.prediction:PredictionFile add after 3"
    kill_at(owner, command)
    before = lines(tmp_path)
    assert len(before) == 3
    assert run(*command).exit_code == 0
    after = lines(tmp_path)
    assert after[:3] == before
    assert sorted(line["id"] for line in after) == [str(number) for number in range(len(COLOURS))]
