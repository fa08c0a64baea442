"""Statistics of a dataset before training: counts, a list of bad records, and a sample as the model sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.progress import track

from demiglace.batch import IGNORE, STILL
from demiglace.data.measured_lengths import MeasuredLengths
from demiglace.data.mixture import Draw
from demiglace.data.sample_builder import SampleArrays, SampleBuilder, TooLongRecord, VisualArrays
from demiglace.processing.sample import Sample
from demiglace.processing.tokenizer import Tokenizer
from demiglace.records.bad_record import BadRecord

MOST_RECORDS = 2000  # limit on inspected records, a random sample of all
DRAWS = 200  # number of a mixture's draws that are inspected (ours)


@dataclass
class DatasetStatistics:
    """Sums over the inspected records; `num_records` is the number of all records.

    frames: of videos, in `packages`; slices: of images, one or more each; patches: of both.
    left_out: answers of earlier turns whose reasoning is not learned.
    flops: by the `cost` given to `measure_dataset`. lengths: of the inspected records.
    """

    num_records: int
    samples: int = 0
    slices: int = 0
    packages: int = 0
    frames: int = 0
    patches: int = 0
    tokens: int = 0
    visual_tokens: int = 0
    learned_tokens: int = 0
    longest: int = 0
    left_out: int = 0
    too_long: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    first: SampleArrays | None = None
    flops: float = 0.0
    lengths: MeasuredLengths = field(default_factory=lambda: MeasuredLengths((), None, (), 1, 0))

    @property
    def num_inspected(self) -> int:
        return self.samples + len(self.too_long) + len(self.bad)

    def add(self, arrays: SampleArrays) -> None:
        self.first = self.first or arrays
        self.samples += 1
        self.tokens += len(arrays.tokens)
        self.visual_tokens += len(arrays.visual_places)
        self.learned_tokens += int((arrays.labels != IGNORE).sum())
        self.longest = max(self.longest, len(arrays.tokens))
        self.left_out += arrays.left_out
        if arrays.pictures is not None:
            of_videos = _packages_of_videos(arrays.pictures)
            self.packages += int(of_videos.sum())
            self.frames += int(arrays.pictures.package_sizes[of_videos].sum())
            self.slices += int((~of_videos).sum())
            self.patches += len(arrays.pictures.levels)


def measure_dataset(
    builder: SampleBuilder, cost: Callable[[Sample], float], most: int = MOST_RECORDS, shows: bool = True
) -> DatasetStatistics:
    """Processes the records of all finite sources, of large datasets a random share, and adds up their statistics.

    shows: whether to show a progress bar.
    """
    sources = builder.mixture.sources
    num_records = sum(builder.mixture.sizes)
    share = min(1.0, most / max(1, num_records))
    shares = [math.ceil(size * share) for size in builder.mixture.sizes]
    draws = [
        draw for source, count in enumerate(shares) for draw in builder.mixture.sample(source, count, builder.seed)
    ]
    statistics, tokens = _measured(draws, builder, cost, shows)
    if len(sources) == 1 and len(draws) == num_records:
        places = [builder.mixture.place(draw, builder.seed) for draw in draws]
        tokens = [held for _, held in sorted(zip(places, tokens, strict=True))]
        statistics.lengths = _lengths(tuple(sources[0].blocks or ()), sources[0].shuffled_blocks, tokens, builder)
    return statistics


def measure_draws(
    builder: SampleBuilder, cost: Callable[[Sample], float], number: int = DRAWS, shows: bool = True
) -> DatasetStatistics:
    """The same for the first draws from a mixture at the start of a stage, because generated sources are endless."""
    mixture, taken = builder.mixture, [0] * len(builder.mixture.sources)
    draws = []
    for count in range(number):
        source = mixture.choose(builder.seed, 0, count, 0.0)
        draws.append(Draw(source, taken[source]))
        taken[source] += 1
    return _measured(draws, builder, cost, shows)[0]


def _measured(
    draws: Sequence[Draw], builder: SampleBuilder, cost: Callable[[Sample], float], shows: bool
) -> tuple[DatasetStatistics, list[int]]:
    """Their statistics, and the number of tokens of each, 0 for a record that cannot be used."""
    num_records = sum(builder.mixture.sizes)
    statistics = DatasetStatistics(num_records)
    shown = track(draws, "looking at the data", transient=True, disable=not shows)
    tokens = [_measure(draw, builder, cost, statistics) for draw in shown]
    statistics.lengths = _lengths((num_records,), None, tokens, builder)
    return statistics, tokens


def _measure(draw: Draw, builder: SampleBuilder, cost: Callable[[Sample], float], statistics: DatasetStatistics) -> int:
    try:
        arrays = builder(draw)
        statistics.add(arrays)
        statistics.flops += cost(arrays.sample())
        return len(arrays.tokens)
    except TooLongRecord as error:
        statistics.too_long.append(str(error))
    except BadRecord as error:
        statistics.bad.append(str(error))
    return 0


def _lengths(
    blocks: tuple[int, ...], shuffled_blocks: int | None, tokens: Sequence[int], builder: SampleBuilder
) -> MeasuredLengths:
    return MeasuredLengths(blocks, shuffled_blocks, tokens, builder.length, builder.seed)


def shown(arrays: SampleArrays, tokenizer: Tokenizer) -> str:
    """The sample as the model sees it: text, `[64 visual tokens]` for placeholders, 【tokens with a loss】."""
    is_visual = np.isin(np.arange(len(arrays.tokens)), arrays.visual_places)
    kinds = is_visual + 2 * (arrays.labels != IGNORE)
    pieces = []
    for run in np.split(np.arange(len(kinds)), np.flatnonzero(np.diff(kinds)) + 1):
        text = tokenizer.decode(arrays.tokens[run].tolist())
        plain = f"[{len(run)} visual tokens]" if is_visual[run[0]] else text
        pieces.append(f"【{plain}】" if kinds[run[0]] >= 2 else plain)
    return "".join(pieces)


def _packages_of_videos(pictures: VisualArrays) -> np.ndarray:
    """bool (packages,): whether the frames have a time, as in videos."""
    firsts = np.cumsum(pictures.package_sizes) - pictures.package_sizes
    return pictures.ticks[firsts] != STILL
