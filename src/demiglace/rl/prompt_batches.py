"""Batches of prompts, read and prepared: in this process, or by others while the batch before is answered and learned.

A batch is a function of its number, so neither the processes nor what they have prepared is part of a run's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from demiglace.data.mixture import Draw
from demiglace.data.sample_builder import VisualArrays, WorkerPool
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.records.bad_record import BadRecord
from demiglace.rl.prompts import Prompt, Prompts

Numbered = tuple[int, Draw]  # a prompt's number, and its record


@dataclass(frozen=True)
class PreparedPrompt:
    """A prompt and its sample, in arrays as they pass between processes."""

    prompt: Prompt
    tokens: np.ndarray
    visual_places: np.ndarray
    pictures: VisualArrays | None

    def sample(self) -> Sample:
        visual = None if self.pictures is None else self.pictures.visual()
        return Sample(torch.from_numpy(self.tokens), torch.from_numpy(self.visual_places), visual)


@dataclass(frozen=True)
class PromptReader:
    """max_tokens: of a prompt."""

    prompts: Prompts
    processor: Processor
    max_tokens: int

    def __call__(self, numbered: Numbered) -> PreparedPrompt:
        """Raises BadRecord where the record cannot be used, has no reference, or its prompt is too long."""
        prompt = self.prompts.read(*numbered)
        try:
            sample = self.processor.prepare(prompt.conversation(), max_tokens=self.max_tokens)
        except ValueError as error:
            raise BadRecord(prompt.name, str(error)) from error
        pictures = None if sample.visual is None else VisualArrays.of(sample.visual)
        return PreparedPrompt(prompt, sample.tokens.numpy(), sample.visual_places.numpy(), pictures)


class PromptBatches:
    """Batches of `size` prompts, of which this process has those at `places`.

    on_bad: is told of a prompt that cannot be used; it may raise, else the batch has one less.
    num_workers: processes that prepare the next batch meanwhile; 0 prepares each in this one when it is asked for.
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
        """The prompts that can be used, with their samples; ValueError where there is none."""
        wanted = range(number, number + 1 + self._ahead)
        self._started = {one: self._started.get(one) or self._start(one) for one in wanted}
        found = [prepared for fetch in self._started.pop(number) if (prepared := self._fetched(fetch)) is not None]
        if not found:
            raise ValueError(f"none of the {len(self.places)} prompts of batch {number} can be used")
        return [one.prompt for one in found], [one.sample() for one in found]

    def close(self) -> None:
        """End the processes."""
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
