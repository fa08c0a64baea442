"""Rows of samples for the trainer: drawn from a mixture, prepared ahead by other processes, packed into rows.

A step has a fixed number of rows, and each comes from its own stream. A stream is a pure function of the seed and of
the decay at each step; which process prepares a sample, and when, changes nothing. Each rank owns some of the streams,
so any number of ranks sees the same rows, and a checkpoint only has to keep a few numbers for each stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from demiglace.data.mixture import Draw, Mixture
from demiglace.data.sample_builder import SampleArrays, SampleBuilder, TooLongRecord, WorkerPool
from demiglace.processing.packing import choose
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.records.bad_record import BadRecord

WINDOW = 4  # rows' worth of tokens from which a row is chosen (ours): more means less padding and more memory
DRAWN_AT_ONCE = 16  # number of draws when no samples are waiting
MOST_SKIPPED = 1000  # limit on the records skipped for one row


@dataclass
class Counts:
    """Numbers of records so far: samples in rows, bad records, and those too long for a row."""

    read: int = 0
    bad: int = 0
    too_long: int = 0


@dataclass
class Waiting:
    """A draw and the handle to its sample; `parcel` is set once the sample was fetched."""

    draw: Draw
    fetch: Callable[[], SampleArrays]
    parcel: SampleArrays | None = None


@dataclass
class Stream:
    """Yields one row after the other. Draws wait in the order in which they were drawn until a row takes them.

    drawn: number of draws from each source; skipped: bad and too long records met while the last row was filled.
    """

    number: int
    num_streams: int
    builder: SampleBuilder
    workers: WorkerPool[Draw, SampleArrays]
    skip_bad: bool
    drawn: list[int]
    waiting: list[Waiting] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    skipped: list[BadRecord] = field(default_factory=list)

    def draw(self, num_waiting: int, decay: float) -> None:
        """Draws until `num_waiting` samples are waiting."""
        mixture, seed = self.builder.mixture, self.builder.seed
        while len(self.waiting) < num_waiting:
            source = mixture.choose(seed, self.number, sum(self.drawn), decay)
            self._start(Draw(source, self.drawn[source] * self.num_streams + self.number))
            self.drawn[source] += 1

    def next_row(self, decay: float) -> list[Sample]:
        """The oldest sample and those that fit best with it; then draws ahead, up to twice the size of the window."""
        self.skipped = []
        window = self._window(decay)
        chosen = choose([len(parcel.tokens) for parcel in window], self.builder.length)
        self.counts.read += len(chosen)
        for index in reversed(chosen):
            del self.waiting[index]
        self.draw(2 * len(window), decay)
        return [window[index].sample() for index in chosen]

    def _window(self, decay: float) -> list[SampleArrays]:
        """The first waiting samples, enough for `WINDOW` rows; those that cannot be read are removed."""
        window: list[SampleArrays] = []
        num_tokens = 0
        while num_tokens < WINDOW * self.builder.length:
            if len(window) == len(self.waiting):
                self.draw(len(window) + DRAWN_AT_ONCE, decay)
            if (parcel := self._fetch(len(window))) is not None:
                window.append(parcel)
                num_tokens += len(parcel.tokens)
        return window

    def _fetch(self, index: int) -> SampleArrays | None:
        """The waiting sample at `index`; None if it was skipped instead."""
        waiting = self.waiting[index]
        try:
            if waiting.parcel is None:
                waiting.parcel = waiting.fetch()
            return waiting.parcel
        except BadRecord as error:
            self._skip(index, error)
            return None

    def _skip(self, index: int, error: BadRecord) -> None:
        if isinstance(error, TooLongRecord):
            self.counts.too_long += 1
        elif self.skip_bad:
            self.counts.bad += 1
        else:
            raise error
        del self.waiting[index]
        self.skipped.append(error)
        if len(self.skipped) >= MOST_SKIPPED:
            raise ValueError(f"{len(self.skipped)} records were skipped on the way to one row, the last: {error}")

    def _start(self, draw: Draw) -> None:
        self.waiting.append(Waiting(draw, self.workers.start(draw)))

    def state(self) -> dict[str, Any]:
        names = [source.name for source in self.builder.mixture.sources]
        return {
            "num_streams": self.num_streams,
            "drawn": dict(zip(names, self.drawn, strict=True)),
            "waiting": [[names[waiting.draw.source], waiting.draw.number] for waiting in self.waiting],
            "counts": asdict(self.counts),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        names = [source.name for source in self.builder.mixture.sources]
        if sorted(state["drawn"]) != sorted(names):
            held = ", ".join(sorted(state["drawn"]))
            raise ValueError(f"the position is one in a mixture of {held}, but this one has {', '.join(sorted(names))}")
        if state["num_streams"] != self.num_streams:
            raise ValueError(
                f"the position is one among {state['num_streams']} streams, but there are {self.num_streams}"
            )
        self.drawn = [state["drawn"][name] for name in names]
        self.counts = Counts(**state["counts"])
        self.waiting = []
        for name, number in state["waiting"]:
            self._start(Draw(names.index(name), number))


class Loader:
    """Rows of packed samples. A step has `num_streams` rows, row j comes from stream j; a rank owns `streams`.

    Waiting samples take about `2 * WINDOW` rows' worth of memory for each stream, pictures as bytes.

    waited: seconds that the last `next_rows` took; skipped: bad and too long records that it met.
    """

    def __init__(
        self,
        mixture: Mixture,
        processor: Processor,
        *,
        length: int,
        num_streams: int,
        streams: Sequence[int],
        seed: int,
        num_workers: int,
        skip_bad: bool,
    ) -> None:
        """`length`: maximum tokens of a row; `skip_bad`: count and list bad records, instead of raising the first one.

        Records too long for a row are always counted, listed and skipped. ValueError for numbers out of bounds.
        """
        if length < 1 or num_workers < 0:
            raise ValueError(f"rows need a length of 1 and 0 workers at least, got {length} and {num_workers}")
        if strange := [number for number in streams if not 0 <= number < num_streams]:
            raise ValueError(f"streams are numbered from 0 to {num_streams - 1}, got {strange}")
        builder = SampleBuilder(mixture, processor, seed, length)
        self._workers = WorkerPool(builder, num_workers)
        self._streams = [
            Stream(number, num_streams, builder, self._workers, skip_bad, [0] * len(mixture.sources))
            for number in streams
        ]
        self.waited = 0.0

    def next_rows(self, decay: float) -> list[list[Sample]]:
        """For each stream of this rank the samples of its next row; `decay` (0 to 1) is the progress of the decay.

        Raises BadRecord unless bad records are skipped, ValueError after too many skipped records without a row, and
        RuntimeError if a worker has died.
        """
        started = time.perf_counter()
        for stream in self._streams:
            if not stream.waiting:  # start all streams before waiting for any of them
                stream.draw(DRAWN_AT_ONCE, decay)
        rows = [stream.next_row(decay) for stream in self._streams]
        self.waited = time.perf_counter() - started
        return rows

    @property
    def skipped(self) -> list[BadRecord]:
        """Bad and too long records met while the last rows were filled."""
        return [error for stream in self._streams for error in stream.skipped]

    @property
    def counts(self) -> Counts:
        """The sums over this rank's streams since the very beginning, including before a resume."""
        every = [stream.counts for stream in self._streams]
        return Counts(sum(c.read for c in every), sum(c.bad for c in every), sum(c.too_long for c in every))

    def state(self) -> dict[int, dict[str, Any]]:
        """The position of each stream of this rank after the last rows: plain numbers and names, fit for JSON."""
        return {stream.number: stream.state() for stream in self._streams}

    def restore(self, state: Mapping[int, Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]) -> None:
        """Resume from a `state`; it may include streams of other ranks, and JSON may have turned keys into strings.

        Raises ValueError if a stream is missing, or the position belongs to other sources or another `num_streams`.
        """
        positions = {int(number): position for number, position in state.items()}
        if missing := [stream.number for stream in self._streams if stream.number not in positions]:
            raise ValueError(f"no position for streams {missing}, there are {sorted(positions)}")
        for stream in self._streams:
            stream.restore(positions[stream.number])

    def close(self) -> None:
        """End the worker processes."""
        self._workers.close()
