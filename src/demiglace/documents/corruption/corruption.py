"""Dynamic visual corruption: each text region of a page is corrupted at a level of its own (paper, section 2.2).

Low: mild noise, still readable. Moderate: heavy damage, characters ambiguous. High: nothing of the text is left.
The kinds of damage, their strengths and the chances of the levels are ours; the paper names none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from demiglace.documents.corruption.damage import cover, heavy, mild
from demiglace.documents.page import Region, hull
from demiglace.fields import WEIGHT, Real, TableOf

Level = Literal["clean", "low", "moderate", "high"]
Area = tuple[slice, slice]  # rows and columns of a picture

MODERATE_FROM = 1 / 3  # severity; below it is low, 0 itself clean
HIGH_FROM = 2 / 3
MARGIN = 0.08  # of the height of a line: print reaches a little over the boxes of its characters
RING = 1.0  # heights of a line around a region in which the colour of its paper is looked for

_NOBODY = -1


@dataclass(frozen=True)
class Target:
    """A region to be restored, and its severity: 0 is undamaged, 1 the most."""

    region: Region
    severity: float

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= 1:
            raise ValueError(f"severity must lie in 0..1, got {self.severity}")

    @property
    def level(self) -> Level:
        if self.severity == 0:
            return "clean"
        if self.severity < MODERATE_FROM:
            return "low"
        return "moderate" if self.severity < HIGH_FROM else "high"


SEVERITIES: Mapping[Level, tuple[float, float]] = {
    "clean": (0.0, 0.0),
    "low": (math.ulp(0.0), MODERATE_FROM),
    "moderate": (MODERATE_FROM, HIGH_FROM),
    "high": (HIGH_FROM, 1.0),
}

SHARE = Real(0, 1, above=True)
LEVELS = TableOf(WEIGHT, tuple(SEVERITIES))


def draw_targets(
    regions: Sequence[Region], rng: np.random.Generator, share: float, levels: Mapping[str, float]
) -> list[Target]:
    """A random `share` of the regions (at least one, where there are any), in their order, with a severity each.

    levels: weights of "clean", "low", "moderate" and "high", of any sum; inside a level severities are uniform.
    Raises ValueError on a share outside (0, 1], an unknown level, and weights that are negative or all 0.
    """
    SHARE.check("share", share)
    chances = _chances(levels)
    count = min(len(regions), max(1, round(share * len(regions))))
    chosen = sorted(rng.choice(len(regions), count, replace=False)) if count else []
    drawn = rng.choice(len(chances), count, p=list(chances.values()))
    spans = [SEVERITIES[level] for level in chances]
    return [Target(regions[i], float(rng.uniform(*spans[j]))) for i, j in zip(chosen, drawn, strict=True)]


def corrupt(picture: np.ndarray, targets: Sequence[Target], seed: Sequence[int]) -> np.ndarray:
    """The page with each target damaged by its own level; a pure function of its arguments.

    picture: uint8 (height, width, 3), left as it is; seed: numbers of at least 0, such as those of run and page.
    Returns a picture of the same shape. A region is the hull of its boxes, with a margin, and:

    - no pixel depends on one of a region of level high, and severity 0 leaves every pixel as it was;
    - a region's damage neither reads nor writes pixels outside it, but for the paper's colour, which is looked for
      where no target is; its random numbers come from `seed` and its place in `targets`. So changing one target's
      level changes nothing outside that region, except in regions that overlap it.

    A pixel of several regions belongs to one that hides it, else one that keeps it clean, else the first.
    Raises ValueError on a region that lies outside the page.
    """
    areas = [_area(target.region, picture.shape) for target in targets]
    owners = _owners(targets, areas, picture.shape)
    corrupted = picture.copy()
    for index, (target, area) in enumerate(zip(targets, areas, strict=True)):
        own = owners[area] == index
        if target.level == "clean" or not own.any():
            continue
        rng = np.random.default_rng(np.random.SeedSequence(list(seed), spawn_key=(index,)))
        band = _line_height(target.region)
        if target.level == "high":
            damaged = cover(rng, own.shape, _paper_around(picture, owners, area, band), band)
        else:
            damaged = _damaged(rng, _alone(picture[area], own), band, target.severity)
        corrupted[area][own] = damaged[own]
    return corrupted


def _chances(levels: Mapping[str, float]) -> dict[Level, float]:
    given = LEVELS.check("levels", levels)
    weights: dict[Level, float] = {level: given.get(level, 0.0) for level in SEVERITIES}
    if not (total := sum(weights.values())):
        raise ValueError(f"levels must not all have the weight 0, got {given}")
    return {level: weight / total for level, weight in weights.items()}


def _area(region: Region, shape: tuple[int, ...]) -> Area:
    """The pixels of a region; the margin comes from its boxes alone, so that no outline of the ink shows in it."""
    height, width = shape[:2]
    left, top, right, bottom = box = hull(np.array(region.boxes, float))
    if not (left <= right and top <= bottom and left < width and top < height and right > 0 and bottom > 0):
        raise ValueError(f"a region at {box} lies outside the page of {width} x {height} pixels")
    margin = max(1.0, MARGIN * _line_height(region))
    rows = slice(math.floor(max(0, top - margin)), math.ceil(min(height, bottom + margin)))
    return rows, slice(math.floor(max(0, left - margin)), math.ceil(min(width, right + margin)))


def _owners(targets: Sequence[Target], areas: Sequence[Area], shape: tuple[int, ...]) -> np.ndarray:
    """int32 (height, width): the target that each pixel belongs to."""
    owners = np.full(shape[:2], _NOBODY, np.int32)
    wins = {"low": 0, "moderate": 0, "clean": 1, "high": 2}
    for index in sorted(range(len(targets)), key=lambda index: (wins[targets[index].level], -index)):
        owners[areas[index]] = index
    return owners


def _alone(crop: np.ndarray, own: np.ndarray) -> np.ndarray:
    """A region's crop with paper where pixels belong to others."""
    paper = np.median(crop[own], axis=0).astype(np.uint8)
    return np.where(own[:, :, None], crop, paper)


def _line_height(region: Region) -> float:
    """The median of its lines' heights, in pixels."""
    return float(np.median([bottom - top for _, top, _, bottom in region.boxes]))


def _damaged(rng: np.random.Generator, crop: np.ndarray, band: float, severity: float) -> np.ndarray:
    if severity < MODERATE_FROM:
        return mild(rng, crop, band, severity / MODERATE_FROM)
    return heavy(rng, crop, band, (severity - MODERATE_FROM) / (HIGH_FROM - MODERATE_FROM))


def _paper_around(picture: np.ndarray, owners: np.ndarray, area: Area, band: float) -> np.ndarray:
    """uint8 (3,): the median next to a region and in no target; else anywhere; else white."""
    reach = max(1, round(RING * band))
    near = tuple(slice(max(0, side.start - reach), side.stop + reach) for side in area)
    for place in (near, (slice(None), slice(None))):
        free = picture[place][owners[place] == _NOBODY]
        if len(free):
            return np.median(free, axis=0).astype(np.uint8)
    return np.full(3, 255, np.uint8)
