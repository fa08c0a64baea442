"""Weights that shift, and an order in which every record comes once an epoch, from all blocks or a few in turn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_sources import Numbered

from demiglace.data.mixture import Draw, Mixture, place

SOURCES = (Numbered("a", (3, 2)), Numbered("b", None), Numbered("c", (4,)))


def test_shares_shift_linearly_whatever_the_sums() -> None:
    mixture = Mixture(SOURCES, (1.0, 1.0, 0.0), (0.0, 30.0, 10.0))
    np.testing.assert_allclose(mixture.shares(0.0), [0.5, 0.5, 0])
    np.testing.assert_allclose(mixture.shares(0.5), [0.25, 0.625, 0.125])
    np.testing.assert_allclose(mixture.shares(1.0), [0, 0.75, 0.25])


def test_choices_follow_the_shares() -> None:
    mixture = Mixture(SOURCES, (6.0, 3.0, 1.0), (1.0, 1.0, 1.0))
    drawn = np.bincount([mixture.choose(0, stream, number, 0.0) for stream in range(4) for number in range(500)])
    np.testing.assert_allclose(drawn / 2000, [0.6, 0.3, 0.1], atol=4 * (0.25 / 2000) ** 0.5)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1e-9, 1.0, 7.0]), min_size=3, max_size=3).filter(any),
    st.integers(0, 2**40),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_a_choice_is_a_function_of_its_numbers_and_never_of_weight_zero(weights, number, decay) -> None:
    mixture = Mixture(SOURCES, tuple(weights), tuple(weights))
    chosen = mixture.choose(1, 2, number, decay)
    assert chosen == mixture.choose(1, 2, number, decay)
    assert weights[chosen] > 0


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=9).filter(any),
    st.sampled_from([None, 1, 2, 4]),
    st.integers(0, 3),
    st.integers(0, 5),
)
def test_every_record_comes_once_an_epoch_and_few_blocks_are_open(blocks, shuffled_blocks, epoch, seed) -> None:
    total = sum(blocks)
    places = [place(blocks, shuffled_blocks, (seed,), number) for number in range(epoch * total, (epoch + 1) * total)]
    assert sorted(places) == [(block, row) for block, size in enumerate(blocks) for row in range(size)]
    spans = [[at for at, (own, _) in enumerate(places) if own == block] for block in range(len(blocks))]
    for at in range(total):
        assert sum(bool(span) and span[0] <= at <= span[-1] for span in spans) <= (shuffled_blocks or len(blocks))


@pytest.mark.parametrize(("shuffled_blocks", "most"), [(None, 0.12), (4, 0.5)])
def test_blocks_are_mixed(shuffled_blocks, most) -> None:
    """In any hundred records no block has more than this share."""
    places = [place([250] * 12, shuffled_blocks, (0,), number)[0] for number in range(3000)]
    shares = [max(places[at : at + 100].count(block) for block in range(12)) / 100 for at in range(0, 3000, 100)]
    assert np.mean(shares) < most + 0.06


def test_a_sample_is_drawn_over_all_records() -> None:
    mixture = Mixture((Numbered("a", (100,) * 20, shuffled_blocks=1), Numbered("b", (7,))), (1.0, 1.0), (1.0, 1.0))
    drawn = mixture.sample(0, 400, seed=1)
    counts = np.bincount([mixture.place(draw, 1)[0] for draw in drawn], minlength=20)
    assert (len(set(drawn)), drawn) == (400, sorted(drawn, key=lambda draw: draw.number))
    assert counts.min() > 5
    assert drawn != mixture.sample(0, 400, seed=2)
    assert len(mixture.sample(1, 400, seed=1)) == 7


def test_epochs_seeds_and_sources_have_orders_of_their_own() -> None:
    mixture = Mixture((Numbered("a", (40, 40)), Numbered("b", (40, 40))), (1.0, 1.0), (1.0, 1.0))

    def order(source: int, seed: int, epoch: int) -> tuple[tuple[int, int], ...]:
        return tuple(mixture.place(Draw(source, 80 * epoch + number), seed) for number in range(80))

    orders = {order(source, seed, epoch) for source in (0, 1) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 8


def test_endless_sources_go_by_number() -> None:
    mixture = Mixture(SOURCES, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    assert mixture.place(Draw(1, 10**12), 0) == (0, 10**12)


def test_content_is_random_anew_each_time_a_record_comes() -> None:
    mixture = Mixture(SOURCES, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    seeds = {
        mixture.content_seed(Draw(source, number), seed) for source in (0, 1) for number in (0, 5) for seed in (0, 1)
    }
    assert len({float(np.random.default_rng(seed).random()) for seed in seeds}) == 8


@pytest.mark.parametrize(
    ("weights", "late", "message"),
    [
        ((1.0, 1.0), (1.0, 1.0, 1.0), "3 sources, but 2 weights"),
        ((1.0, 1.0, 1.0), (1.0, -1.0, 1.0), r"a weight must be a number in \[0, 1e\+06\], got -1"),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "at least one weight must be above 0"),
        ((1.0, float("nan"), 1.0), (1.0, 1.0, 1.0), "a weight must be a number in .*, got nan"),
        ((1e308, 1e308, 1.0), (1.0, 1.0, 1.0), r"a weight must be a number in .*, got 1e\+308"),
    ],
)
def test_weights_that_are_none_are_refused(weights, late, message) -> None:
    with pytest.raises(ValueError, match=message):
        Mixture(SOURCES, weights, late)


def test_empty_sources_and_repeated_names_are_refused() -> None:
    empty = (Numbered("full", (1,)), Numbered("hollow", (0, 0)))
    with pytest.raises(ValueError, match=r"hollow has 0 records, but a weight of 0.5"):
        Mixture(empty, (1.0, 0.0), (1.0, 0.5))
    assert Mixture(empty, (1.0, 0.0), (1.0, 0.0)).choose(0, 0, 0, 1.0) == 0
    with pytest.raises(ValueError, match="but b is given more than once"):
        Mixture((SOURCES[1], SOURCES[1]), (1.0, 1.0), (1.0, 1.0))
    with pytest.raises(ValueError, match=r"0..1, got 1.5"):
        Mixture(SOURCES, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)).shares(1.5)
