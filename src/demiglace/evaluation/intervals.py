"""Confidence intervals of shares and of their differences, by a bootstrap over clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS, MORE_DRAWS = 2000, 20_000  # ours
ENOUGH_CLUSTERS = 30  # ours: with fewer there are more draws, since each cluster has more weight
INSIDE = (2.5, 97.5)  # percentiles at the ends of a 95 % interval
FEWEST_CLUSTERS = 6  # ours: five of five that agree are not significant at 95 % (sign test, p = 2 / 2**5 = .06)
FEW_CLUSTERS = (
    f"There is no interval and no p (-) where fewer than {FEWEST_CLUSTERS} pictures, clips or texts were shown: "
    "nothing of 95 % can be said of so few. Nor is there an interval of errors by character and other ratios of sums "
    "where all of what was shown agree."
)
_NARROWEST = 1e-12
_SEED = 20
_CLUSTERS_AT_A_TIME = 2**22  # numbers drawn at once

Pairs = Sequence[tuple[float, float]]


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
    value, count = scale * float(np.mean([_ratio(units) for units in sums])), len(parts[0][0])
    fewest = min(len(set(clusters)) for _, clusters in parts)
    if fewest < FEWEST_CLUSTERS:
        return Share(value, None, None, count)
    if all(_agree(units) for units in sums):
        is_of_scores = all(denominator == 1 for pairs, _ in parts for _, denominator in pairs)
        if not is_of_scores:
            return Share(value, None, None, count)
        low, high = _where_all_agree(value / scale, 0.0, fewest)
        return Share(value, scale * low, scale * high, count)
    low, high = np.percentile(np.mean([_drawn_ratios(units) for units in sums], axis=0), INSIDE)
    return Share(value, scale * float(low), scale * float(high), count)


def difference(pairs: Pairs, others: Pairs, clusters: Sequence[str]) -> tuple[Share, float | None]:
    """Second share minus first, for the same examples in the same order, and the two-sided p from the same draws.

    p: twice the smaller share of draws on one side of 0; at least 1 / draws, and at least 2 / 2**changed, the p of a
    sign test if all clusters that changed agree. The interval includes 0 if fewer than `FEWEST_CLUSTERS` changed, since
    draws of so few differences find too much significance. None with fewer clusters. The shares are means of scores
    from 0 to 1.
    """
    one, other = _by_cluster(pairs, clusters, clusters), _by_cluster(others, clusters, clusters)
    value = _ratio(other) - _ratio(one)
    if len(one) < FEWEST_CLUSTERS:
        return Share(value, None, None, len(pairs)), None
    drawn = _drawn_ratios(other) - _drawn_ratios(one)
    changed = int(np.sum(np.abs(other[:, 0] - one[:, 0]) > _NARROWEST))
    low, high = np.percentile(drawn, INSIDE)
    if changed < FEWEST_CLUSTERS:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < _NARROWEST and _agree(np.column_stack((other[:, 0] - one[:, 0], one[:, 1]))):
        low, high = _where_all_agree(value, -1.0, len(one))
    side = min(np.mean(drawn <= 0), np.mean(drawn >= 0))
    p = min(1.0, max(2 * float(side), 1 / len(drawn), 2.0 ** (1 - changed)))
    return Share(value, float(low), float(high), len(pairs)), p


def _agree(sums: NDArray[np.float64]) -> bool:
    """Whether all clusters that have a denominator have the same ratio."""
    held = sums[sums[:, 1] > 0]
    return float(np.ptp(held[:, 0] / held[:, 1])) < _NARROWEST


def _where_all_agree(value: float, lowest: float, clusters: int) -> tuple[float, float]:
    """The exact interval (Clopper-Pearson) of a mean of values from `lowest` to 1, where all clusters have this value.

    With 97.5 % confidence at least .025 ** (1 / clusters) of all clusters have it; the others may have any value.
    """
    others = 1 - (INSIDE[0] / 100) ** (1 / clusters)
    return value - others * (value - lowest), value + others * (1 - value)


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test (binomial) on changed verdicts; 1 without any."""
    total, fewer = gained + lost, min(gained, lost)
    if total == 0:
        return 1.0
    tail = sum(math.exp(_log_choose(total, number) - total * math.log(2)) for number in range(fewer + 1))
    return min(1.0, 2 * tail)


def _log_choose(total: int, number: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(number + 1) - math.lgamma(total - number + 1)


def _by_cluster(pairs: Pairs, clusters: Sequence[str], names: Sequence[str]) -> NDArray[np.float64]:
    """(distinct names, 2): sums of each cluster in the order of the names; 0 for clusters without pairs."""
    if not pairs:
        raise ValueError("0 verdicts; a share needs 1 at least")
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    sums = np.zeros((len(places), 2))
    np.add.at(sums, [places[name] for name in clusters], np.asarray(pairs, dtype=float))
    if sums[:, 1].sum() <= 0:
        raise ValueError(f"the denominators of {len(pairs)} verdicts come to {sums[:, 1].sum():g}")
    return sums


def _ratio(sums: NDArray[np.float64]) -> float:
    numerator, denominator = sums.sum(axis=0)
    return float(numerator / denominator)


def _drawn_ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
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
