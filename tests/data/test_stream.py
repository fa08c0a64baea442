"""Rows by the lengths of samples: every record once an epoch, one epoch after the other, mixed from the start."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from known_sources import Numbered

from demiglace.data.mixture import Draw, Mixture
from demiglace.data.sample_builder import SampleArrays
from demiglace.data.stream import Stream

LENGTH = 100
NOTHING = np.empty(0, np.int64)


def sample(length: int, draw: Draw) -> SampleArrays:
    """Of so many tokens; its labels say which draw it is."""
    return SampleArrays(np.zeros(length, np.int64), NOTHING, np.array([draw.source, draw.number]), None)


def opened(
    lengths: Sequence[Sequence[int]], num_streams: int, weights: Sequence[float] = (1.0,), seed: int = 0
) -> tuple[Mixture, list[Stream]]:
    """lengths: of the records of each source, in blocks of five that are read two at once."""
    sources = []
    for number, own in enumerate(lengths):
        blocks = tuple(len(own[start : start + 5]) for start in range(0, len(own), 5))
        sources.append(Numbered(f"source {number}", blocks, shuffled_blocks=2))
    mixture = Mixture(tuple(sources), tuple(weights), tuple(weights))

    def start(draw: Draw):
        block, row = mixture.place(draw, seed)
        return lambda: sample(lengths[draw.source][5 * block + row], draw)

    return mixture, [
        Stream(number, num_streams, mixture, seed, LENGTH, start, skip_bad=False) for number in range(num_streams)
    ]


def rows(stream: Stream) -> Iterator[list[Draw]]:
    while True:
        yield [Draw(*map(int, arrays.labels)) for arrays in stream.next_row(0.0)]


LENGTHS = st.lists(st.integers(1, LENGTH), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(1, 5), st.integers(0, 3))
@example([10, 60, 100, 3, 3, 3, 40], 4, 0)  # not a multiple of the streams
@example([7], 5, 0)  # less than the streams
def test_all_streams_together_read_every_record_once_an_epoch(lengths: list[int], num_streams: int, seed: int) -> None:
    mixture, streams = opened([lengths], num_streams, seed=seed)
    read: Counter[tuple[int, tuple[int, int]]] = Counter()
    for stream in streams:
        before = -1
        for row in rows(stream):
            epochs = {mixture.epoch(draw) for draw in row}
            assert len(epochs) == 1
            assert before <= min(epochs)
            before = max(epochs)
            if before > 2:
                break
            read.update((before, mixture.place(draw, seed)) for draw in row)
    wanted = {(number // 5, number % 5) for number in range(len(lengths))}
    assert read == Counter((epoch, place) for epoch in range(3) for place in wanted)


@settings(deadline=None, max_examples=40)
@given(LENGTHS, LENGTHS, st.integers(1, 3))
def test_sources_of_a_mixture_have_epochs_of_their_own(few: list[int], many: list[int], num_streams: int) -> None:
    mixture, streams = opened([few, many], num_streams, (1.0, 2.0))
    for stream in streams:
        left: list[Draw] = []
        for row in islice(rows(stream), 25):
            left += row
            for source in (0, 1):
                waits = [mixture.epoch(waiting.draw) for waiting in stream.waiting if waiting.draw.source == source]
                taken = [mixture.epoch(draw) for draw in row if draw.source == source]
                assert max(taken, default=0) <= min(waits, default=max(taken, default=0))
        assert len(set(left)) == len(left)


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_position_in_the_middle_of_an_epoch_is_gone_on_from(stop: int) -> None:
    lengths = [[1 + 37 * number % LENGTH for number in range(23)]]
    (_, whole), (_, first), (_, second) = (opened(lengths, 3) for _ in range(3))
    for ours, before, after in zip(whole, first, second, strict=True):
        begun = list(islice(rows(before), stop))
        after.restore(before.state())
        assert begun + list(islice(rows(after), 12 - stop)) == list(islice(rows(ours), 12))


def test_a_position_in_the_order_of_an_earlier_version_is_refused() -> None:
    _, (stream,) = opened([[10, 20]], 1)
    held = stream.state()
    del held["order"]
    with pytest.raises(ValueError, match=r"another version of demiglace, .* begin anew"):
        stream.restore(held)


def test_weights_hold_from_the_start() -> None:
    """Three short samples to a long one, of which two and a half fit in a row."""
    read: Counter[int] = Counter()
    for seed in range(8):
        _, streams = opened([[4] * 40, [38] * 40], 4, (3.0, 1.0), seed)
        read.update(draw.source for stream in streams for row in islice(rows(stream), 2) for draw in row)
    assert 2.0 < read[0] / read[1] < 4.0


def test_rows_are_full_but_at_the_end_of_an_epoch() -> None:
    rng = np.random.default_rng(0)
    lengths = [rng.integers(1, 20, 400).tolist()]
    mixture, (stream,) = opened(lengths, 1)
    first = [row for row in islice(rows(stream), 60) if mixture.epoch(row[0]) == 0]
    held = [
        sum(lengths[0][5 * block + row] for block, row in (mixture.place(draw, 0) for draw in one)) for one in first
    ]
    assert np.mean(held[:-1]) > 0.97 * LENGTH
