"""Batches of prompts, read and prepared in this process, or in workers while the previous batch is processed.

A batch is a function of its number, so neither workers nor what they have prepared is part of a run's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from demiglace.data.mixture import Draw
from demiglace.data.sample_builder import VisualArrays, WorkerPool
from demiglace.processing.fitting import fit_for_answer
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.records.bad_record import BadRecord
from demiglace.rl.prompts import Prompt, Prompts

Numbered = tuple[int, Draw]  # number and record of a prompt


@dataclass(frozen=True)
class PreparedPrompt:
    """A prompt and its sample as arrays, which can be passed between processes."""

    prompt: Prompt
    tokens: np.ndarray
    visual_places: np.ndarray
    pictures: VisualArrays | None

    def sample(self) -> Sample:
        visual = None if self.pictures is None else self.pictures.visual()
        return Sample(torch.from_numpy(self.tokens), torch.from_numpy(self.visual_places), visual)


@dataclass(frozen=True)
class PromptReader:
    """Reads and prepares prompts. max_tokens: of a prompt; videos without sampling settings are fitted to it."""

    prompts: Prompts
    processor: Processor
    max_tokens: int

    def __call__(self, numbered: Numbered) -> PreparedPrompt:
        """Raises BadRecord if the record cannot be used or has no reference, or if its prompt is too long."""
        prompt = self.prompts.read(*numbered)
        try:
            asked = fit_for_answer(self.processor, prompt.conversation(), self.max_tokens).conversation
            sample = self.processor.prepare(asked, max_tokens=self.max_tokens)
        except ValueError as error:
            raise BadRecord(prompt.name, str(error)) from error
        pictures = None if sample.visual is None else VisualArrays.of(sample.visual)
        prompt = replace(prompt, messages=asked.messages)
        return PreparedPrompt(prompt, sample.tokens.numpy(), sample.visual_places.numpy(), pictures)


class PromptBatches:
    """Batches of `size` prompts, of which this process gets those at `places`.

    on_bad: called for a prompt that cannot be used; unless it raises, the batch has one prompt less.
    num_workers: processes that prepare the next batch in advance; 0 prepares each in this process on demand.
    """

    def __init__(
        self,
        reader: PromptReader,
        size: int,
        places: Sequence[int],
        on_bad: Callable[[BadRecord], None],
        num_workers: int = 0,
    ) -> None:
        self.reader, self.size, self.places, self.on_bad = reader, size, places, on_bad
        self._workers: WorkerPool[Numbered, PreparedPrompt] = WorkerPool(reader, num_workers)
        self._ahead = int(num_workers > 0)
        self._started: dict[int, list[Callable[[], PreparedPrompt]]] = {}

    def batch(self, number: int) -> tuple[list[Prompt], list[Sample]]:
        """The usable prompts with their samples, which may be none."""
        wanted = range(number, number + 1 + self._ahead)
        self._started = {batch: self._started.get(batch) or self._start(batch) for batch in wanted}
        found = [prepared for fetch in self._started.pop(number) if (prepared := self._fetched(fetch)) is not None]
        return [prepared.prompt for prepared in found], [prepared.sample() for prepared in found]

    def close(self) -> None:
        """Stop the workers."""
        self._workers.close()

    def _start(self, number: int) -> list[Callable[[], PreparedPrompt]]:
        draws = self.reader.prompts.draws(number * self.size, self.size)
        return [self._workers.start((number * self.size + place, draws[place])) for place in self.places]

    def _fetched(self, fetch: Callable[[], PreparedPrompt]) -> PreparedPrompt | None:
        try:
            return fetch()
        except BadRecord as error:
            self.on_bad(error)
            return None
