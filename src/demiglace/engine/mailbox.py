"""The tokens of an engine sorted by request, so that several callers of one thread share it."""

from __future__ import annotations

from collections.abc import Generator

from demiglace.batch import Batch
from demiglace.engine.engine import Engine, Failure
from demiglace.engine.token_sampler import SampledToken, TokenSampler


class Mailbox:
    """Whoever waits for a token takes a step of the engine, and what comes for others is kept until they ask."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._unread: dict[int, list[SampledToken | Exception]] = {}

    def add(self, prompt: Batch, sampler: TokenSampler) -> int:
        """As `Engine.add`; its tokens are kept until it is cancelled."""
        number = self.engine.add(prompt, sampler)
        self._unread[number] = []
        return number

    def advance(self) -> None:
        """A step of the engine."""
        for step in self.engine.step():
            if step.row in self._unread:
                self._unread[step.row].append(step.error if isinstance(step, Failure) else step.sampled)

    def take(self, number: int) -> list[SampledToken]:
        """The tokens of a request that nobody has taken; raises the error by which it failed."""
        unread = self._unread[number]
        tokens = [one for one in unread if isinstance(one, SampledToken)]
        self._unread[number] = unread[len(tokens) :]  # a failure is the last
        if not tokens and unread and isinstance(unread[0], Exception):
            raise unread[0]
        return tokens

    def cancel(self, number: int) -> None:
        """End a request, be it over or not, and forget its tokens."""
        self.engine.cancel(number)
        self._unread.pop(number, None)

    def tokens(self, prompt: Batch, sampler: TokenSampler) -> Generator[SampledToken]:
        """A request from its first token on, put when that is asked for, and cancelled where nobody reads on."""
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
