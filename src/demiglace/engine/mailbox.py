"""The tokens of an engine, sorted by request, so that several callers in one thread can share it."""

from __future__ import annotations

from collections.abc import Generator

from demiglace.batch import Batch
from demiglace.engine.engine import Engine, Failure
from demiglace.engine.token_sampler import SampledToken, TokenSampler


class Mailbox:
    """A caller that waits for a token runs a step of the engine; tokens of others are kept until they are read."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._unread: dict[int, list[SampledToken | Exception]] = {}

    def add(self, prompt: Batch, sampler: TokenSampler) -> int:
        """As `Engine.add`; tokens of the request are kept until it is cancelled."""
        number = self.engine.add(prompt, sampler)
        self._unread[number] = []
        return number

    def advance(self) -> None:
        """Run a step of the engine."""
        for step in self.engine.step():
            if step.row in self._unread:
                self._unread[step.row].append(step.error if isinstance(step, Failure) else step.sampled)

    def take(self, number: int) -> list[SampledToken]:
        """The unread tokens of a request; raises its error if it failed."""
        unread = self._unread[number]
        tokens = [entry for entry in unread if isinstance(entry, SampledToken)]
        self._unread[number] = unread[len(tokens) :]  # a failure comes last
        if not tokens and unread and isinstance(unread[0], Exception):
            raise unread[0]
        return tokens

    def cancel(self, number: int) -> None:
        """End a request, whether over or not, and discard its tokens."""
        self.engine.cancel(number)
        self._unread.pop(number, None)

    def tokens(self, prompt: Batch, sampler: TokenSampler) -> Generator[SampledToken]:
        """The tokens of a new request, which is added at the first read, and cancelled if the generator is closed."""
        number = self.add(prompt, sampler)
        try:
            while sampler.stopped_by != "stop":
                for sampled in self.take(number):
                    yield sampled
                    if sampled.stopped_by or sampler.stopped_by == "stop":
                        return
                self.advance()
        finally:
            self.cancel(number)
