"""A server in a thread of its own, on a free port, and files as clients send them."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

SAMPLES = Path(__file__).parents[1] / "samples"


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The address of the application while it runs. Not in the main thread, it hears of no signals.

    Idle connections stay open: on a busy machine a client takes longer than uvicorn's 5 s to its next request.
    """
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_keep_alive=600))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def data_url(source: str | bytes, kind: str) -> str:
    """A sample by its name, or any bytes."""
    data = source if isinstance(source, bytes) else (SAMPLES / source).read_bytes()
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
