"""One stream of packed rows: draws wait while they are prepared, until a row takes them.

A stream is a pure function of the seed and the decay at each step; which process prepares a sample, and when, changes
nothing. A checkpoint only has to keep a few numbers of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from demiglace.data.mixture import Draw, Mixture
from demiglace.data.sample_builder import SampleArrays, TooLongRecord
from demiglace.processing.packing import choose
from demiglace.records.bad_record import BadRecord

WINDOW = 4  # rows' worth of tokens from which a row is chosen (ours): more means less padding and more memory
DRAWN_AT_ONCE = 16  # number of draws when no samples are waiting
MOST_SKIPPED = 1000  # limit on the records skipped for one row
ORDER = 2  # version of the order of draws and rows


@dataclass
class Counts:
    """Numbers of records so far: samples in rows, bad records, and those too long for a row.

    by_source: samples in rows by the name of their source; of a run begun by an earlier version, those since then.
    """

    read: int = 0
    bad: int = 0
    too_long: int = 0
    by_source: dict[str, int] = field(default_factory=dict)


@dataclass
class Waiting:
    """A draw and the handle to its sample; `arrays` is set once the sample was fetched."""

    draw: Draw
    fetch: Callable[[], SampleArrays]
    arrays: SampleArrays | None = None


@dataclass
class Stream:
    """Yields one row after the other. Draws wait in the order in which they were drawn until a row takes them.

    Each source's draws are dealt out to the streams in turn, so all streams together read every record once an epoch.
    A row takes draws of a source's next epoch only after the last ones of the current epoch. If there is one source, a
    row has draws of one epoch only, so no record is in it twice.

    start: begins to prepare a draw, and returns a function that waits for the sample.
    drawn: number of draws from each source; skipped: bad and too long records met while the last row was filled.
    """

    number: int
    num_streams: int
    mixture: Mixture
    seed: int
    length: int
    start: Callable[[Draw], Callable[[], SampleArrays]]
    skip_bad: bool
    drawn: list[int] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    skipped: list[BadRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.drawn = self.drawn or [0] * len(self.mixture.sources)

    def draw(self, num_waiting: int, decay: float) -> None:
        """Draws until `num_waiting` samples are waiting."""
        while len(self.waiting) < num_waiting:
            source = self.mixture.choose(self.seed, self.number, sum(self.drawn), decay)
            self._start(Draw(source, self.drawn[source] * self.num_streams + self.number))
            self.drawn[source] += 1

    def next_row(self, decay: float) -> list[SampleArrays]:
        """The oldest samples and those that fit best with them; then draws ahead, up to twice the size of the window.

        Raises BadRecord unless bad records are skipped, and ValueError after too many skipped records without a row.
        """
        self.skipped = []
        window = self._window(decay)
        turns = [self._turn(waiting) for waiting in self.waiting[: len(window)]]
        chosen = choose([len(arrays.tokens) for arrays in window], self.length, turns)
        self.counts.read += len(chosen)
        for index in reversed(chosen):
            name = self.mixture.sources[self.waiting.pop(index).draw.source].name
            self.counts.by_source[name] = self.counts.by_source.get(name, 0) + 1
        self.draw(2 * len(window), decay)
        return [window[index] for index in chosen]

    def _window(self, decay: float) -> list[SampleArrays]:
        """The first waiting samples, enough for `WINDOW` rows or, of one source, up to the end of the epoch.

        Those that cannot be read are removed.
        """
        window: list[SampleArrays] = []
        num_tokens = 0
        while num_tokens < WINDOW * self.length:
            if len(window) == len(self.waiting):
                self.draw(len(window) + DRAWN_AT_ONCE, decay)
            if len(self.drawn) == 1 and window and self._turn(self.waiting[len(window)]) != self._turn(self.waiting[0]):
                break
            if (arrays := self._fetch(len(window))) is not None:
                window.append(arrays)
                num_tokens += len(arrays.tokens)
        return window

    def _turn(self, waiting: Waiting) -> tuple[int, int]:
        """The draw's source, and the epoch of that source."""
        return waiting.draw.source, self.mixture.epoch(waiting.draw)

    def _fetch(self, index: int) -> SampleArrays | None:
        """The waiting sample at `index`; None if it was skipped instead."""
        waiting = self.waiting[index]
        try:
            if waiting.arrays is None:
                waiting.arrays = waiting.fetch()
            return waiting.arrays
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
        self.waiting.append(Waiting(draw, self.start(draw)))

    def state(self) -> dict[str, Any]:
        """The position after the last row: plain numbers and names, fit for JSON."""
        names = [source.name for source in self.mixture.sources]
        return {
            "order": ORDER,
            "num_streams": self.num_streams,
            "drawn": dict(zip(names, self.drawn, strict=True)),
            "waiting": [[names[waiting.draw.source], waiting.draw.number] for waiting in self.waiting],
            "counts": asdict(self.counts),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError if the position belongs to another order, other sources or other streams."""
        names = [source.name for source in self.mixture.sources]
        if state.get("order") != ORDER:
            raise ValueError(
                "the position was saved by another version of demiglace, which reads records in another order: finish "
                "the run with that version, or begin anew (--restart)"
            )
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
