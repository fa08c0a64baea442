"""Limits on single requests and on concurrency. Every number is ours."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from demiglace.fields import Real, Whole, check_attributes

BOUNDS = {
    "max_bytes": Whole(1, 2**34),
    "max_pixels": Whole(1, 2**31),
    "max_pages": Whole(1, 200),
    "max_frames": Whole(1, 2**20),
    "max_seconds": Real(0, 6 * 3600, above=True),
    "max_files": Whole(1, 2**16),
    "max_choices": Whole(1, 128),
    "max_batch": Whole(1, 4096),
    "max_queue": Whole(0, 2**20),
    "decode_seconds": Real(0, 3600, above=True),
    "decode_bytes": Whole(2**26, 2**40),
}


@dataclass(frozen=True)
class Limits:
    """Limits for one request, for its files, and for all requests together.

    max_bytes: of a request's body, or of a file fetched from a URL.
    max_pixels: of a picture or a frame. max_pages: of all documents of a request together.
    max_frames, max_seconds: of each video. max_files: of a request; frames in a list count one by one.
    max_tokens: of prompt and answer together; None allows all positions of the model.
    max_choices: answers to one prompt.
    max_batch: requests answered at a time. max_queue: requests that may wait.
    decode_seconds, decode_bytes: time and memory that opening the files of one request may take.
    """

    max_bytes: int = 2**27
    max_pixels: int = 50_000_000
    max_pages: int = 50
    max_frames: int = 1080  # paper, section 2.1
    max_seconds: float = 3600.0
    max_files: int = 1200
    max_tokens: int | None = None
    max_choices: int = 8
    max_batch: int = 64
    max_queue: int = 256
    decode_seconds: float = 60.0
    decode_bytes: int = 2**32

    def __post_init__(self) -> None:
        """Raises ValueError for values out of bounds."""
        check_attributes(self, BOUNDS)
        if self.max_tokens is not None:
            Whole(2, 2**31).check("max_tokens", self.max_tokens)


class Busy(Exception):
    """The queue of waiting requests is full."""


class Closing(Exception):
    """The server is shutting down and accepts no more work."""


class Gate:
    """Places for requests being answered, with a first-in, first-out queue. For one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.num_running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.is_closing = False

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    async def enter(self) -> Place:
        """Wait for a place. Raises Busy or Closing."""
        asked = time.perf_counter()
        if self.is_closing:
            raise Closing
        if self.num_running >= self._limits.max_batch:
            await self._wait()
        else:
            self.num_running += 1
        return Place(self, asked)

    def close(self) -> None:
        """Reject all waiting and all future requests."""
        self.is_closing = True
        for future in self._waiting:
            if not future.done():
                future.set_exception(Closing())
        self._waiting.clear()

    async def _wait(self) -> None:
        if len(self._waiting) >= self._limits.max_queue:
            raise Busy
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future  # a request that leaves passes its place on
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.leave()
            elif future in self._waiting:
                self._waiting.remove(future)
            raise

    def leave(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self.num_running -= 1


class Place:
    """The place of a request being answered. asked: when it began to wait for one (`perf_counter`)."""

    def __init__(self, gate: Gate, asked: float) -> None:
        self.asked = asked
        self._gate: Gate | None = gate

    def leave(self) -> None:
        """Free the place; further calls do nothing."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.leave()
