"""Requests that are prepared in advance, and the two ways of ours in which they are answered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from demiglace import Demiglace, SamplingParams
from demiglace.conversation import Conversation, Part
from demiglace.engine.engine import Engine, EngineConfig, Failure
from demiglace.engine.static_batch import Step, generate
from demiglace.engine.token_sampler import TokenSampler
from demiglace.inference.page_reading import QUESTION
from demiglace.processing.sample import Sample


@dataclass(frozen=True)
class Requests:
    """Prompts, and how each is answered: greedily, so many tokens and no fewer."""

    assistant: Demiglace
    samples: list[Sample]
    sampling: list[SamplingParams]

    @classmethod
    def asked(
        cls,
        assistant: Demiglace,
        parts: Sequence[Sequence[Part]],
        num_tokens: int | Sequence[int],
        questions: Sequence[str] | None = None,
        num_beams: int = 1,
    ) -> Requests:
        """One request for each of `parts`; `num_tokens` of all answers or of each."""
        lengths = [num_tokens] * len(parts) if isinstance(num_tokens, int) else num_tokens
        asked = zip(questions or [QUESTION] * len(parts), parts, strict=True)
        conversations = [Conversation.ask(question, *some) for question, some in asked]
        return cls(
            assistant,
            [assistant.processor.prepare(one, max_tokens=assistant.room) for one in conversations],
            [SamplingParams(length, 0.0, 1.0, 0, 1.0, ignore_eos=True, num_beams=num_beams) for length in lengths],
        )

    def sampler(self, number: int) -> TokenSampler:
        return TokenSampler(self.sampling[number], self.assistant.roles)

    def add_to(self, engine: Engine, number: int) -> int:
        """The number of the request in the engine."""
        return engine.add(self.assistant.processor.batch([self.samples[number]]), self.sampler(number))

    def together(self, numbers: Sequence[int]) -> Iterator[Step]:
        """Some of them in a batch that begins and ends together; a row is the place among `numbers`."""
        batch = self.assistant.processor.batch([self.samples[number] for number in numbers])
        return generate(self.assistant.model, batch, [self.sampler(number) for number in numbers])

    def seconds_in_engine(self, compile_decode: bool = False) -> float:
        """Until all are answered, by an engine that knows nothing before."""
        engine = Engine(self.assistant.model, EngineConfig(compile_decode=compile_decode))
        began = time.perf_counter()
        for number in range(len(self.samples)):
            self.add_to(engine, number)
        while not engine.is_idle:
            checked(engine.step())
        return time.perf_counter() - began

    def seconds_together(self) -> float:
        began = time.perf_counter()
        for _ in self.together(range(len(self.samples))):
            pass
        return time.perf_counter() - began


def checked(steps: Sequence[Step | Failure]) -> list[Step]:
    """The steps; raises the error of a request that failed."""
    for step in steps:
        if isinstance(step, Failure):
            raise step.error
    return [step for step in steps if isinstance(step, Step)]
