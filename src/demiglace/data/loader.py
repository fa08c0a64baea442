"""Rows of samples for the trainer: drawn from a mixture, prepared ahead by other processes, packed into rows.

A step has a fixed number of rows, and each comes from its own stream. Each rank owns some of the streams, so any number
of ranks sees the same rows, and a checkpoint only has to keep a few numbers for each stream.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from demiglace.data.mixture import Mixture
from demiglace.data.sample_builder import SampleBuilder, WorkerPool
from demiglace.data.stream import DRAWN_AT_ONCE, Counts, Stream
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.records.bad_record import BadRecord


class Loader:
    """Rows of packed samples. A step has `num_streams` rows, row j comes from stream j; a rank owns `streams`.

    Waiting samples take about `2 * stream.WINDOW` rows' worth of memory for each stream, pictures as bytes.

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
            Stream(number, num_streams, mixture, seed, length, self._workers.start, skip_bad) for number in streams
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
        rows = [[arrays.sample() for arrays in stream.next_row(decay)] for stream in self._streams]
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
        by_source = sum((Counter(c.by_source) for c in every), Counter())
        return Counts(sum(c.read for c in every), sum(c.bad for c in every), sum(c.too_long for c in every), by_source)

    def state(self) -> dict[int, dict[str, Any]]:
        """The position of each stream of this rank after the last rows: plain numbers and names, fit for JSON."""
        return {stream.number: stream.state() for stream in self._streams}

    def restore(self, state: Mapping[int, Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]) -> None:
        """Resume from a `state`; it may include streams of other ranks, and JSON may have turned keys into strings.

        Raises ValueError if a stream is missing, or the position belongs to another order, to other sources or
        another `num_streams`.
        """
        positions = {int(number): position for number, position in state.items()}
        if missing := [stream.number for stream in self._streams if stream.number not in positions]:
            raise ValueError(f"no position for streams {missing}, there are {sorted(positions)}")
        for stream in self._streams:
            stream.restore(positions[stream.number])

    def close(self) -> None:
        """End the worker processes."""
        self._workers.close()
