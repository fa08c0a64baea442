"""The one thread that runs the engine: requests arrive through a queue, and results go to the event loop."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from demiglace.engine.engine import Engine, EngineConfig
from demiglace.engine.mailbox import Mailbox
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.answer import Answer, AnswerBuilder
from demiglace.inference.demiglace import Demiglace
from demiglace.inference.token_choice import TokenChoice
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.fitting import Fitted
from demiglace.processing.sample import Sample
from demiglace.server.unused_memory import give_back

IDLE_S = 1.0  # ours: longer than a client usually pauses between two requests

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Piece:
    """New text, with the log-probabilities of its tokens if they were requested."""

    text: str
    choices: tuple[TokenChoice, ...] = ()


@dataclass(frozen=True)
class Written:
    """A complete answer. text: everything generated, with reasoning and its tags. thoughts: tokens up to its end."""

    answer: Answer
    text: str
    thoughts: int


Event = Piece | Written | Exception


@dataclass(eq=False)
class Order:
    """A requested answer, and where its results go.

    number: index among the answers to a request, which share `events`. fitted, sample: as in `Demiglace.draft`.
    in_pieces: whether text is sent as it is generated. finished: called in the event loop unless it is cancelled.
    """

    number: int
    fitted: Fitted
    sample: Sample
    sampling: SamplingParams
    started: float
    in_pieces: bool
    events: asyncio.Queue[tuple[int, Event]]
    finished: Callable[[Event], None]


@dataclass(eq=False)
class _Draft:
    order: Order
    builder: AnswerBuilder
    num_choices: int = 0  # already sent

    def new_choices(self) -> tuple[TokenChoice, ...]:
        """Log-probabilities since the last call, without that of the end token."""
        since, choices = self.num_choices, self.builder.choices
        self.num_choices = len(choices) - (self.builder.stopped_by == "end")
        return tuple(choices[since : self.num_choices])


class EngineThread:
    """Answers all orders together. Every method may be called from the event loop."""

    def __init__(self, assistant: Demiglace, config: EngineConfig) -> None:
        self._assistant, self._mailbox = assistant, Mailbox(Engine(assistant.model, config))
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._drafts: dict[int, _Draft] = {}
        self._outgoing: list[tuple[Order, Event]] = []
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def num_held_blocks(self) -> int:
        """Blocks of keys and values that answers in progress hold."""
        blocks = self._mailbox.engine.blocks
        return blocks.num_blocks - blocks.num_free

    def start(self) -> None:
        """Call this from the event loop that receives the answers."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def add(self, order: Order) -> None:
        """Queue an order; its last event is a `Written` or an exception, a ValueError if the request is at fault."""
        self._calls.put(lambda: self._add(order))

    def cancel(self, order: Order) -> None:
        """Stop an order, if it is still in progress."""
        self._calls.put(lambda: self._cancel(order))

    def close(self) -> None:
        """End the thread; answers in progress are abandoned."""
        self._calls.put(self._close)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._is_closed:
            if not self._drafts:
                self._wait()
            self._take_calls()
            if self._drafts:
                self._step()
            self._send()

    def _wait(self) -> None:
        """Wait for a call; if none comes for a while, return unused memory to the system."""
        try:
            call = self._calls.get(timeout=IDLE_S)
        except queue.Empty:
            give_back()
            call = self._calls.get()
        call()

    def _take_calls(self) -> None:
        """Run all queued calls."""
        with suppress(queue.Empty):
            while True:
                self._calls.get_nowait()()

    def _close(self) -> None:
        self._is_closed = True

    def _add(self, order: Order) -> None:
        try:
            builder = self._assistant.draft(order.fitted, order.sample, order.sampling, order.started)
            batch = self._assistant.processor.batch([order.sample])
            self._drafts[self._mailbox.add(batch, builder.sampler)] = _Draft(order, builder)
        except Exception as error:
            self._fail(order, error)

    def _cancel(self, order: Order) -> None:
        for number, draft in list(self._drafts.items()):
            if draft.order is order:
                self._leave(number)

    def _leave(self, number: int) -> None:
        self._mailbox.cancel(number)
        del self._drafts[number]

    def _step(self) -> None:
        try:
            self._mailbox.advance()
        except Exception as error:  # such as out of memory: the engine has discarded the pass
            for number, draft in list(self._drafts.items()):
                self._leave(number)
                self._fail(draft.order, error)
        for number, draft in list(self._drafts.items()):
            try:
                self._take(number, draft)
            except Exception as error:
                self._leave(number)
                self._fail(draft.order, error)

    def _take(self, number: int, draft: _Draft) -> None:
        builder = draft.builder
        for sampled in self._mailbox.take(number):
            text = builder.take(sampled)
            if draft.order.in_pieces and (text or builder.stopped_by):
                self._outgoing.append((draft.order, Piece(text, draft.new_choices())))
            if builder.stopped_by:  # with beam search, more tokens may have come along
                break
        if builder.stopped_by:
            self._outgoing.append((draft.order, Written(builder.answer(), builder.text, self._thoughts(builder))))
            self._leave(number)

    def _thoughts(self, builder: AnswerBuilder) -> int:
        """Tokens of reasoning, including its end tag. Beam search may have returned more tokens after a stop string."""
        if not builder.conversation.thinking:
            return 0
        tokens, end = builder.sampler.output_tokens[: builder.new_tokens], self._assistant.roles.think_end
        return tokens.index(end) + 1 if end in tokens else builder.new_tokens

    def _fail(self, order: Order, error: Exception) -> None:
        if not isinstance(error, ValueError):
            log.error("an answer failed", exc_info=error)
        self._outgoing.append((order, error))

    def _send(self) -> None:
        """Send all results of a step in one call, because each call wakes the event loop."""
        if not self._outgoing:
            return
        outgoing, self._outgoing = self._outgoing, []
        assert self._loop is not None, "not started"
        try:
            self._loop.call_soon_threadsafe(_deliver, outgoing)
        except RuntimeError:  # the event loop has ended
            self._is_closed = True


def _deliver(outgoing: list[tuple[Order, Event]]) -> None:
    for order, event in outgoing:
        if not isinstance(event, Piece):
            order.finished(event)
        order.events.put_nowait((order.number, event))


def num_blocks_of(model: MiniCPMV, num_bytes: int) -> int:
    """Number of blocks of keys and values that fit; ValueError if not even one does."""
    llm, block_size = model.config.llm, EngineConfig.block_size
    token_bytes = 2 * llm.num_layers * llm.num_kv_heads * llm.head_dim * model.llm.model.embed_tokens.weight.itemsize
    if num_bytes < (needed := token_bytes * block_size):
        raise ValueError(f"keys and values of {block_size} tokens take {needed} bytes, got {num_bytes}")
    return num_bytes // needed
