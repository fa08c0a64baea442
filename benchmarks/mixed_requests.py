"""Requests of all kinds as clients send them, well behaved or not, and whether each is answered as if it were alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from asked_cases import Case

TIMEOUT_S = 300
MANNERS = {
    "whole": 0.4,
    "stream": 0.3,
    "slow": 0.1,
    "cancelled": 0.15,
    "killed": 0.05,
}  # how clients behave, and shares
SLOW_S = 0.02  # a slow reader waits so long before each line
LEAVING_S = 0.3  # who cancels does so within this time
KILLED = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
connection.sendall(sys.stdin.buffer.read())
print("sent", flush=True)
connection.recv(1)
connection.recv(2**30, socket.MSG_WAITALL)
"""

Answer = tuple[int, Any]  # status, and what was answered without what differs each time


@dataclass(frozen=True)
class Outcome:
    """counts: requests by manner. unlike: a line for each answer that is not the one given alone."""

    counts: Mapping[str, int]
    unlike: list[str]


async def alone(address: str, cases: Sequence[Case]) -> list[Answer]:
    """The answers to each, one after the other."""
    async with _client(address) as client:
        return [await _whole(client, case) for case in cases]


async def mixed(
    address: str, cases: Sequence[Case], expected: Sequence[Answer], count: int, num_clients: int, seed: int
) -> Outcome:
    """So many requests, drawn with `seed`, by clients of which each sends one after the other."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(len(cases), size=count).tolist()
    manners = rng.choice(list(MANNERS), size=count, p=list(MANNERS.values())).tolist()
    waits = (rng.random(count) * LEAVING_S).tolist()
    plan, unlike = iter(list(zip(numbers, manners, waits, strict=True))), list[str]()
    counts: Counter[str] = Counter()

    async def one_client(client: httpx.AsyncClient) -> None:
        for number, manner, wait in plan:  # one iterator for all
            found = await _asked(client, cases[number], manner, wait)
            counts[manner] += 1
            if found is not None and found != expected[number]:
                unlike.append(f"{cases[number].name}, {manner}: {found} instead of {expected[number]}")

    async with _client(address) as client:
        await asyncio.gather(*(one_client(client) for _ in range(num_clients)))
    return Outcome(dict(counts), unlike)


def _client(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=None))


async def _asked(client: httpx.AsyncClient, case: Case, manner: str, wait: float) -> Answer | None:
    """None where the client leaves before it has the answer."""
    if manner == "cancelled":
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await (_streamed(client, case, 0.0) if case.can_stream else _whole(client, case))
        return None
    if manner == "killed":
        await asyncio.to_thread(_killed, client.base_url, case, wait)
        return None
    if manner == "whole" or not case.can_stream:
        return await _whole(client, case)
    return await _streamed(client, case, SLOW_S if manner == "slow" else 0.0)


async def _whole(client: httpx.AsyncClient, case: Case) -> Answer:
    response = await client.post(case.path, json=case.body)
    return response.status_code, substance(response.json())


async def _streamed(client: httpx.AsyncClient, case: Case, pause: float) -> Answer:
    choices: dict[int, list[str]] = {}
    async with client.stream("POST", case.path, json={**case.body, "stream": True}) as response:
        if response.status_code != 200:
            return response.status_code, substance(json.loads(await response.aread()))
        lines: list[str] = []
        async for line in response.aiter_lines():
            lines.append(line)
            if pause:
                await asyncio.sleep(pause)
    events = [line[len("data: ") :] for line in lines if line.startswith("data: ")]
    if events[-1] != "[DONE]":
        return 0, f"the stream ends with {events[-1]}"
    for event in map(json.loads, events[:-1]):
        if "error" in event:
            return 0, event
        for choice in event["choices"]:
            written = choices.setdefault(choice["index"], ["", "", ""])
            delta = choice.get("delta", choice)
            written[0] += delta.get("content") or delta.get("text") or ""
            written[1] += delta.get("reasoning") or ""
            written[2] = choice["finish_reason"] or written[2]
    return 200, [choices[index] for index in sorted(choices)]


def _killed(address: httpx.URL, case: Case, wait: float) -> None:
    """A client of its own process, which is killed after its request is sent."""
    body = json.dumps({**case.body, **({"stream": True} if case.can_stream else {})}).encode()
    head = f"POST {case.path} HTTP/1.1\r\nHost: {address.host}\r\nContent-Type: application/json\r\n"
    command = [sys.executable, "-S", "-E", "-c", KILLED, address.host, str(address.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        process.stdin.close()
        process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
        process.kill()


def substance(answer: Mapping[str, Any]) -> Any:
    """An answer of any route without its numbers, times and seconds."""
    if "choices" in answer:
        return [_written(choice) for choice in answer["choices"]]
    if "output" in answer:
        return [part["text"] for item in answer["output"] for part in item.get("content", []) if "text" in part]
    return answer


def _written(choice: Mapping[str, Any]) -> list[str]:
    message = choice.get("message", {})
    text = choice["text"] if "text" in choice else message.get("content") or ""
    return [text, message.get("reasoning") or "", choice["finish_reason"]]
