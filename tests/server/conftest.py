"""A server of the nano model, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pdf_writer
import pytest
from chat_page import ChatPage, chromium
from running_server import running

from demiglace import Demiglace
from demiglace.engine.engine import EngineConfig
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service


@pytest.fixture(scope="session")
def assistant() -> Demiglace:
    return Demiglace.load("nano", "cpu", "float32")


@pytest.fixture(scope="session")
def address(assistant: Demiglace) -> Iterator[str]:
    """Of a server with all defaults."""
    limits = Limits()
    with running(create_app(Service.of("nano", assistant, limits, MediaSources(limits), EngineConfig()))) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture
def openai_client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of this file alone: while it runs, nobody else may run an event loop in this thread."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., ChatPage]]:
    """open_page(address, **settings of the browser's context); scripts must have complained about nothing."""
    pages: list[tuple[Any, ChatPage, bool]] = []

    def opened(address: str, may_complain: bool = False, **settings: Any) -> ChatPage:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **settings)
        context.set_default_timeout(60_000)
        pages.append((context, ChatPage(context, address), may_complain))
        return pages[-1][1]

    yield opened
    for context, page, may_complain in pages:
        context.close()
        assert may_complain or page.complaints == []


@pytest.fixture
def chat(open_page: Callable[..., ChatPage], address: str) -> ChatPage:
    return open_page(address)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return pdf_writer.write_pdf(tmp_path / "two.pdf", *(pdf_writer.show(word, 40, 200) for word in ("One", "Two")))
