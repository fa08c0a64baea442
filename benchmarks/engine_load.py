"""Questions about pictures put to the engine itself, in this process: by so many clients, or as they arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from answer_times import AnswerTimes

from demiglace import Demiglace, SamplingParams
from demiglace.conversation import Conversation, Image
from demiglace.engine.engine import Engine
from demiglace.engine.mailbox import Mailbox
from demiglace.inference.answer import AnswerBuilder
from demiglace.processing.fitting import Fitted
from demiglace.processing.sample import Sample


@dataclass(eq=False)
class _Draft:
    builder: AnswerBuilder
    asked: float
    pieces: list[float] = field(default_factory=list)

    @property
    def times(self) -> AnswerTimes:
        return AnswerTimes(self.asked, tuple(self.pieces), self.builder.answer().text)


@dataclass
class EngineLoad:
    """pictures: files, each asked about once. is_opened: whether they are made ready before the clock runs.

    Answers are given by an engine that knows nothing before.
    """

    assistant: Demiglace
    question: str
    pictures: Sequence[bytes]
    sampling: SamplingParams
    is_opened: bool

    def __post_init__(self) -> None:
        self._samples = [self._sample(one) for one in self.pictures] if self.is_opened else []

    def by_clients(self, count: int) -> list[AnswerTimes]:
        """Each client asks when it has its answer."""
        self._begin()
        coming = iter(range(len(self.pictures)))
        for number in [next(coming) for _ in range(min(count, len(self.pictures)))]:
            self._add(number, time.perf_counter())
        for _ in self._ended():
            if (number := next(coming, None)) is not None:
                self._add(number, time.perf_counter())
        return self._times

    def as_they_arrive(self, times: Sequence[float]) -> list[AnswerTimes]:
        """times: seconds after the beginning, ascending."""
        self._begin()
        began, coming = time.perf_counter(), 0
        while coming < len(times):
            if not self._drafts:
                time.sleep(max(0.0, began + times[coming] - time.perf_counter()))
            while coming < len(times) and began + times[coming] <= time.perf_counter():
                self._add(coming, began + times[coming])
                coming += 1
            self._step()
        for _ in self._ended():
            pass
        return self._times

    def _sample(self, picture: bytes) -> Sample:
        conversation = Conversation.ask(self.question, Image(picture))
        return self.assistant.processor.prepare(conversation, max_tokens=self.assistant.room)

    def _begin(self) -> None:
        self._mailbox = Mailbox(Engine(self.assistant.model))
        self._drafts: dict[int, _Draft] = {}
        self._all: dict[int, _Draft] = {}

    def _add(self, number: int, asked: float) -> None:
        sample = self._samples[number] if self.is_opened else self._sample(self.pictures[number])
        builder = self.assistant.draft(Fitted(Conversation(())), sample, self.sampling, asked)
        draft = _Draft(builder, asked)
        self._drafts[self._mailbox.add(self.assistant.processor.batch([sample]), builder.sampler)] = draft
        self._all[number] = draft

    def _step(self) -> list[_Draft]:
        """Those that end by it."""
        self._mailbox.advance()
        ended = []
        for number, draft in list(self._drafts.items()):
            for sampled in self._mailbox.take(number):
                if draft.builder.take(sampled):
                    draft.pieces.append(time.perf_counter())
            if draft.builder.stopped_by:
                self._mailbox.cancel(number)
                ended.append(self._drafts.pop(number))
        return ended

    def _ended(self) -> Iterator[_Draft]:
        while self._drafts:
            yield from self._step()

    @property
    def _times(self) -> list[AnswerTimes]:
        return [self._all[number].times for number in sorted(self._all)]
