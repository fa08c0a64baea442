"""Servers that answer, fail, are slow or write nonsense: a failure is never an answer."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from PIL import Image as Pillow
from public_layouts import png
from running_server import running

from demiglace.conversation import Conversation, Image
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.backends import openai_server
from demiglace.evaluation.backends.backend import Asked
from demiglace.evaluation.backends.openai_messages import reply_of, request_body
from demiglace.evaluation.backends.openai_server import OpenAIServer, ServerBackend
from demiglace.evaluation.prediction import Reply

GREEDY = SamplingParams.greedy(16)


class Clerk:
    """Answers by what is asked; counts tries, and how many are under way."""

    def __init__(self) -> None:
        self.tries: dict[str, int] = {}
        self.under_way = self.most = 0
        self.bodies: list[dict[str, Any]] = []
        self.retry_after = ""
        self.times: list[float] = []
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self.answer)

    async def answer(self, request: Request) -> Any:
        body = await request.json()
        self.bodies.append(body)
        self.times.append(time.monotonic())
        question = body["messages"][0]["content"][-1]["text"]
        self.tries[question] = self.tries.get(question, 0) + 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self._said(question)
        finally:
            self.under_way -= 1

    async def _said(self, question: str) -> Any:
        if question == "busy once" and self.tries[question] == 1:
            headers = {"Retry-After": self.retry_after} if self.retry_after else None
            return JSONResponse({"error": {"message": "busy"}}, 429, headers)
        if question == "broken":
            return JSONResponse({"error": {"message": "boom"}}, 500)
        if question == "refused":
            return JSONResponse({"error": {"message": "no such model"}}, 404)
        if question == "slow":
            await asyncio.sleep(1)
        if question == "nonsense":
            return {"hello": "world"}
        content = None if question == "empty" else f"<think>hm</think>to {question}"
        await asyncio.sleep(0.02)
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        return {"choices": [{"message": {"content": content}, "finish_reason": "stop"}], "usage": usage}


@pytest.fixture
def clerk(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Clerk, str]]:
    monkeypatch.setattr(openai_server, "FIRST_PAUSE", 0.01)
    clerk = Clerk()
    with running(clerk.app) as url:
        yield clerk, f"{url}/v1"


def ask(url: str, questions: list[str], concurrency: int = 8, timeout: float = 20.0) -> dict[str, Reply]:
    backend = ServerBackend(OpenAIServer(url, "m", timeout=timeout, retries=2), concurrency)
    asked = [Asked(place, Conversation.ask(question), GREEDY) for place, question in enumerate(questions)]
    return {questions[place]: reply for place, reply in backend.answers(asked)}


def test_answers_come_split_and_counted(clerk: tuple[Clerk, str]) -> None:
    reply = ask(clerk[1], ["one"])["one"]
    assert (reply.answer, reply.thoughts, reply.error) == ("to one", "hm", "")
    assert (reply.prompt_tokens, reply.new_tokens, reply.stopped_by, reply.prompt) == (7, 3, "end", "one")


def test_failures_are_told_after_bounded_tries(clerk: tuple[Clerk, str]) -> None:
    replies = ask(clerk[1], ["broken", "refused", "busy once", "nonsense", "empty", "fine"])
    assert clerk[0].tries == {"broken": 3, "refused": 1, "busy once": 2, "nonsense": 1, "empty": 1, "fine": 1}
    assert "3 tries" in replies["broken"].error
    assert "no such model" in replies["refused"].error
    assert "sent no answer but" in replies["nonsense"].error
    assert "without text" in replies["empty"].error
    assert replies["busy once"].answer == "to busy once"
    assert all(not reply.answer for reply in replies.values() if reply.error)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("1", 1.0, 3.0),
        ("0", 0.0, 0.9),
        ("3600", 0.5, 2.0),  # bounded
        ("Thu, 01 Jan 2099 00:00:00 GMT", 0.5, 2.0),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0.0, 0.4),
        ("soon", 0.0, 0.4),
    ],
)
def test_a_server_that_asks_to_wait_is_waited_for(
    clerk: tuple[Clerk, str], monkeypatch: pytest.MonkeyPatch, asked: str, least: float, most: float
) -> None:
    monkeypatch.setattr(openai_server, "LONGEST_ASKED", 1.0 if asked == "1" else 0.5)
    clerk[0].retry_after = asked
    assert ask(clerk[1], ["busy once"])["busy once"].answer == "to busy once"
    first, second = clerk[0].times
    assert least <= second - first < most


def test_a_server_that_is_slow_is_given_up(clerk: tuple[Clerk, str]) -> None:
    assert "no answer within 0.2 s" in ask(clerk[1], ["slow"], timeout=0.2)["slow"].error


def test_so_many_are_under_way_and_no_more(clerk: tuple[Clerk, str]) -> None:
    assert len(ask(clerk[1], [f"question {number}" for number in range(12)], concurrency=3)) == 12
    assert clerk[0].most == 3


def test_without_openai_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ValueError, match=r"takes openai: pip install 'demiglace\[eval\]'"):
        OpenAIServer("http://127.0.0.1:9/v1", "m").client()


def test_no_server_is_no_answer() -> None:
    assert "tries" in ask("http://127.0.0.1:9/v1", ["one"])["one"].error


def test_a_broken_picture_fails_alone(clerk: tuple[Clerk, str]) -> None:
    backend = ServerBackend(OpenAIServer(clerk[1], "m"))
    asked = [
        Asked(0, Conversation.ask("seen", Image(png())), GREEDY),
        Asked(1, Conversation.ask("broken picture", Image(b"no picture")), GREEDY),
    ]
    replies = dict(backend.answers(asked))
    assert replies[0].answer == "to seen"
    assert "not a picture" in replies[1].error


def test_pictures_go_as_they_are_and_settings_by_their_names() -> None:
    asked = Conversation.ask("What?", Image(png()), Image(Pillow.new("RGB", (4, 4))), thinking=True)
    sampling = SamplingParams(9, 0.7, top_p=1.0, top_k=0, repetition_penalty=1.1)
    body = request_body("m", asked, sampling)
    parts = body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text"]
    assert all(part["image_url"]["url"].startswith("data:image/png;base64,") for part in parts[:2])
    assert (body["max_tokens"], body["temperature"], body["repetition_penalty"]) == (9, 0.7, 1.1)
    assert body["chat_template_kwargs"] == {"enable_thinking": True}
    assert (body["top_p"], body["top_k"], body["min_p"]) == (1.0, -1, 0.0)  # not the checkpoint's own
    with pytest.raises(ValueError, match=r"repetition_penalty = 1\.1 cannot be asked"):
        request_body("m", asked, sampling, plain=True)


@pytest.mark.parametrize("finished", ["abort", "error"])
def test_an_answer_that_the_server_broke_off_is_a_failure(finished: str) -> None:
    """vLLM's and SGLang's reasons; the text so far was scored as an answer, mostly as a wrong one."""
    response = {"choices": [{"message": {"content": "The "}, "finish_reason": finished}]}
    with pytest.raises(ValueError, match=f"broke the answer off: finish_reason {finished}, after 4 characters"):
        reply_of(response, False)


def test_reasoning_in_a_field_of_its_own_is_no_answer() -> None:
    message = {"content": None, "reasoning": "so far"}
    reply = reply_of({"choices": [{"message": message, "finish_reason": "length"}]}, True)
    assert (reply.answer, reply.thoughts, reply.stopped_by) == ("", "so far", "length")


@pytest.mark.parametrize(
    ("content", "finished", "thoughts", "answer"),
    [
        ("It shows A. But maybe B", "length", "It shows A. But maybe B", ""),
        ("It shows A.</think>A", "stop", "It shows A.", "A"),
        ("A", "stop", "", "A"),
    ],
)
def test_thoughts_that_a_server_leaves_in_the_answer_are_none(
    content: str, finished: str, thoughts: str, answer: str
) -> None:
    response = {"choices": [{"message": {"content": content}, "finish_reason": finished}]}
    reply = reply_of(response, True)
    assert (reply.thoughts, reply.answer) == (thoughts, answer)
    assert (
        reply_of({"choices": [{"message": {"content": "A, and"}, "finish_reason": "length"}]}, False).answer == "A, and"
    )
