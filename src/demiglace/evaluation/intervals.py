"""Confidence intervals of shares and of their differences: exact for right answers, else a bootstrap over clusters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from demiglace.evaluation.distributions import exact_ends, t_below, t_quantile

DRAWS, MORE_DRAWS = 2000, 20_000  # ours
ENOUGH_CLUSTERS = 30  # ours: with fewer there are more draws, since each cluster has more weight
OUTSIDE = 0.025  # chance beyond each end of a 95 % interval
FEWEST_CLUSTERS = 6  # ours: five of five that agree are not significant at 95 % (sign test, p = 2 / 2**5 = .06)
FEW_CLUSTERS = (
    f"There is no interval and no p (-) where fewer than {FEWEST_CLUSTERS} pictures, clips or texts were shown: "
    "nothing of 95 % can be said of so few. Nor is there an interval of errors by character and other ratios of sums "
    "where all of what was shown agree."
)
_NARROWEST = 1e-12
_DECIMALS = 12  # to which ratios are compared
_SEED = 20
_CLUSTERS_AT_A_TIME = 2**22  # numbers drawn at once

Pairs = Sequence[tuple[float, float]]
Sums = NDArray[np.float64]  # (clusters, 2): numerators and denominators


@dataclass(frozen=True)
class Share:
    """value: sum of numerators / sum of denominators. count: number of summed pairs.

    low, high: the 95 % interval; both None with fewer than `FEWEST_CLUSTERS` clusters, or if all agree and not all
    denominators are 1.
    """

    value: float
    low: float | None
    high: float | None
    count: int

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)


def share(pairs: Pairs, clusters: Sequence[str], scale: float = 1.0) -> Share:
    """pairs: numerators and denominators; those of one cluster, such as questions about one picture, are resampled
    together. ValueError if there are none or the denominators are 0.
    """
    return mean_share([(pairs, clusters)], scale)


def mean_share(parts: Sequence[tuple[Pairs, Sequence[str]]], scale: float = 1.0) -> Share:
    """The mean of several shares, each of `pairs` and `clusters`; clusters of one name are resampled together.

    count: of the first. ValueError if a part has no pairs or its denominators are 0.
    """
    names = list(dict.fromkeys(name for _, clusters in parts for name in clusters))
    sums = [_by_cluster(pairs, clusters, names) for pairs, clusters in parts]
    value, count = float(np.mean([_ratio(units) for units in sums])), len(parts[0][0])
    fewest = min(len(set(clusters)) for _, clusters in parts)
    ends = None if fewest < FEWEST_CLUSTERS else _ends(value, parts, sums, fewest)
    low, high = (None, None) if ends is None else (scale * ends[0], scale * ends[1])
    return Share(scale * value, low, high, count)


def _ends(
    value: float, parts: Sequence[tuple[Pairs, Sequence[str]]], sums: Sequence[Sums], fewest: int
) -> tuple[float, float] | None:
    pairs = [pair for part, _ in parts for pair in part]
    are_scores = all(denominator == 1 for _, denominator in pairs)
    are_verdicts = are_scores and all(numerator in (0, 1) for numerator, _ in pairs)
    if all(np.ptp(_ratios(units)) < _NARROWEST for units in sums):
        return _about(value, 0.0, 0.0, fewest, lowest=0.0) if are_scores else None
    if len(sums) == 1 and are_verdicts:
        number = _effective_number(sums[0])
        return exact_ends(value * number, number, OUTSIDE)
    if len(sums) == 1 and are_scores and (ends := _where_few_differ(sums[0], _ratios(sums[0]), lowest=0.0)):
        return ends
    return _drawn_ends(np.mean([_drawn_ratios(units) for units in sums], axis=0), fewest)


def difference(pairs: Pairs, others: Pairs, clusters: Sequence[str]) -> tuple[Share, float | None]:
    """Second share minus first, for the same examples in the same order, and the two-sided p.

    p: from the share of draws on one side of 0, widened as the interval; at least 1 / draws, and at least
    2 / 2**changed, the p of a sign test if all clusters that changed agree. The interval includes 0 if fewer than
    `FEWEST_CLUSTERS` changed. None with fewer clusters. The shares are means of scores from 0 to 1.
    """
    one, other = _by_cluster(pairs, clusters, clusters), _by_cluster(others, clusters, clusters)
    value, gains = _ratio(other) - _ratio(one), other[:, 0] - one[:, 0]
    if len(one) < FEWEST_CLUSTERS:
        return Share(value, None, None, len(pairs)), None
    drawn = _drawn_ratios(np.column_stack((gains, one[:, 1])))
    changed = int(np.sum(np.abs(gains) > _NARROWEST))
    low, high = _where_few_differ(one, gains / one[:, 1], lowest=-1.0) or _drawn_ends(drawn, len(one))
    if changed < FEWEST_CLUSTERS:
        low, high = min(low, 0.0), max(high, 0.0)
    side = min(np.mean(drawn <= 0), np.mean(drawn >= 0))
    p = min(1.0, max(2 * _widened(float(side), len(one)), 1 / len(drawn), 2.0 ** (1 - changed)))
    return Share(value, low, high, len(pairs)), p


def _effective_number(sums: Sums) -> float:
    """How many independent verdicts have the same variance, at most as many as there are (Korn and Graubard, 1998).

    With one verdict in each cluster this is their number, and the interval that of Clopper and Pearson.
    """
    number, share = float(sums[:, 1].sum()), _ratio(sums)
    residuals = (sums[:, 0] - share * sums[:, 1]) / number
    variance = float(len(sums) / (len(sums) - 1) * np.sum(residuals**2))
    design_effect = variance * (number - 1) / (share * (1 - share))
    widening = t_quantile(1 - OUTSIDE, len(sums) - 1) / t_quantile(1 - OUTSIDE, number - 1)
    return min(number, number / (design_effect * widening**2))


def _where_few_differ(sums: Sums, values: Sums, lowest: float) -> tuple[float, float] | None:
    """Ends where most clusters have one value; None if `FEWEST_CLUSTERS` or more differ from it, or most do.

    The draws know only the differences that occurred, and of few that is too little.
    """
    value, same = Counter(np.round(values, _DECIMALS).tolist()).most_common(1)[0]
    if len(values) - same >= min(FEWEST_CLUSTERS, len(values) / 2):
        return None
    weights = sums[:, 1] / sums[:, 1].sum()
    up, down = (float(weights @ np.maximum(0.0, part)) for part in (values - value, value - values))
    return _about(value, up, down, len(values), lowest)


def _about(value: float, up: float, down: float, clusters: int, lowest: float) -> tuple[float, float]:
    """Ends of a mean from `lowest` to 1 of clusters that have `value`, except for mean differences `up` and `down`.

    Those above have at most the difference to 1 and those below that to `lowest`: exact intervals of both shares,
    combined as independent (MOVER: Zou and Donner, 2008).
    """
    (up_low, up_high), (down_low, down_high) = (
        [room * end for end in exact_ends(part / room * clusters if room else 0.0, clusters, OUTSIDE)]
        for part, room in ((up, 1 - value), (down, value - lowest))
    )
    middle = value + up - down
    return middle - math.hypot(up - up_low, down_high - down), middle + math.hypot(up_high - up, down - down_low)


def _drawn_ends(drawn: Sums, clusters: int) -> tuple[float, float]:
    """Percentiles of draws, further outside for few clusters, as Student's t is (Hesterberg, 2015)."""
    steps = math.sqrt(clusters / (clusters - 1)) * t_quantile(1 - OUTSIDE, clusters - 1)
    outside = NormalDist().cdf(-steps)
    low, high = np.quantile(drawn, (outside, 1 - outside))
    return float(low), float(high)


