"""Student's t and exact intervals of shares, from the incomplete beta function."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

_TERMS = 1000  # it needs about the square root of the counts
_TINY = 1e-300
_CLOSE = 1e-14
_HALVINGS = 48
_WIDEST_T = 1e4  # above the 97.5 % quantile for any degrees of freedom


def exact_ends(right: float, of: float, outside: float) -> tuple[float, float]:
    """Interval of a share by Clopper and Pearson; the counts may be fractions. outside: chance beyond each end."""
    wrong = of - right
    low = _solved(lambda share: beta_below(right, wrong + 1, share) - outside) if right > _CLOSE else 0.0
    high = _solved(lambda share: beta_below(right + 1, wrong, share) - 1 + outside) if wrong > _CLOSE else 1.0
    return low, high


def t_below(value: float, freedom: float) -> float:
    """Chance that Student's t with `freedom` degrees of freedom is below `value`."""
    tail = beta_below(freedom / 2, 0.5, freedom / (freedom + value * value)) / 2
    return 1 - tail if value > 0 else tail


@cache
def t_quantile(chance: float, freedom: float) -> float:
    """The value that t is below with a `chance` of at least 0.5."""
    return _WIDEST_T * _solved(lambda part: t_below(_WIDEST_T * part, freedom) - chance)


def beta_below(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function, by its continued fraction (modified Lentz)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only below
        return 1 - beta_below(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    value, above, below = 1.0, 1.0, 0.0
    for term in range(_TERMS):
        half = term // 2
        if term == 0:
            factor = 1.0
        elif term % 2 == 0:
            factor = half * (b - half) * x / ((a + term - 1) * (a + term))
        else:
            factor = -(a + half) * (a + b + half) * x / ((a + term - 1) * (a + term))
        below = 1 / _not_zero(1 + factor * below)
        above = _not_zero(1 + factor / above)
        value *= above * below
        if abs(above * below - 1) < _CLOSE:
            break
    return value - 1


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _solved(increasing: Callable[[float], float]) -> float:
    """Where a function from 0 to 1 crosses 0."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if increasing(middle) < 0 else (low, middle)
    return (low + high) / 2
