"""lmms-eval itself asks our server, and our engine. Needs `make lmms-eval`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest
from running_server import running

from demiglace import Demiglace
from demiglace.conversation import Image
from demiglace.engine.engine import EngineConfig
from demiglace.evaluation.question_accuracy import PartsAndQuestion
from demiglace.scoring.question import Question
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from kits import LMMS_EVAL, NAME, by_engine, by_lmms_eval

COLOURS = ("red", "green", "blue", "yellow")

pytestmark = pytest.mark.slow
needs_lmms_eval = pytest.mark.skipif(
    not LMMS_EVAL.exists(), reason="lmms-eval has an environment of its own: make lmms-eval"
)


@pytest.fixture(scope="module")
def assistant() -> Demiglace:
    return Demiglace.load("nano", "cpu", "float32")


@pytest.fixture(scope="module")
def address(assistant: Demiglace) -> Iterator[str]:
    limits = Limits()
    service = Service.of(NAME, assistant, limits, MediaSources(limits), EngineConfig())
    with running(create_app(service)) as server:
        yield server


@pytest.fixture
def asked(tmp_path: Path) -> list[PartsAndQuestion]:
    """One colour each."""
    questions = []
    for colour in COLOURS:
        picture = tmp_path / f"{colour}.png"
        PIL.Image.new("RGB", (128, 128), colour).save(picture)
        text = "Which colour is this: red, green, blue or yellow? Answer with one word."
        questions.append(((Image(picture),), Question("colour", text, colour, colour, choices=COLOURS)))
    return questions


def right(texts: list[str], asked: list[PartsAndQuestion]) -> int:
    """As lmms-eval's task counts: the word, whatever its case."""
    return sum(
        text.strip().casefold().rstrip(".") == question.answer for text, (_, question) in zip(texts, asked, strict=True)
    )


@needs_lmms_eval
def test_lmms_eval_asks_the_server(
    assistant: Demiglace, address: str, asked: list[PartsAndQuestion], tmp_path: Path
) -> None:
    arguments = {"model": NAME, "base_url": f"{address}/v1", "api_key": "none"}
    run = by_lmms_eval(LMMS_EVAL, tmp_path / "kit", asked, "openai", arguments)
    assert run.texts == by_engine(assistant, asked).texts
    assert run.score == right(run.texts, asked) / len(asked)


@needs_lmms_eval
def test_lmms_eval_asks_the_engine(assistant: Demiglace, asked: list[PartsAndQuestion], tmp_path: Path) -> None:
    arguments = {"pretrained": "nano", "device": "cpu", "dtype": "float32"}
    run = by_lmms_eval(LMMS_EVAL, tmp_path / "kit", asked, "demiglace", arguments)
    assert run.texts == by_engine(assistant, asked).texts
    assert run.score == right(run.texts, asked) / len(asked)
