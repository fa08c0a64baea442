"""What all routes share: places in the batch, opening files, answers in progress, and shutdown."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from demiglace.conversation import Conversation, Text
from demiglace.engine.engine import EngineConfig
from demiglace.engine.guided import Guide
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.answer import Answer
from demiglace.inference.demiglace import Demiglace
from demiglace.processing.fitting import Fitted
from demiglace.server.engine_thread import EngineThread, Event, Order, Piece, Written
from demiglace.server.errors import ApiError, refused
from demiglace.server.limits import Busy, Closing, Gate, Limits, Place
from demiglace.server.media_sources import MediaSources
from demiglace.server.media_workers import MediaWorkers
from demiglace.server.metrics import Metrics
from demiglace.server.preparation import Job, Prepared, prepare
from demiglace.server.requests import THINK_SUFFIX

log = logging.getLogger("demiglace.answers")

Prompt = tuple[Prepared, Sequence[SamplingParams]]  # with parameters for each of its answers
NUM_WORKERS = 2  # ours: each opens the files of one request at a time
NUM_THREADS = 2  # ours: texts, schemas and long data URLs are parsed in threads, so that the event loop keeps running


@dataclass
class Service:
    """name: of the model, as clients call it. keys: API keys; every request needs one, if there are any."""

    name: str
    assistant: Demiglace
    limits: Limits
    sources: MediaSources
    workers: MediaWorkers
    engine: EngineThread
    gate: Gate
    keys: Sequence[str] = ()
    metrics: Metrics = field(default_factory=Metrics)
    created: int = field(default_factory=lambda: int(time.time()))
    under_way: set[Answers] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        name: str,
        assistant: Demiglace,
        limits: Limits,
        sources: MediaSources,
        config: EngineConfig,
        keys: Sequence[str] = (),
    ) -> Service:
        """Create a service without starting it."""
        workers = MediaWorkers(assistant.processor, limits, room_of(assistant, limits), NUM_WORKERS)
        engine, gate = EngineThread(assistant, config), Gate(limits)
        service = cls(name, assistant, limits, sources, workers, engine, gate, keys)
        service.metrics.gauge("running_requests", "Requests that are answered.", lambda: gate.num_running)
        service.metrics.gauge("waiting_requests", "Requests that wait for a place.", lambda: gate.num_waiting)
        service.metrics.gauge("held_blocks", "Blocks of keys and values in use.", lambda: engine.num_held_blocks)
        return service

    async def start(self) -> None:
        """Start threads and processes, and answer warm-up requests, so that the first client does not wait."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(NUM_THREADS, "requests"))
        self.engine.start()
        await self.workers.start()
        counted, self.metrics = self.metrics, Metrics()  # warm-up requests are not counted
        prepared = await self.prepare(Job((("user", (Text("Hello"),)),)))
        for guide in (None, _any_guide()):
            params = SamplingParams(max_new_tokens=2, temperature=0, repetition_penalty=1, guide=guide)
            answers = self.answers([(prepared, [params])], False, await self.gate.enter(), in_pieces=False)
            await answers.all()
        self.metrics = counted

    def close(self) -> None:
        """Stop everything; answers in progress end with an error."""
        self.refuse_more()
        self.abort()
        self.workers.close()
        self.engine.close()

    def refuse_more(self) -> None:
        """Reject new and waiting requests from now on; answers in progress continue."""
        self.gate.close()

    def abort(self) -> None:
        """End answers in progress with an error; streams are still terminated properly."""
        for answers in list(self.under_way):
            answers.abort(ApiError(503, "the server has stopped", code="service_unavailable"))

    @property
    def room(self) -> int:
        """Most tokens of a prompt."""
        return room_of(self.assistant, self.limits)

    def thinks_by_name(self, model: str | None) -> bool:
        """Whether the model's name asks for reasoning; ApiError if there is no such model."""
        if model in (None, self.name, self.name + THINK_SUFFIX):
            return model == self.name + THINK_SUFFIX
        raise ApiError(404, f"The model '{model[:100]}' does not exist.", "model", "model_not_found")

    async def enter(self) -> Place:
        """A place in the batch; ApiError if too many requests wait, or if the server is shutting down."""
        try:
            return await self.gate.enter()
        except Busy:
            raise ApiError(
                429, f"{self.gate.num_waiting} requests are waiting already", code="rate_limit_exceeded"
            ) from None
        except Closing:
            raise ApiError(503, "the server is shutting down", code="service_unavailable") from None

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[Place]:
        """As `enter`, for answers, which free the place at their end; freed here if an error comes earlier."""
        place = await self.enter()
        try:
            yield place
        except BaseException:
            place.leave()
            raise

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """As `enter`, for other requests; the place is freed at the end of the block."""
        place = await self.enter()
        try:
            yield
        finally:
            place.leave()

    async def prepare(self, job: Job, field: str = "messages") -> Prepared:
        """Prepare a job; ApiError if files cannot be read or the conversation is too long. field: of the messages."""
        with self.metrics.opening.time():
            try:
                if job.files:
                    return await self.workers.prepare(job)
                return await asyncio.to_thread(prepare, job, self.assistant.processor, self.limits, self.room)
            except ValueError as error:
                raise refused(str(error), field) from error

    def answers(self, prompts: Sequence[Prompt], thinking: bool, place: Place, in_pieces: bool) -> Answers:
        """Start answers to some prompts, numbered consecutively. They free the place at their end."""
        each = [
            (prepared, self._within(params, self.room + 1 - len(prepared.sample.tokens)))
            for prepared, sampling in prompts
            for params in sampling
        ]
        return Answers(self, place, each, thinking, in_pieces)

    def _within(self, params: SamplingParams, room: int) -> SamplingParams:
        if params.num_beams > (most := self.limits.max_choices):
            raise refused(f"num_beams must be a whole number from 1 to {most}, got {params.num_beams}", "num_beams")
        if params.min_new_tokens > room:
            wanted = params.min_new_tokens
            raise refused(f"min_tokens is {wanted}, but there is room for {room} more tokens", "min_tokens")
        return replace(params, max_new_tokens=min(params.max_new_tokens, room))


