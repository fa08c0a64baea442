"""One stream of packed rows: draws that wait, are prepared in advance, and are taken by rows.

A stream is a pure function of the seed and of the decay at each step: which process prepares a sample, and when,
changes nothing. A few numbers are all that a checkpoint has to keep of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from demiglace.data.mixture import Draw, Mixture
from demiglace.data.sample_builder import SampleArrays, TooLongRecord
from demiglace.processing.packing import choose
from demiglace.records.bad_record import BadRecord

WINDOW = 4  # rows' worth of tokens that a row is chosen from (ours): more leaves less padding and takes more memory
DRAWN_AT_ONCE = 16  # where none are left that were drawn ahead
MOST_SKIPPED = 1000  # records in a row without a good one among them
ORDER = 2  # of draws and rows; a position is of one order


@dataclass
class Counts:
    """Records so far: samples in rows, bad records, and those too long for a row."""

    read: int = 0
    bad: int = 0
    too_long: int = 0


@dataclass
class Waiting:
    """A draw, and the handle to its sample; `parcel` once it was asked for."""

    draw: Draw
    fetch: Callable[[], SampleArrays]
    parcel: SampleArrays | None = None


@dataclass
class Stream:
    """One row after the other. Draws wait in the order in which they were drawn until a row takes them.

    Of `num_streams` streams this one has every draw whose number leaves `number`, so that all of them together read
    every record once an epoch. A row begins no epoch of a source before it has the rest of the one before; where there
    is one source, it begins none at all, and no record is in a row twice.

    start: begins to prepare a draw, and returns what waits for it.
    drawn: how many, of each source; skipped: bad and too long records that the last row came across.
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
        """Until so many wait."""
        while len(self.waiting) < num_waiting:
            source = self.mixture.choose(self.seed, self.number, sum(self.drawn), decay)
            self._start(Draw(source, self.drawn[source] * self.num_streams + self.number))
            self.drawn[source] += 1

    def next_row(self, decay: float) -> list[SampleArrays]:
        """The oldest samples and those that fit them best; as many again as it was chosen from are drawn ahead.

        Raises BadRecord unless they are skipped, and ValueError where nothing but skipped records comes.
        """
        self.skipped = []
        window = self._window(decay)
        turns = [self._turn(waiting) for waiting in self.waiting[: len(window)]]
        chosen = choose([len(parcel.tokens) for parcel in window], self.length, turns)
        self.counts.read += len(chosen)
        for index in reversed(chosen):
            del self.waiting[index]
        self.draw(2 * len(window), decay)
        return [window[index] for index in chosen]

    def _window(self, decay: float) -> list[SampleArrays]:
        """The first samples that wait, enough for `WINDOW` rows; what cannot be read is taken out."""
        window: list[SampleArrays] = []
        num_tokens = 0
        while num_tokens < WINDOW * self.length:
            if len(window) == len(self.waiting):
                self.draw(len(window) + DRAWN_AT_ONCE, decay)
            if len(self.drawn) == 1 and window and self._turn(self.waiting[len(window)]) != self._turn(self.waiting[0]):
                break
            if (parcel := self._fetch(len(window))) is not None:
                window.append(parcel)
                num_tokens += len(parcel.tokens)
        return window

    def _turn(self, waiting: Waiting) -> tuple[int, int]:
        """Its source, and the epoch of that."""
        return waiting.draw.source, self.mixture.epoch(waiting.draw)

    def _fetch(self, index: int) -> SampleArrays | None:
        """The sample that waits at `index`; None where it was skipped instead."""
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
        self.waiting.append(Waiting(draw, self.start(draw)))

    def state(self) -> dict[str, Any]:
        """Plain numbers and names, fit for JSON."""
        names = [source.name for source in self.mixture.sources]
        return {
            "order": ORDER,
            "num_streams": self.num_streams,
            "drawn": dict(zip(names, self.drawn, strict=True)),
            "waiting": [[names[waiting.draw.source], waiting.draw.number] for waiting in self.waiting],
            "counts": asdict(self.counts),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """ValueError where the position is one in another order, in other sources or among other streams."""
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
