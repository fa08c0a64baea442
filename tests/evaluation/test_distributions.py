"""Student's t and the beta distribution against scipy 1.16."""

from __future__ import annotations

import pytest

from demiglace.evaluation.distributions import beta_below, exact_ends, t_below, t_quantile


@pytest.mark.parametrize(
    ("freedom", "quantile", "below"),
    [(1, 12.7062047, 0.2087154), (5, 2.5705818, 0.1251503), (29, 2.0452296, 0.1019191), (5000, 1.9604386, 0.0968304)],
)
def test_students_t(freedom: float, quantile: float, below: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(quantile)
    assert t_below(quantile, freedom) == pytest.approx(0.975)
    assert (t_below(-1.3, freedom), t_below(1.3, freedom)) == pytest.approx((below, 1 - below), rel=1e-5)


@pytest.mark.parametrize(
    ("right", "of", "ends"),
    [
        (6, 6, (0.5407419, 1.0)),
        (0, 8, (0.0, 0.3694166)),
        (0.4, 200, (3.658670e-7, 0.0222018)),
        (3.3, 12.7, (0.0632544, 0.5717053)),
        (5000, 20_000, (0.2440105, 0.2560622)),
    ],
)
def test_exact_ends_of_a_share(right: float, of: float, ends: tuple[float, float]) -> None:
    assert exact_ends(right, of, 0.025) == pytest.approx(ends, rel=1e-5)


def test_the_whole_distribution_is_between_0_and_1() -> None:
    assert (beta_below(2, 3, 0.0), beta_below(2, 3, 1.0), beta_below(1, 1, 0.25)) == pytest.approx((0.0, 1.0, 0.25))
