"""Streaming of answers as server-sent events that are always terminated."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from demiglace.server.errors import ApiError

log = logging.getLogger(__name__)

T = TypeVar("T")

DONE = "data: [DONE]\n\n"
KEEP_ALIVE = ": still at work\n\n"  # a comment, which clients skip; it keeps proxies from closing the stream
KEEP_ALIVE_S = 15.0  # ours


def event(fields: dict[str, Any], name: str | None = None) -> str:
    """One event. name: for the Responses API, whose events have names."""
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(fields, ensure_ascii=False, separators=(',', ':'))}\n\n"


class EventStream(Response):
    """Sends events until `lines` ends; if it fails, the last event is the error. Stops if the client disconnects."""

    media_type = "text/event-stream"

    def __init__(
        self,
        lines: AsyncIterator[str],
        close: Callable[[], None],
        failed: Callable[[ApiError], str] = lambda error: event(error.body),
        done: str = DONE,
    ) -> None:
        """close: always called at the end. failed: makes the event of an error. done: the last line."""
        self.status_code, self.background = 200, None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._lines, self._close, self._failed, self._done = lines, close, failed, done
        self._last_sent = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await unless_left(self._send(send), receive)
        finally:
            self._close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        keeping = asyncio.ensure_future(self._keep_alive(send))
        try:
            async for text in self._texts():
                self._last_sent = time.monotonic()
                await send(_body(text))
        finally:
            keeping.cancel()
        await send(_body(self._done, is_last=True))

    async def _keep_alive(self, send: Send) -> None:
        """Sends a comment whenever nothing was sent for a while. A separate task, so that events are not delayed."""
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            if time.monotonic() - self._last_sent >= KEEP_ALIVE_S:
                await send(_body(KEEP_ALIVE))

    async def _texts(self) -> AsyncIterator[str]:
        """The events, and the error if one ends them early."""
        try:
            async for text in self._lines:
                yield text
        except ApiError as error:
            yield self._failed(error)
        except Exception:
            log.exception("a stream failed")
            yield self._failed(ApiError(500, "the answer could not be computed", code="internal_error"))


def _body(text: str, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": text.encode(errors="replace"), "more_body": not is_last}


async def unless_left(work: Awaitable[T], receive: Receive) -> T | None:
    """The result of `work`, or None if the client disconnects first, which cancels it. The body must have been read."""
    at_work = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({at_work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return at_work.result() if at_work.done() else None
    finally:
        for task in (at_work, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
