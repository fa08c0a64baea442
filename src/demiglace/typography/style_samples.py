"""Random text styles: sizes, spacing, margins, surroundings and colours as on pages, forms and receipts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demiglace.typography.fonts import Face
from demiglace.typography.ink_colours import random_colours
from demiglace.typography.line_samples import sample_text
from demiglace.typography.typesetting import Alignment, TextStyle

SMALLEST_CAP, LARGEST_CAP = 8.0, 110.0  # pixels


@dataclass(frozen=True)
class WordGaps:
    """How often the words of a line are far apart, as in the columns of forms and receipts (all ours).

    share: of the lines that have a wide gap. widest: largest gap, in cap heights added to a space.
    """

    share: float = 0.12
    widest: float = 6.0


USUAL_GAPS, COLUMN_GAPS = WordGaps(), WordGaps(0.4, 20.0)

_ALIGNMENTS: tuple[Alignment, ...] = ("left", "left", "centre", "right", "justified")


def random_style(
    rng: np.random.Generator, lines: list[str], face: Face, max_pixels: int, gaps: WordGaps = USUAL_GAPS
) -> TextStyle:
    """A text style for `lines` that should not need more than `max_pixels` pixels, wide gaps not counted."""
    pitch = float(rng.uniform(1.5, 2.8))
    cap_height = _random_cap_height(rng, lines, pitch, max_pixels)
    margins = _random_margins(rng, cap_height)
    above = below = ""
    if rng.random() < 0.2:
        length = max(map(len, lines))
        above, below = (sample_text(rng, length) if rng.random() < 0.7 else "" for _ in range(2))
        seen = pitch - 1.4 + rng.uniform(-0.1, 0.3, 2)  # some ink of the neighbours, too little to read them
        margins = (
            margins[0],
            float(seen[0]) if above else margins[1],
            margins[2],
            float(seen[1]) if below else margins[3],
        )
    ink, paper = random_colours(rng)
    return TextStyle(
        cap_height=cap_height,
        crisp=bool(rng.random() < 0.3),
        stretch=_random_stretch(rng, face),
        alignment=_ALIGNMENTS[rng.integers(len(_ALIGNMENTS))],
        letter_spacing=float(rng.uniform(-0.04, 0.35)) if rng.random() < 0.12 else 0.0,
        pitch=pitch,
        margins=margins,
        gap=(float(rng.random()), float(rng.uniform(0.5, gaps.widest))) if rng.random() < gaps.share else None,
        above=above,
        below=below,
        underlined=bool(rng.random() < 0.05),
        rules=_random_rules(rng),
        ink=ink,
        paper=paper,
    )


def _random_cap_height(rng: np.random.Generator, lines: list[str], pitch: float, max_pixels: int) -> float:
    """Mostly 8 to 40 pixels; up to 110 where the text is short enough."""
    tall = rng.random() < 0.12
    wanted = rng.uniform(40, LARGEST_CAP) if tall else np.exp(rng.uniform(np.log(SMALLEST_CAP), np.log(40)))
    area = (max(map(len, lines)) * 0.95 + 1.5) * (len(lines) * pitch + 1)  # in squared cap heights
    return float(np.clip(wanted, SMALLEST_CAP, max(SMALLEST_CAP, (max_pixels / area) ** 0.5)))


def _random_margins(rng: np.random.Generator, cap_height: float) -> tuple[float, float, float, float]:
    """Tight (to the pixel, sometimes cutting off ink), usual, or generous."""
    kind = rng.random()
    if kind < 0.35:
        sides = rng.uniform(-1, 3, 4) / cap_height
    elif kind < 0.8:
        sides = rng.uniform(0, 0.6, 4)
    else:
        sides = rng.uniform(0.2, 2.5, 4)
    left, top, right, bottom = map(float, sides)
    return left, top, right, bottom


def _random_stretch(rng: np.random.Generator, face: Face) -> float:
    stretch = float(np.exp(rng.normal(0, 0.13)))
    if face.style == "mono":  # receipt printers have narrow letters
        stretch *= float(rng.uniform(0.65, 1.0))
    return min(max(stretch, 0.6), 1.4)


def _random_rules(rng: np.random.Generator) -> tuple[float | None, ...]:
    if rng.random() > 0.1:
        return None, None, None, None
    return tuple(float(rng.uniform(0, 0.3)) if rng.random() < 0.4 else None for _ in range(4))
