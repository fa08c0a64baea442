"""Streams that end."""

from __future__ import annotations

import asyncio
import json

import pytest

from demiglace.server import streaming
from demiglace.server.errors import ApiError
from demiglace.server.streaming import EventStream, event, unless_left


class Client:
    """What a client receives; it leaves after so many messages."""

    def __init__(self, leaves_after: float = float("inf")) -> None:
        self.text, self.is_complete = "", False
        self._left = leaves_after
        self._leaving = asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self._leaving.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, object]) -> None:
        self.text += message.get("body", b"").decode()
        self.is_complete = message["type"] == "http.response.body" and not message["more_body"]
        self._left -= 1
        if self._left <= 0:
            self._leaving.set()
            await asyncio.sleep(0)


def streamed(lines: object, client: Client) -> list[str]:
    """Runs the stream to its end; "closed" as often as it was closed."""
    closed: list[str] = []
    asyncio.run(EventStream(lines, lambda: closed.append("closed"))({}, client.receive, client.send))
    return closed


async def failing(error: Exception):
    yield event({"text": "ä"})
    raise error


@pytest.mark.parametrize(
    ("error", "message"),
    [(ApiError(400, "too long"), "too long"), (RuntimeError("secret"), "the answer could not be computed")],
)
def test_a_failed_stream_tells_so_and_ends(error: Exception, message: str) -> None:
    client = Client()
    assert streamed(failing(error), client) == ["closed"]
    first, second, done, rest = client.text.split("\n\n")
    assert (first, done, rest) == ('data: {"text":"ä"}', "data: [DONE]", "")
    assert json.loads(second.removeprefix("data: "))["error"]["message"] == message
    assert client.is_complete


async def endless():
    while True:
        yield event({})
        await asyncio.sleep(0)


async def silent():
    await asyncio.sleep(3600)
    yield ""


@pytest.mark.parametrize("lines", [endless, silent])
def test_a_client_that_hangs_up_ends_the_stream(lines: object) -> None:
    assert streamed(lines(), Client(leaves_after=1)) == ["closed"]


def test_a_stream_that_waits_keeps_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "KEEP_ALIVE_S", 0.01)

    async def slow():
        await asyncio.sleep(0.05)
        yield event({})

    client = Client()
    streamed(slow(), client)
    assert client.text.startswith(": still at work\n\n: still at work\n\n")
    assert client.text.endswith("data: {}\n\ndata: [DONE]\n\n")


def test_work_stops_where_the_client_leaves() -> None:
    async def story() -> list[object]:
        stopped: list[object] = []

        async def work() -> None:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                stopped.append("stopped")
                raise

        async def gone() -> dict[str, str]:
            await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

        stopped.append(await unless_left(work(), gone))
        return stopped

    assert asyncio.run(story()) == ["stopped", None]
