"""An order of any size in which each number occurs once, without a list of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demiglace.data.random_order import shuffled


@settings(deadline=None)
@given(st.integers(1, 300), st.lists(st.integers(-(2**40), 2**100), max_size=4))
def test_each_number_occurs_once(size, seed) -> None:
    assert sorted(shuffled(number, size, tuple(seed)) for number in range(size)) == list(range(size))


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_all_orders_of_a_few_are_about_as_likely(size) -> None:
    """Each number at each place, over 3,000 seeds, within four standard deviations."""
    counts = np.zeros((size, size))
    for seed in range(3000):
        for place in range(size):
            counts[place, shuffled(place, size, (seed,))] += 1
    expected = 3000 / size
    assert np.abs(counts - expected).max() < 4 * (expected * (1 - 1 / size)) ** 0.5


def test_neighbours_are_scattered_in_an_order_without_a_list() -> None:
    size = 10**12
    order = np.array([shuffled(number, size, (7,)) for number in range(2000)], float) / size
    assert abs(order.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.08
    assert len(set(order.tolist())) == 2000
