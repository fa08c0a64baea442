"""What text layers in files of their own have in common: words with boxes, in lines, in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from demiglace.data.pages import Box

MAX_DEPTH = 100  # of elements within elements


@dataclass(frozen=True)
class Word:
    """A word, or a whole line where the layer has no words; `glyphs` are its letters with their boxes, if known.

    confidence is that of the program that read it, 0 to 1.
    """

    text: str
    box: Box
    glyphs: tuple[tuple[str, Box], ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True)
class Layer:
    """Blocks of lines of words; boxes count from the top left of a page of `size` (width, height).

    size is None where boxes are in pixels of the picture. `grouped` is False where words come without lines: each is
    a line, and a block, of its own.
    """

    size: tuple[float, float] | None
    blocks: tuple[tuple[tuple[Word, ...], ...], ...]
    grouped: bool = True


def frozen(blocks: Iterable[list[list[Word]]]) -> tuple[tuple[tuple[Word, ...], ...], ...]:
    """Without lines and blocks that have no word."""
    return tuple(lines for block in blocks if (lines := tuple(tuple(line) for line in block if line)))


def require_one_page(count: int) -> None:
    """A layer belongs to one picture; ValueError otherwise."""
    if count != 1:
        raise ValueError(f"holds {count} pages instead of 1")


def box_of(values: Any) -> Box:
    """Four numbers; ValueError otherwise."""
    numbers = [number_of(value) for value in values] if isinstance(values, Iterable) else []
    if len(numbers) != 4:
        raise ValueError(f"has a box of {len(numbers)} numbers instead of 4")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def number_of(value: Any) -> float:
    """A number of reasonable size from what a file has in its place; ValueError otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) < 1e9:
        raise ValueError(f"has {str(value)[:40]!r} where a number belongs")
    return number
