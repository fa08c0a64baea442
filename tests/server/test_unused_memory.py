"""Memory is given back once nothing has been asked for a while."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import httpx
import pytest

from demiglace.server import engine_thread, unused_memory


class _Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
def test_what_only_a_cycle_holds_is_collected() -> None:
    held = weakref.ref(_Cycle())
    assert held() is not None
    unused_memory.give_back()
    assert held() is None


def test_a_server_gives_back_when_nobody_asks(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    given = threading.Event()
    monkeypatch.setattr(engine_thread, "IDLE_S", 0.01)
    monkeypatch.setattr(engine_thread, "give_back", given.set)
    asked = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    client.post("/v1/chat/completions", json=asked).raise_for_status()
    assert given.wait(30)
    client.post("/v1/chat/completions", json=asked).raise_for_status()
