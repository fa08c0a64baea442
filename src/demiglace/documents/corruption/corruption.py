"""Dynamic visual corruption: each text region of a page is corrupted at its own level (paper, section 2.2).

Low: mild noise, still readable. Moderate: heavy damage, characters ambiguous. High: no text is left.
The kinds of damage, their strengths and the probabilities of the levels are ours; the paper names none.
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

MODERATE_FROM = 1 / 3  # severity; below it the level is low, at 0 clean
HIGH_FROM = 2 / 3
MARGIN = 0.08  # of the line height: print extends slightly beyond its character boxes
RING = 1.0  # line heights: width of the ring around a region from which the paper colour is taken

_NOBODY = -1


@dataclass(frozen=True)
class Target:
    """A region to be restored, and its severity from 0 (undamaged) to 1 (the worst)."""

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
    """A random `share` of the regions (at least one, if there are any), in their order, each with a severity.

    levels: weights of "clean", "low", "moderate" and "high", with any sum; within a level the severity is uniform.
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
    """The page with each target damaged at its own level; a pure function of its arguments.

    picture: uint8 (height, width, 3), not modified; seed: non-negative numbers, such as those of run and page.
    Returns a picture of the same shape. A region is the hull of its boxes plus a margin. Guarantees:

    - no output pixel depends on a pixel inside a region of level high, and severity 0 leaves every pixel as it was;
    - damaging a region neither reads nor writes pixels outside it, except for the paper colour, which is taken from
      pixels outside all targets. Its random numbers come from `seed` and its index in `targets`. So changing one
      target's level changes nothing outside that region, except in regions that overlap it.

    A pixel in several regions belongs to one that hides it, else to one that keeps it clean, else to the first.
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
    """The pixels of a region; the margin depends only on its boxes, so that the area does not reveal the ink."""
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
    """A region's crop, with the pixels that belong to other targets replaced by its median colour."""
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
    """uint8 (3,): the median colour outside all targets, next to the region if possible, else anywhere; else white."""
    reach = max(1, round(RING * band))
    near = tuple(slice(max(0, side.start - reach), side.stop + reach) for side in area)
    for place in (near, (slice(None), slice(None))):
        free = picture[place][owners[place] == _NOBODY]
        if len(free):
            return np.median(free, axis=0).astype(np.uint8)
    return np.full(3, 255, np.uint8)
