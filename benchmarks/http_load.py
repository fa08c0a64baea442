"""Requests of OpenAI's API sent to a server: by so many clients, or as they arrive."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from answer_times import AnswerTimes

PATH = "/v1/chat/completions"
TIMEOUT_S = 600


@dataclass(frozen=True)
class HttpLoad:
    """bodies: of chats, each sent once."""

    address: str
    bodies: Sequence[Mapping[str, Any]]

    def by_clients(self, count: int) -> list[AnswerTimes]:
        """Each client asks when it has its answer."""
        return asyncio.run(self._by_clients(count))

    def as_they_arrive(self, times: Sequence[float]) -> list[AnswerTimes]:
        """times: seconds after the beginning, ascending."""
        return asyncio.run(self._as_they_arrive(times))

    async def _by_clients(self, count: int) -> list[AnswerTimes]:
        found: dict[int, AnswerTimes] = {}
        coming = iter(enumerate(self._coded()))

        async def client(connection: httpx.AsyncClient) -> None:
            for number, body in coming:  # one iterator for all
                found[number] = await _answer(connection, body, time.perf_counter())

        async with _connection(self.address) as connection:
            await asyncio.gather(*(client(connection) for _ in range(count)))
        return [found[number] for number in sorted(found)]

    async def _as_they_arrive(self, times: Sequence[float]) -> list[AnswerTimes]:
        bodies, began = self._coded(), time.perf_counter()

        async def client(connection: httpx.AsyncClient, body: bytes, moment: float) -> AnswerTimes:
            await asyncio.sleep(moment - time.perf_counter())
            return await _answer(connection, body, moment)

        async with _connection(self.address) as connection:
            moments = [began + one for one in times]
            return await asyncio.gather(*(client(connection, *both) for both in zip(bodies, moments, strict=True)))

    def _coded(self) -> list[bytes]:
        return [json.dumps(body).encode() for body in self.bodies]


def _connection(address: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(base_url=address, limits=limits, timeout=TIMEOUT_S)


async def _answer(connection: httpx.AsyncClient, body: bytes, asked: float) -> AnswerTimes:
    """A whole answer is one piece. Raises ValueError where the server answers by an error."""
    request = connection.build_request("POST", PATH, content=body, headers={"Content-Type": "application/json"})
    response = await connection.send(request, stream=True)
    pieces: list[tuple[float, str]] = []
    try:
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}: {(await response.aread())[:500]!r}")
        if response.headers["content-type"].startswith("application/json"):
            whole = json.loads(await response.aread())
            return AnswerTimes(asked, (time.perf_counter(),), whole["choices"][0]["message"]["content"])
        async for line in response.aiter_lines():
            if text := text_of(line):
                pieces.append((time.perf_counter(), text))
    finally:
        await response.aclose()
    return AnswerTimes(asked, tuple(moment for moment, _ in pieces), "".join(text for _, text in pieces))


def text_of(line: str) -> str:
    """What an event of a stream adds to the answer; ValueError where it tells an error."""
    if not line.startswith("data:") or line == "data: [DONE]":
        return ""
    event = json.loads(line[len("data:") :])
    if "error" in event:
        raise ValueError(f"a stream failed: {event['error']}")
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])
