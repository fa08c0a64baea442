"""Damage of one region's crop by level of corruption: mild noise, heavy damage, or a cover over all of it.

A strength in 0..1 moves a level from its mildest to its worst. With the same generator state the marks are the same,
only larger or more numerous. Sizes scale with `band`, the line height in pixels. All kinds and numbers are ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from demiglace.documents.corruption.degradation import (
    add_noise,
    blur,
    break_strokes,
    paper_colour,
    resized,
    shade,
    spread_ink,
    stain,
    towards,
)

Damage = Callable[[np.random.Generator, np.ndarray, float, float], np.ndarray]

SMALLEST_BAND = 6.0  # pixels; smaller print is damaged as if it had this height
MILD: tuple[Damage, ...] = (spread_ink, break_strokes, shade, stain, blur, add_noise)


def mild(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Two kinds of degradation, as for whole images; the text stays readable.

    crop: uint8 (height, width, 3), not modified; the result has its shape.
    """
    for chosen in np.sort(rng.choice(len(MILD), 2, replace=False)):
        crop = MILD[chosen](rng, crop, max(band, SMALLEST_BAND), strength)
    return crop


def heavy(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """One kind of heavy damage, often a lighter second one, and noise; characters become ambiguous.

    crop: uint8 (height, width, 3), not modified; the result has its shape.
    """
    band = max(band, SMALLEST_BAND)
    first, second = rng.choice(len(HEAVY), 2, replace=False)
    crop = HEAVY[first](rng, crop, band, strength)
    if rng.random() < 0.4:
        crop = HEAVY[second](rng, crop, band, strength / 3)
    return add_noise(rng, crop, band, strength)


def cover(rng: np.random.Generator, shape: tuple[int, int], paper: np.ndarray, band: float) -> np.ndarray:
    """uint8 (height, width, 3) that hides everything: the paper colour, a grey, or noise."""
    kind = rng.random()
    if kind < 0.5:
        return np.broadcast_to(paper, (*shape, 3)).astype(np.uint8)
    if kind < 0.75:
        return np.full((*shape, 3), rng.integers(256), np.uint8)
    noise = _grid(rng, shape, max(1.0, band / 12)) * 255
    return np.repeat(noise.astype(np.uint8)[:, :, None], 3, axis=2)


def smear(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Strong defocus, or strong motion blur along the line."""
    image, radius = Image.fromarray(crop), band * _between(0.05, 0.11, strength)
    if rng.random() < 0.7:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
    return np.asarray(image.filter(ImageFilter.BoxBlur((2 * radius, radius / 2))))


def pixelate(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Squares of one colour each, a few to the height of a letter."""
    height, width = crop.shape[:2]
    cell = band * _between(0.09, 0.16, strength) * rng.uniform(0.9, 1.1)
    small = max(1, round(width / cell)), max(1, round(height / cell))
    coarse = Image.fromarray(crop).resize(small, Image.Resampling.BOX)
    return np.asarray(coarse.resize((width, height), Image.Resampling.NEAREST))


def bury(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Specks of any grey, as wide as a stroke, over much of the crop, and grain."""
    cell = max(1.0, band / rng.uniform(9, 15))
    specks, greys = _grid(rng, crop.shape, cell), _grid(rng, crop.shape, cell) * 255
    grain = rng.standard_normal(crop.shape[:2], np.float32) * _between(15, 50, strength)
    grainy = crop + grain[:, :, None]
    buried = np.where((specks < _between(0.08, 0.25, strength))[:, :, None], greys[:, :, None], grainy)
    return buried.clip(0, 255).astype(np.uint8)


def blot(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Large stains, nearly opaque: ink, coffee or white-out."""
    colours = np.array([[35.0, 35.0, 60.0], [120.0, 80.0, 45.0], [250.0, 250.0, 248.0]])
    patches = _patches(rng, crop.shape, band * rng.uniform(0.6, 1.4), _between(0.15, 0.4, strength))
    return towards(crop, colours[rng.integers(3)], patches * _between(0.6, 0.95, strength))


def lose_ink(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Print that flaked off in bits smaller than a letter; what is left is pale."""
    patches = _patches(rng, crop.shape, band / rng.uniform(5, 9), _between(0.25, 0.5, strength))
    pale = _between(0.1, 0.4, strength)
    return towards(crop, paper_colour(crop), pale + (0.97 - pale) * patches)


def erase(rng: np.random.Generator, crop: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Parts of letters and whole ones rubbed out, down to the paper."""
    rubbed = _grid(rng, crop.shape, band * rng.uniform(0.3, 0.9), band * rng.uniform(0.2, 0.45))
    return towards(crop, paper_colour(crop), (rubbed < _between(0.12, 0.35, strength)).astype(np.float32))


HEAVY: tuple[Damage, ...] = (smear, pixelate, bury, blot, lose_ink, erase)


def _between(least: float, most: float, strength: float) -> float:
    return least + (most - least) * strength


def _grid(
    rng: np.random.Generator, shape: tuple[int, ...], cell_width: float, cell_height: float | None = None
) -> np.ndarray:
    """float32 (height, width): one random value in 0..1 per cell; cells are square unless their height is given."""
    height, width = shape[:2]
    rows, columns = max(1, round(height / (cell_height or cell_width))), max(1, round(width / cell_width))
    values = Image.fromarray(rng.random((rows, columns), np.float32))
    return np.asarray(values.resize((width, height), Image.Resampling.NEAREST))


def _patches(rng: np.random.Generator, shape: tuple[int, ...], size: float, share: float) -> np.ndarray:
    """float32 (height, width): 1 inside soft patches about `size` pixels wide over a share of the crop, 0 outside."""
    height, width = shape[:2]
    cells = max(2, round(height / size)), max(2, round(width / size))
    field = resized(rng.random(cells, np.float32), width, height)
    return ((field - np.quantile(field, 1 - share)) * 8 + 0.5).clip(0, 1).astype(np.float32)
