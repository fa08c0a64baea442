"""Intervals and p values against values that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from demiglace.evaluation.intervals import FEWEST_CLUSTERS, Share, difference, mcnemar, mean_share, share

REPEATS = 200


def test_a_share_is_the_sum_over_the_sum() -> None:
    found = share([(1, 2), (0, 2), (3, 4)], ["a", "b", "c"], scale=100.0)
    assert (found.value, found.count) == (50.0, 3)


def test_the_interval_is_that_of_a_binomial() -> None:
    """1.96 standard errors of 300 right of 1,000 are 2.84 points."""
    pairs = [(float(number < 300), 1.0) for number in range(1000)]
    found = share(pairs, [str(number) for number in range(1000)], scale=100.0)
    spread = 196 * math.sqrt(0.3 * 0.7 / 1000)
    assert found.interval == pytest.approx((30 - spread, 30 + spread), abs=0.4)


def test_questions_about_one_picture_count_as_one_for_the_interval() -> None:
    pairs = [(float(number < 50), 1.0) for number in range(100)]
    apart = share(pairs, [str(number) for number in range(100)])
    together = share(pairs, [str(number // 10) for number in range(100)])
    assert width(together) > 2.5 * width(apart)


@pytest.mark.parametrize("clusters", [1, 2, FEWEST_CLUSTERS - 1])
def test_of_few_pictures_there_is_no_interval_and_no_p(clusters: int) -> None:
    """However many questions there are about each of them."""
    names = [str(number % clusters) for number in range(40)]
    wrong, right = [(0.0, 1.0)] * 40, [(1.0, 1.0)] * 40
    assert share(right, names, 100.0) == Share(100.0, None, None, 40)
    assert share(right, names).interval is None
    assert difference(wrong, right, names) == (Share(1.0, None, None, 40), None)


@pytest.mark.parametrize(("clusters", "p"), [(6, 2 / 2**6), (8, 2 / 2**8), (30, 1 / 2000)])
def test_p_is_no_smaller_than_a_test_of_signs_could_give(clusters: int, p: float) -> None:
    names = [str(number) for number in range(clusters)]
    assert difference([(0.0, 1.0)] * clusters, [(1.0, 1.0)] * clusters, names)[1] == p


@pytest.mark.parametrize(("gained", "p"), [(1, 1.0), (4, 0.125), (5, 0.0625), (6, 0.03125)])
def test_pictures_that_did_not_change_add_no_significance(gained: int, p: float) -> None:
    """The exact test of McNemar has the same p; draws of 200 pictures gave .047 for 4 gains without a loss."""
    after = [(float(number < gained), 1.0) for number in range(200)]
    found, drawn = difference([(0.0, 1.0)] * 200, after, [str(number) for number in range(200)])
    assert drawn == p == pytest.approx(mcnemar(gained, 0))
    assert found.interval
    assert (found.interval[0] <= 0.0) == (p > 0.05)


def width(of: Share) -> float:
    assert of.interval
    return of.interval[1] - of.interval[0]


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
    assert (same.value, same.low, same.high, p_same) == pytest.approx((0.0, -0.0183, 0.0183, 1.0), abs=1e-4)
    better = [(1.0, 1.0) if number < 20 else pair for number, pair in enumerate(one)]
    found, p = difference(one, better, [str(number) for number in range(200)])
    assert found.value == pytest.approx(0.05)
    low, high = found.interval or (0.0, 0.0)
    assert 0 < low < 0.05 < high
    assert p
    assert p < 0.01


@pytest.mark.parametrize(
    ("right", "low", "high"), [([1.0] * 6, 54.1, 100.0), ([0.0] * 8, 0.0, 36.9), ([0.5] * 6, 27.0, 73.0)]
)
def test_the_interval_of_pictures_that_all_agree_is_exact(right: list[float], low: float, high: float) -> None:
    """6 of 6 and 0 of 8 by Clopper and Pearson, whose tables have .541 and .369; the bootstrap's has no width."""
    names = [str(number) for number in range(len(right))]
    assert share([(one, 1.0) for one in right], names, 100.0).interval == pytest.approx((low, high), abs=0.05)
    twice = mean_share([([(one, 1.0) for one in right], names)] * 2, 100.0)
    assert twice.interval == pytest.approx((low, high), abs=0.05)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"), [(199, 200, 97.25, 99.99), (5, 6, 35.88, 99.58), (1, 30, 0.08, 17.22)]
)
def test_the_interval_of_independent_verdicts_is_exact(right: int, of: int, low: float, high: float) -> None:
    """By Clopper and Pearson (scipy 1.16's binomtest). Draws of 199 of 200 gave 98.5 to 100, above those of 200."""
    pairs = [(float(number < right), 1.0) for number in range(of)]
    found = share(pairs, [str(number) for number in range(of)], 100.0)
    assert found.interval == pytest.approx((low, high), abs=0.01)