class Answers:
    """Answers in progress to one request. Always close it at the end."""

    def __init__(
        self,
        service: Service,
        place: Place,
        asked: Sequence[tuple[Prepared, SamplingParams]],
        thinking: bool,
        in_pieces: bool,
    ) -> None:
        self._service, self._place = service, place
        self._events: asyncio.Queue[tuple[int, Event]] = asyncio.Queue()
        self._num_open = len(asked)
        self._orders = []
        for number, (prepared, params) in enumerate(asked):
            fitted = Fitted(Conversation((), thinking), prepared.notes)
            self._orders.append(
                Order(number, fitted, prepared.sample, params, place.asked, in_pieces, self._events, self._finished)
            )
        service.under_way.add(self)
        for order in self._orders:
            service.engine.add(order)

    async def events(self) -> AsyncIterator[tuple[int, Piece | Written]]:
        """Events with the numbers of their answers until all are complete; ApiError if one failed.

        Queued pieces are merged, which relieves the event loop when many answers stream at a time.
        """
        num_left = len(self._orders)
        coming = None
        while num_left:
            number, event = coming or await self._events.get()
            coming = None if self._events.empty() else self._events.get_nowait()
            while coming and coming[0] == number and isinstance(event, Piece) and isinstance(coming[1], Piece):
                event = Piece(event.text + coming[1].text, event.choices + coming[1].choices)
                coming = None if self._events.empty() else self._events.get_nowait()
            if isinstance(event, ApiError):
                raise event
            if isinstance(event, ValueError):
                raise refused(str(event)) from event
            if isinstance(event, Exception):
                raise ApiError(500, "the answer could not be computed", code="internal_error") from event
            num_left -= isinstance(event, Written)
            yield number, event

    async def all(self) -> list[Written]:
        """The complete answers in order; closes this object."""
        try:
            written = {number: event async for number, event in self.events() if isinstance(event, Written)}
        finally:
            self.close()
        return [written[number] for number in sorted(written)]

    def abort(self, error: ApiError) -> None:
        self._events.put_nowait((0, error))

    def close(self) -> None:
        """Cancel what is still in progress and free the place."""
        if self in self._service.under_way:
            self._service.under_way.discard(self)
            for order in self._orders:
                self._service.engine.cancel(order)
        self._place.leave()

    def _finished(self, event: Event) -> None:
        """Free the place as soon as everything is computed, however slowly the client reads."""
        if isinstance(event, Written):
            self._service.metrics.answered(event.answer)
            _log_answer(event.answer)
        self._num_open -= 1
        if not self._num_open:
            self._place.leave()


def room_of(assistant: Demiglace, limits: Limits) -> int:
    """Most tokens of a prompt: an answer needs at least one."""
    return min(assistant.room, (limits.max_tokens or assistant.room + 1) - 1)


def _log_answer(answer: Answer) -> None:
    names = ("prompt_tokens", "visual_tokens", "new_tokens", "seconds_to_first_token", "seconds", "stopped_by")
    fields = {name: getattr(answer, name) for name in names}
    log.info(
        "%(prompt_tokens)d tokens, %(visual_tokens)d of them visual -> %(new_tokens)d, the first after "
        "%(seconds_to_first_token).3f s, the last after %(seconds).3f s (%(stopped_by)s)",
        fields,
        extra={"fields": fields},
    )


def _any_guide() -> Guide | None:
    """A guide for warm-up; None if llguidance is not installed."""
    try:
        return Guide.choice(["yes"])
    except ValueError:
        return None
