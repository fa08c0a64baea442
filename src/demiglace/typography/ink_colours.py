"""Colours of ink and paper, as they occur on pages, forms and receipts."""

from __future__ import annotations

import numpy as np

Colour = tuple[int, int, int]


def random_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Ink and paper: mostly dark on light and grey, a tenth inverted, contrast from full down to about a third."""
    if rng.random() < 0.4:
        return (0, 0, 0), (255, 255, 255)
    dark = np.full(3, rng.integers(0, 110), float)
    light = np.full(3, rng.integers(200, 256), float)
    if rng.random() < 0.25:  # coloured paper, perhaps coloured ink
        light *= rng.uniform(0.75, 1.0, 3)
        dark += rng.uniform(0, 110, 3) * (rng.random() < 0.5)
        dark = np.minimum(dark, light.min() - 90)
    if rng.random() < 0.25:
        dark += (light - dark) * rng.uniform(0, 0.45)
    ink, paper = _levels(dark), _levels(light)
    return (paper, ink) if rng.random() < 0.16 else (ink, paper)


def _levels(colour: np.ndarray) -> Colour:
    red, green, blue = (int(value) for value in colour.clip(0, 255))
    return red, green, blue