def _widened(side: float, clusters: int) -> float:
    """The chance that a side of the draws has, by Student's t; the inverse of `_drawn_ends`."""
    if not 0 < side < 0.5:
        return side
    return t_below(math.sqrt((clusters - 1) / clusters) * NormalDist().inv_cdf(side), clusters - 1)


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test (binomial) on changed verdicts; 1 without any."""
    total, fewer = gained + lost, min(gained, lost)
    if total == 0:
        return 1.0
    tail = sum(math.exp(_log_choose(total, number) - total * math.log(2)) for number in range(fewer + 1))
    return min(1.0, 2 * tail)


def _log_choose(total: int, number: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(number + 1) - math.lgamma(total - number + 1)


def _by_cluster(pairs: Pairs, clusters: Sequence[str], names: Sequence[str]) -> Sums:
    """(distinct names, 2): sums of each cluster in the order of the names; 0 for clusters without pairs."""
    if not pairs:
        raise ValueError("0 verdicts; a share needs 1 at least")
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    sums = np.zeros((len(places), 2))
    np.add.at(sums, [places[name] for name in clusters], np.asarray(pairs, dtype=float))
    if sums[:, 1].sum() <= 0:
        raise ValueError(f"the denominators of {len(pairs)} verdicts come to {sums[:, 1].sum():g}")
    return sums


def _ratio(sums: Sums) -> float:
    numerator, denominator = sums.sum(axis=0)
    return float(numerator / denominator)


def _ratios(sums: Sums) -> NDArray[np.float64]:
    """(clusters with a denominator,)"""
    held = sums[sums[:, 1] > 0]
    return held[:, 0] / held[:, 1]


def _drawn_ratios(sums: Sums) -> NDArray[np.float64]:
    """(draws,); equal numbers of clusters give equal draws. A draw with denominator 0 gets the overall ratio."""
    rng = np.random.default_rng(_SEED)
    draws = MORE_DRAWS if len(sums) < ENOUGH_CLUSTERS else DRAWS
    rows = max(1, _CLUSTERS_AT_A_TIME // len(sums))
    drawn = []
    for start in range(0, draws, rows):
        chosen = rng.integers(len(sums), size=(min(rows, draws - start), len(sums)))
        totals = sums[chosen].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn.append(np.where(totals[:, 1] > 0, totals[:, 0] / totals[:, 1], _ratio(sums)))
    return np.concatenate(drawn)
