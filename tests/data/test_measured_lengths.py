"""Steps by lengths are the steps in which a loader reads the records so many times."""

from contextlib import closing

import numpy as np
import pytest
from known_sources import Numbered
from mixtures import small_processor

from demiglace.data import measured_lengths
from demiglace.data.dataset_statistics import measure_dataset
from demiglace.data.loader import Loader
from demiglace.data.measured_lengths import MeasuredLengths
from demiglace.data.mixture import Mixture
from demiglace.data.sample_builder import SampleBuilder
from demiglace.data.source import Source


def measured(source: Source, most: int = 2000, length: int = 160) -> MeasuredLengths:
    builder = SampleBuilder(Mixture((source,), (1.0,), (1.0,)), small_processor(), 3, length)
    return measure_dataset(builder, lambda sample: 0.0, most, shows=False).lengths


def num_read(source: Source, steps: int, num_streams: int) -> int:
    options = {"length": 160, "num_streams": num_streams, "streams": range(num_streams), "seed": 3}
    mixture = Mixture((source,), (1.0,), (1.0,))
    with closing(Loader(mixture, small_processor(), **options, num_workers=0, skip_bad=True)) as loader:
        return sum(len(row) for _ in range(steps) for row in loader.next_rows(0.0))


@pytest.mark.parametrize(("blocks", "shuffled_blocks"), [((11,), None), ((2, 0, 9, 30), None), ((4, 4, 4, 4, 4), 2)])
@pytest.mark.parametrize("epochs", [0.5, 1, 3])
@pytest.mark.parametrize("num_streams", [1, 4])
def test_the_loader_reads_so_many_epochs_in_the_steps(blocks, shuffled_blocks, epochs, num_streams) -> None:
    source = Numbered("source", blocks, most=12, bad=frozenset({1}), shuffled_blocks=shuffled_blocks)
    usable = sum(size - (size > 1) for size in blocks)
    steps = measured(source).num_steps(epochs, num_streams)
    assert num_read(source, steps, num_streams) >= epochs * usable
    assert steps == 1 or num_read(source, steps - 1, num_streams) < epochs * usable


def test_some_of_many_records_stand_for_all() -> None:
    source = Numbered("source", (100, 300), most=12)
    exact = measured(source).num_steps(2, 4)
    assert measured(source, most=100).num_steps(2, 4) == pytest.approx(exact, rel=0.1)


def test_beyond_what_is_simulated_steps_are_in_proportion(monkeypatch) -> None:
    lengths = MeasuredLengths((500,), None, np.random.default_rng(0).integers(10, 90, 500).tolist(), 200, 0)
    exact = lengths.num_steps(20, 4)
    monkeypatch.setattr(measured_lengths, "MOST_SIMULATED", 1000)
    assert lengths.num_steps(20, 4) == pytest.approx(exact, rel=0.03)


def test_rows_that_hold_one_sample_each_take_a_step_for_a_row() -> None:
    """What the tokens alone would put at 48 steps."""
    assert MeasuredLengths((60,), None, [273] * 60, 512, 0).num_steps(3, 2) == 90
