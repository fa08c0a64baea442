"""VLMEvalKit's own command line asks our server about pictures and about clips. Needs `make vlmevalkit`."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import Request, Response
from running_server import running

from demiglace import Demiglace
from demiglace.engine.engine import EngineConfig
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from vlmevalkit import AS_FILES, FAILED, NAME, VLMEVALKIT, Asked, by_kit, drawn_choice, drawn_clips, told_by, write_tsv

pytestmark = pytest.mark.slow
needs_vlmevalkit = pytest.mark.skipif(
    not VLMEVALKIT.exists(), reason="VLMEvalKit has an environment of its own: make vlmevalkit"
)


@dataclass(frozen=True)
class Listening:
    """A server, and all that was posted to it."""

    address: str
    posted: list[bytes]


@pytest.fixture
def server() -> Iterator[Listening]:
    posted: list[bytes] = []
    limits = Limits()
    service = Service.of(NAME, Demiglace.load("nano", "cpu", "float32"), limits, MediaSources(limits), EngineConfig())
    app = create_app(service)

    @app.middleware("http")
    async def listen(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        posted.append(await request.body())
        return await answer(request)

    with running(app) as address:
        yield Listening(address, posted)


def directly(body: bytes, address: str) -> tuple[str, str, list[str]]:
    """A request of the kit's, sent without it: the question's line, the answer, and what the server saw."""
    headers = {"content-type": "application/json"}
    told = httpx.post(f"{address}/v1/chat/completions", content=body, headers=headers, timeout=60).json()
    question = json.loads(body)["messages"][-1]["content"][-1]["text"].splitlines()[0]
    return question, told["choices"][0]["message"]["content"].strip(), [one["type"] for one in told["usage"]["media"]]


def compare(server: Listening, folder: Path, asked: Asked, options: Sequence[str], seen: str) -> None:
    """What the kit wrote down is what the server says without it; it asked once about each."""
    write_tsv(folder / f"{asked.name}.tsv", asked.rows)
    by_kit(VLMEVALKIT, folder, folder / "out", server.address, [asked.name], options)
    written = [(f"Question: {row['question']}", row["prediction"], [seen]) for row in told_by(asked, folder / "out")]
    assert len(written) == len(asked.rows) > 1
    assert not any(FAILED in answer for _, answer, _ in written)
    assert sorted(written) == sorted(directly(body, server.address) for body in list(server.posted))


@needs_vlmevalkit
def test_vlmevalkit_asks_about_pictures(server: Listening, tmp_path: Path) -> None:
    compare(server, tmp_path, drawn_choice(12), (), "image")


@needs_vlmevalkit
def test_vlmevalkit_sends_the_files_of_clips(server: Listening, tmp_path: Path) -> None:
    compare(server, tmp_path, drawn_clips(4, tmp_path), AS_FILES, "video")
