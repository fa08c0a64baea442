"""Running the server: listening, graceful shutdown, and API keys."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from types import FrameType

import uvicorn

from demiglace.server.app import create_app
from demiglace.server.service import Service

MOST_KEY_BYTES = 2**20
BACKLOG = 2048  # uvicorn's
MARGIN_S = 5  # for the last lines of streams, after the grace period


class GracefulServer(uvicorn.Server):
    """At SIGTERM or Ctrl-C queued requests get 503 immediately, and answers in progress have some seconds to finish."""

    def __init__(self, service: Service, config: uvicorn.Config, grace_s: float) -> None:
        super().__init__(config)
        self._service, self._grace_s = service, grace_s
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_end)
        super().handle_exit(sig, frame)

    def _begin_end(self) -> None:
        self._service.refuse_more()
        asyncio.get_running_loop().call_later(self._grace_s, self._service.abort)


def listening(host: str, port: int) -> socket.socket:
    """The listening socket, opened before a model is loaded; ValueError if it cannot be opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python adds the address
        raise ValueError(f"cannot listen at {host}:{port}: {reason}") from error


def run(service: Service, place: socket.socket, grace_s: float) -> None:
    """Serve until a signal arrives."""
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=int(grace_s) + MARGIN_S,
    )
    GracefulServer(service, config, grace_s).run([place])


def read_keys(file: Path | None, given: str | None) -> list[str]:
    """API keys from a file, one a line, and those in `given`, separated by commas; ValueError if a file has none."""
    keys = [one.strip() for one in (given or "").split(",") if one.strip()]
    if file is None:
        return keys
    if not file.is_file():
        raise ValueError(f"{file} is not a file of API keys")
    if (size := file.stat().st_size) > MOST_KEY_BYTES:
        raise ValueError(f"{file} has {size} bytes, more than {MOST_KEY_BYTES}")
    found = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not found:
        raise ValueError(f"{file} has no API key")
    return keys + found
