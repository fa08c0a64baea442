"""A draw becomes a sample: in this process, or ahead of time in worker processes.

Workers are processes, because threads would share the interpreter lock with training.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from demiglace.batch import IGNORE, Visual
from demiglace.conversation import Conversation, Text
from demiglace.data import worker_process
from demiglace.data.mixture import Draw, Mixture
from demiglace.processing.chat_template import Turn, num_left_out
from demiglace.processing.fitting import fit_videos
from demiglace.processing.processor import Processor
from demiglace.processing.prompt_layout import TooLong
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import to_unit_range
from demiglace.records.bad_record import BadRecord


class TooLongRecord(BadRecord):
    """A well-formed record that needs more tokens than a row has."""


@dataclass(frozen=True)
class VisualArrays:
    """`Visual` in a quarter of the memory: `levels` uint8 (patches, 3 * patch_size**2), other fields as in `Visual`."""

    levels: np.ndarray
    grids: np.ndarray
    package_sizes: np.ndarray
    ticks: np.ndarray
    run_lengths: np.ndarray | None = None

    @classmethod
    def of(cls, visual: Visual) -> VisualArrays:
        levels = visual.patches.add(1).mul_(127.5).round_().to(torch.uint8)
        assert torch.equal(to_unit_range(levels.float()), visual.patches), (
            "patches that do not come from 8-bit pictures"
        )
        run_lengths = None if visual.run_lengths is None else visual.run_lengths.numpy()
        return cls(
            levels.numpy(), visual.grids.numpy(), visual.package_sizes.numpy(), visual.ticks.numpy(), run_lengths
        )

    def visual(self) -> Visual:
        grids, sizes, ticks = (torch.from_numpy(array) for array in (self.grids, self.package_sizes, self.ticks))
        run_lengths = None if self.run_lengths is None else torch.from_numpy(self.run_lengths)
        return Visual(to_unit_range(torch.from_numpy(self.levels).float()), grids, sizes, ticks, run_lengths)


@dataclass(frozen=True)
class SampleArrays:
    """A sample in transit between processes, and while it waits for a row: numpy arrays, named as in `Sample`.

    left_out: answers of earlier turns whose reasoning the sample does not have.
    """

    tokens: np.ndarray
    visual_places: np.ndarray
    labels: np.ndarray
    pictures: VisualArrays | None
    left_out: int = 0

    @classmethod
    def of(cls, sample: Sample, left_out: int = 0) -> SampleArrays:
        assert sample.labels is not None
        pictures = None if sample.visual is None else VisualArrays.of(sample.visual)
        return cls(sample.tokens.numpy(), sample.visual_places.numpy(), sample.labels.numpy(), pictures, left_out)

    def prompt(self) -> SampleArrays:
        """The sample without its last answer: what is read before that is generated."""
        learned = self.labels != IGNORE
        starts = np.flatnonzero(learned & ~np.append(False, learned[:-1]))
        end = int(starts[-1]) if len(starts) else len(self.tokens)
        shown = self.visual_places[self.visual_places < end]
        return replace(self, tokens=self.tokens[:end], visual_places=shown, labels=self.labels[:end])

    def sample(self) -> Sample:
        tokens, places, labels = (torch.from_numpy(array) for array in (self.tokens, self.visual_places, self.labels))
        return Sample(tokens, places, None if self.pictures is None else self.pictures.visual(), labels)


@dataclass(frozen=True)
class SampleBuilder:
    """Reads the record of a draw and processes it; samples have at most `length` tokens.

    A video without sampling settings is fitted to that length, as in inference.
    """

    mixture: Mixture
    processor: Processor
    seed: int
    length: int

    def __call__(self, draw: Draw) -> SampleArrays:
        """Raises BadRecord if the record, or a file that it names, cannot be read."""
        source = self.mixture.sources[draw.source]
        block, row = self.mixture.place(draw, self.seed)
        conversation = source.read(block, row, self.mixture.content_seed(draw, self.seed))
        try:
            fitted = fit_videos(self.processor, conversation, self.length).conversation
            return SampleArrays.of(self.processor.training_sample(fitted, self.length), _left_out(conversation))
        except TooLong as error:
            raise TooLongRecord(source.where(block, row), str(error)) from error
        except (ValueError, OSError) as error:
            raise BadRecord(source.where(block, row), str(error)) from error


@dataclass(frozen=True)
class PromptBuilder(SampleBuilder):
    """The same without the last answer of each record."""

    def __call__(self, draw: Draw) -> SampleArrays:
        return super().__call__(draw).prompt()


Asked = TypeVar("Asked")
Prepared = TypeVar("Prepared")


def _left_out(conversation: Conversation) -> int:
    """Answers of earlier turns that reason, as `SampleArrays` counts them."""
    return num_left_out(
        [
            Turn.of(message.role, "".join(part.text for part in message.content if isinstance(part, Text)))
            for message in conversation.messages
        ]
    )


class WorkerPool(Generic[Asked, Prepared]):
    """Runs `builder` on requests in `num_workers` processes; with 0, in this one, when the result is waited for.

    builder: sent to each process once.
    """

    def __init__(self, builder: Callable[[Asked], Prepared], num_workers: int) -> None:
        self.builder = builder
        self.pool = (
            ProcessPoolExecutor(num_workers, get_context("spawn"), initializer=_begin, initargs=(builder,))
            if num_workers
            else None
        )

    def start(self, asked: Asked) -> Callable[[], Prepared]:
        """Returns a function that waits for the result; it raises as the builder does, or if a worker has died."""
        if self.pool is None:
            return partial(self.builder, asked)
        try:
            with worker_process.signals_blocked():  # the pool starts processes on demand
                return partial(_await, self.pool.submit(_prepare, asked))
        except BrokenProcessPool as error:
            raise _death() from error

    def close(self) -> None:
        """Ends the processes; running tasks are finished first, waiting ones are dropped."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)


def _await(future: Future[Prepared]) -> Prepared:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _death() from error


def _death() -> RuntimeError:
    return RuntimeError(
        "a process that prepares samples has died, most often for want of memory: fewer workers or shorter rows take "
        "less, and without workers the error shows where it happens"
    )


# Set by `_begin`, only in worker processes: a pool passes nothing but arguments to its tasks.
_preparation: Callable[[Any], Any] | None = None


def _begin(builder: Callable[[Any], Any]) -> None:
    global _preparation
    _preparation = builder
    torch.set_num_threads(1)
    worker_process.follow_parent()


def _prepare(asked: Any) -> Any:
    assert _preparation is not None
    return _preparation(asked)
