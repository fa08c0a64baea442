"""Intervals and p values against values that are known."""

from __future__ import annotations

import math

import pytest

from demiglace.evaluation.intervals import difference, mcnemar, mean_share, share


def test_a_share_is_the_sum_over_the_sum() -> None:
    found = share([(1, 2), (0, 2), (3, 4)], ["a", "b", "c"], scale=100.0)
    assert (found.value, found.count) == (50.0, 3)


def test_the_interval_is_that_of_a_binomial() -> None:
    """1.96 standard errors of 300 right of 1,000 are 2.84 points."""
    pairs = [(float(number < 300), 1.0) for number in range(1000)]
    found = share(pairs, [str(number) for number in range(1000)], scale=100.0)
    spread = 196 * math.sqrt(0.3 * 0.7 / 1000)
    assert found.low == pytest.approx(30 - spread, abs=0.4)
    assert found.high == pytest.approx(30 + spread, abs=0.4)


def test_questions_about_one_picture_count_as_one_for_the_interval() -> None:
    pairs = [(float(number < 50), 1.0) for number in range(100)]
    apart = share(pairs, [str(number) for number in range(100)])
    together = share(pairs, [str(number // 10) for number in range(100)])
    assert together.high - together.low > 2.5 * (apart.high - apart.low)


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (5, 5, 1.0), (1, 9, 22 / 1024), (0, 10, 2 / 1024), (10, 0, 2 / 1024)]
)
def test_mcnemar_is_the_exact_binomial(gained: int, lost: int, p: float) -> None:
    """22 / 1024: 2 * (1 + 10) / 2**10."""
    assert mcnemar(gained, lost) == pytest.approx(p)


def test_mcnemar_holds_for_many() -> None:
    assert mcnemar(5000, 5400) < 1e-4


def test_paired_differences_know_that_the_examples_are_the_same() -> None:
    one = [(float(number % 2), 1.0) for number in range(200)]
    same, p_same = difference(one, one, [str(number) for number in range(200)])
    assert (same.value, same.low, same.high, p_same) == (0.0, 0.0, 0.0, 1.0)
    better = [(1.0, 1.0) if number < 20 else pair for number, pair in enumerate(one)]
    found, p = difference(one, better, [str(number) for number in range(200)])
    assert found.value == pytest.approx(0.05)
    assert 0 < found.low < 0.05 < found.high
    assert p < 0.01


def test_nothing_has_no_share() -> None:
    with pytest.raises(ValueError, match="0 verdicts"):
        share([], [])


def test_a_mean_of_shares_draws_its_clusters_together() -> None:
    """Two shares of which one is what the other is not: each draw has the mean 1/2."""
    pairs = [(float(number % 3 == 0), 1.0) for number in range(60)]
    others = [(1.0 - right, 1.0) for right, _ in pairs]
    names = [str(number) for number in range(60)]
    found = mean_share([(pairs, names), (others, names)], scale=100.0)
    assert (found.value, found.low, found.high, found.count) == pytest.approx((50.0, 50.0, 50.0, 60))


def test_a_mean_of_shares_may_have_clusters_that_one_of_them_lacks() -> None:
    found = mean_share([([(1.0, 1.0), (0.0, 1.0)], ["a", "b"]), ([(1.0, 1.0)], ["b"])])
    assert found.value == 0.75
