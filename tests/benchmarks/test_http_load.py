"""The engine and a server give the same answers under every load, and times are counted as they came."""

import base64
import json
import sys
from pathlib import Path

import pytest
from running_server import SAMPLES, running

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from answer_times import AnswerTimes, figures
from engine_load import EngineLoad
from http_load import HttpLoad, text_of

from demiglace import Demiglace, SamplingParams

QUESTION = "Read the text."
GREEDY = SamplingParams(12, 0.0, 1.0, 0, 1.0)
PICTURES = [(SAMPLES / name).read_bytes() for name in ("heading.png", "line.png", "page.png", "line.png")]
ARRIVALS = [0.0, 0.001, 0.002, 0.02]


@pytest.fixture(scope="module")
def assistant() -> Demiglace:
    return Demiglace.load(device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def expected(assistant: Demiglace) -> list[str]:
    return [assistant.ask(QUESTION, picture, sampling=GREEDY).text for picture in PICTURES]


def test_figures_are_of_first_pieces_and_of_what_lies_between() -> None:
    answers = [AnswerTimes(0.0, (1.0, 1.5, 2.5), "abc"), AnswerTimes(1.0, (4.0, 5.0), "de")]
    found = figures(answers)
    assert found["requests_per_second"] == 2 / 5
    assert found["first_token_p50"] == 2
    assert found["between_tokens_p50"] == 1
    assert found["between_tokens_p95"] == pytest.approx(1.0)


@pytest.mark.parametrize("is_opened", [True, False])
def test_the_engine_answers_each_picture(assistant: Demiglace, expected: list[str], is_opened: bool) -> None:
    load = EngineLoad(assistant, QUESTION, PICTURES, GREEDY, is_opened)
    for answers in (load.by_clients(1), load.by_clients(3), load.as_they_arrive(ARRIVALS)):
        assert [one.text for one in answers] == expected
        assert all(one.asked < one.pieces[0] and list(one.pieces) == sorted(one.pieces) for one in answers)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_server_answers_each_picture(assistant: Demiglace, expected: list[str], is_streamed: bool) -> None:
    pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
    from demiglace.engine.engine import EngineConfig
    from demiglace.server.app import create_app
    from demiglace.server.limits import Limits
    from demiglace.server.media_sources import MediaSources
    from demiglace.server.service import Service

    limits = Limits()
    service = Service.of("nano", assistant, limits, MediaSources(limits), EngineConfig())
    with running(create_app(service)) as address:
        load = HttpLoad(address, [chat(picture, is_streamed) for picture in PICTURES])
        for answers in (load.by_clients(3), load.as_they_arrive(ARRIVALS)):
            assert [one.text for one in answers] == expected
            assert all((len(one.pieces) > 1) == is_streamed for one in answers)


def chat(picture: bytes, is_streamed: bool) -> dict:
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": QUESTION}]
    asked = [{"role": "user", "content": parts}]
    return {"messages": asked, "stream": is_streamed, "temperature": 0.0, "max_tokens": 12}


def test_an_error_in_a_stream_is_one() -> None:
    assert text_of('data: {"choices": [{"delta": {"content": "a"}}]}') == "a"
    assert text_of("data: [DONE]") == text_of(": still at work") == ""
    with pytest.raises(ValueError, match="it failed"):
        text_of("data: " + json.dumps({"error": {"message": "it failed"}}))