@pytest.mark.parametrize(
    ("pictures", "questions", "alike", "right"),
    [(200, 1, 0.0, 0.99), (60, 3, 0.2, 0.97), (60, 3, 0.2, 0.5), (20, 10, 0.1, 0.97), (8, 6, 0.3, 0.9)],
)
def test_intervals_of_verdicts_hold_the_truth(pictures: int, questions: int, alike: float, right: float) -> None:
    """With `alike` as the correlation of the questions about one picture; draws held it in 87 to 95 %."""
    rng = np.random.default_rng(7)
    spread = (1 - alike) / alike if alike else 1e9
    held = 0
    for _ in range(REPEATS):
        chances = np.repeat(rng.beta(right * spread, (1 - right) * spread, pictures), questions)
        verdicts = [(float(one), 1.0) for one in rng.random(len(chances)) < chances]
        low, high = share(verdicts, [str(n // questions) for n in range(len(verdicts))]).interval or (1.0, 0.0)
        held += low <= right <= high
    assert held / REPEATS > 0.92


@pytest.mark.parametrize("below", [0.01, 0.3])
def test_intervals_of_graded_scores_hold_the_truth(below: float) -> None:
    """Of 100 scores a share `below` is uniform from 0 to 1, the others are 1."""
    rng = np.random.default_rng(7)
    names = [str(number) for number in range(100)]
    held = 0
    for _ in range(REPEATS):
        scores = np.where(rng.random(100) < below, rng.random(100), 1.0)
        low, high = share([(float(one), 1.0) for one in scores], names).interval or (1.0, 0.0)
        held += low <= 1 - below / 2 <= high
    assert held / REPEATS > 0.92


@pytest.mark.parametrize(("pictures", "gained", "lost"), [(100, 0.02, 0.0), (100, 0.1, 0.05)])
def test_intervals_of_differences_hold_the_truth(pictures: int, gained: float, lost: float) -> None:
    rng = np.random.default_rng(7)
    names = [str(number) for number in range(pictures)]
    held = 0
    for _ in range(REPEATS):
        chances = rng.random(pictures)
        before = [(float(gained <= one < 0.5), 1.0) for one in chances]
        after = [(float(one < 0.5 - lost), 1.0) for one in chances]
        low, high = difference(before, after, names)[0].interval or (1.0, 0.0)
        held += low <= gained - lost <= high
    assert held / REPEATS > 0.92


@pytest.mark.parametrize("last", [0.0, 0.6, 1.0])
def test_a_lower_score_never_raises_the_interval(last: float) -> None:
    names = [str(number) for number in range(200)]
    lows, highs = [], []
    for rest in (0.0, last, 1.0):
        found = share([(1.0, 1.0)] * 199 + [(rest, 1.0)], names).interval
        assert found
        lows.append(found[0])
        highs.append(found[1])
    assert lows == sorted(lows)
    assert highs == sorted(highs)


def test_errors_by_character_have_no_interval_where_all_agree() -> None:
    assert share([(0.0, 12.0)] * 8, [str(number) for number in range(8)]).interval is None


def test_a_difference_on_which_all_agree_is_exact() -> None:
    names = [str(number) for number in range(7)]
    found, p = difference([(1.0, 1.0)] * 7, [(0.0, 1.0)] * 7, names)
    assert (found.low, found.high) == pytest.approx((-1.0, 1 - 2 * 0.025 ** (1 / 7)))
    assert p == 2 / 2**7


def test_few_pictures_are_drawn_more_often() -> None:
    """Of 29 clusters p is at least 1 in 20,000; of 30, 1 in 2,000."""
    found = [difference([(0.0, 1.0)] * n, [(1.0, 1.0)] * n, [str(number) for number in range(n)])[1] for n in (29, 30)]
    assert found == [1 / 20_000, 1 / 2000]


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
