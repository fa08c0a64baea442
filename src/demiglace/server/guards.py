"""Middleware before all routes: API keys, limits on bodies, a line in the log."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demiglace.server.errors import ApiError
from demiglace.server.metrics import Metrics
from demiglace.server.page_files import PREFIX

log = logging.getLogger("demiglace.requests")

BODIES_HELD = 8  # ours
SILENCE_S = 30.0  # ours: longest wait for the next piece of a body
MOST_COMMAS = 2**17  # ours: in a JSON body, where commas separate values; a million values take seconds to validate
BODY_S = 600.0  # ours: longest time for the whole body, however it is split
OPEN_PATHS = frozenset({"/", "/health"})  # need no key: the page asks for one, and monitoring has none


@dataclass
class Guards:
    """keys: every request needs one of them; if empty, none is needed. max_bytes: of a body.

    Bodies of all current requests together may have `BODIES_HELD` times as many bytes.
    """

    app: ASGIApp
    keys: Sequence[str]
    max_bytes: int
    metrics: Metrics
    num_held: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        kind = dict(scope["headers"]).get(b"content-type", b"")
        body = _Body(self, is_form=kind.lower().startswith(b"multipart/"))
        try:
            if error := self._error(scope):
                await error.response(scope, receive, watched)
            else:
                await self.app(scope, body.bounded(receive), watched)
        finally:
            self.num_held -= body.size
            self._tell(scope, status, time.perf_counter() - started)

    def _error(self, scope: Scope) -> ApiError | None:
        headers = dict(scope["headers"])
        if self.keys and not _is_open(scope["path"]) and not self._has_key(headers.get(b"authorization", b"")):
            return ApiError(401, "a valid API key is needed: Authorization: Bearer KEY", code="invalid_api_key")
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.max_bytes:
            return _too_large(int(announced), self.max_bytes)
        return None

    def _has_key(self, header: bytes) -> bool:
        """Compares every key, each in constant time."""
        scheme, _, given = header.partition(b" ")
        found = [hmac.compare_digest(given.strip(), key.encode()) for key in self.keys]
        return scheme.lower() == b"bearer" and any(found)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")  # the declared path: unknown paths must not become labels
        self.metrics.requests.labels(route, str(status or 499)).inc()
        log.info(
            "%s %s %s in %.3f s",
            scope["method"],
            scope["path"],
            status or "left",
            seconds,
            extra={"fields": {"method": scope["method"], "path": scope["path"], "status": status, "seconds": seconds}},
        )


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(PREFIX)


@dataclass
class _Body:
    """The body of one request. is_form: whether it is multipart, with raw file bytes. size: bytes received so far.
    is_whole: whether it is complete."""

    guards: Guards
    is_form: bool
    size: int = 0
    num_commas: int = 0
    is_whole: bool = False
    began: float = field(default_factory=time.monotonic)

    def bounded(self, receive: Receive) -> Receive:
        """Raises HTTPException, whatever size was announced: 413 for too many bytes or values, 429 if all bodies
        together have too many, 408 if the body stalls, because slow senders would take up the capacity of others."""

        async def bounded() -> Message:
            message = await self._next(receive)
            piece = message.get("body", b"")
            self.size += (length := len(piece))
            self.num_commas += 0 if self.is_form else piece.count(b",")
            self.guards.num_held += length
            if self.size > self.guards.max_bytes:
                raise HTTPException(413, _too_large(self.size, self.guards.max_bytes).message)
            if self.num_commas > MOST_COMMAS:
                raise HTTPException(413, f"the request has more than {MOST_COMMAS} values, or commas in its texts")
            if self.guards.num_held > BODIES_HELD * self.guards.max_bytes:
                raise HTTPException(429, "the requests in progress are too large to accept another one")
            return message

        return bounded

    async def _next(self, receive: Receive) -> Message:
        """The next message. After the body, only a disconnect is to come, so there is no timeout."""
        if self.is_whole:
            return await receive()
        try:
            async with asyncio.timeout(min(SILENCE_S, self.began + BODY_S - time.monotonic())):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"the request stopped after {self.size} bytes, before its end") from None
        self.is_whole = not message.get("more_body", False)
        return message


def _too_large(found: int, most: int) -> ApiError:
    return ApiError(413, f"the request has {found} bytes, at most {most} are allowed", code="request_too_large")
