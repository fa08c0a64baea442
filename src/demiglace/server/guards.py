"""What stands before all routes: keys, the size of bodies, a line in the log."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demiglace.server.errors import ApiError
from demiglace.server.metrics import Metrics
from demiglace.server.page_files import PREFIX

log = logging.getLogger("demiglace.requests")

BODIES_HELD = 8  # ours
OPEN_PATHS = frozenset({"/", "/health"})  # without a key: the page asks for one, and who watches a server has none


@dataclass
class Guards:
    """keys: one of them is asked of every request; none where there are none. max_bytes: of a body.

    Bodies of all requests under way have `BODIES_HELD` times as many bytes together.
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

        body = _Body(self)
        try:
            if error := self._error(scope):
                await JSONResponse(error.body, error.status, dict(error.headers))(scope, receive, watched)
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
        """Every key is compared, each in constant time."""
        scheme, _, given = header.partition(b" ")
        found = [hmac.compare_digest(given.strip(), key.encode()) for key in self.keys]
        return scheme.lower() == b"bearer" and any(found)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")  # as declared: paths of strangers are no labels
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
    """Of one request. size: bytes that have come."""

    guards: Guards
    size: int = 0

    def bounded(self, receive: Receive) -> Receive:
        """Raises HTTPException, whatever size was announced: 413 at too many bytes, 429 where all bodies have them."""

        async def bounded() -> Message:
            message = await receive()
            length = len(message.get("body", b""))
            self.size += length
            self.guards.num_held += length
            if self.size > self.guards.max_bytes:
                raise HTTPException(413, _too_large(self.size, self.guards.max_bytes).message)
            if self.guards.num_held > BODIES_HELD * self.guards.max_bytes:
                raise HTTPException(429, "the requests under way are too large to take up another one")
            return message

        return bounded


def _too_large(found: int, most: int) -> ApiError:
    return ApiError(413, f"the request has {found} bytes, at most {most} are taken", code="request_too_large")
