"""Images of a few words to be read: rendered lines, and crops of rendered and real pages, corrupted word by word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from demiglace.data.text_crops import page_crops
from demiglace.data.text_crops.line_stacks import MOST_LINES, stack_lines
from demiglace.data.text_crops.word_corruption import LEVELS, damage_words
from demiglace.documents.page import Page
from demiglace.fields import Field, Real, Whole, check_attributes
from demiglace.synthesis.pages.layouts import render_layout
from demiglace.typography import rendering
from demiglace.typography.rendering import Rendered
from demiglace.typography.style_samples import USUAL_GAPS, WordGaps

WINDOWS_OF_A_PAGE = 96  # consecutive samples among which the windows are of one page, since drawing it takes long

# More characters than that are smaller than a pixel in the pictures that are drawn (ours).
OPTIONS: Mapping[str, Field] = {"max_lines": Whole(1, 100), "max_characters": Whole(1, 4000)} | dict.fromkeys(
    ("document_share", "layout_share", "stack_share", "damaged_share"), Real(0, 1)
)


@dataclass(frozen=True, kw_only=True)
class ReadingPictures:
    """Which pictures to draw.

    max_lines, max_characters: of a picture, the most.
    fonts: folder of font files; half of the lines that are drawn are set in them.
    gaps: between the words of those lines.
    documents: folder of PDFs whose windows are mixed in; document_share: of the pictures.
    layout_share: of the pictures, windows of rendered articles, tables, forms and receipts.
    stack_share: of the pictures, short lines one under another.
    damaged_share: of the pictures, in which each word draws a level of damage; levels: with their chances.
    """

    max_lines: int
    max_characters: int
    fonts: Path | None = None
    gaps: WordGaps = USUAL_GAPS
    documents: Path | None = None
    document_share: float = 0.0
    layout_share: float = 0.0
    stack_share: float = 0.0
    damaged_share: float = 0.0
    levels: tuple[tuple[str, float], ...] = tuple(LEVELS.items())

    def __post_init__(self) -> None:
        """Raises ValueError on what `OPTIONS` do not take, and on a share of documents where there are none."""
        check_attributes(self, OPTIONS)
        if self.document_share + self.layout_share > 1:
            raise ValueError(
                f"document_share + layout_share must be at most 1, got {self.document_share} + {self.layout_share}"
            )
        if (self.documents is None) != (self.document_share == 0):
            raise ValueError(f"documents is {self.documents}, but document_share is {self.document_share}")

    def draw(self, rng: np.random.Generator, page: tuple[int, ...]) -> tuple[Rendered, np.ndarray]:
        """A picture, and bool (characters,): those of which nothing is left to see.

        page: seed of the page that a window is of; pictures that share it share the work of drawing the page.
        Raises ValueError where no page of the documents has text that can be trusted, or fonts or prose are missing.
        """
        if self.stack_share and rng.random() < self.stack_share:
            drawn = self._stack(rng, page)
        else:
            drawn = self._piece(rng, page, self.max_lines, self.max_characters)
        if self.damaged_share and rng.random() < self.damaged_share:
            return damage_words(rng, drawn, dict(self.levels))
        return drawn, np.zeros(len(drawn.boxes), bool)

    def _stack(self, rng: np.random.Generator, page: tuple[int, ...]) -> Rendered:
        count = int(rng.integers(2, MOST_LINES + 1))
        return stack_lines([self._piece(rng, page, 1, max(1, self.max_characters // count)) for _ in range(count)])

    def _piece(self, rng: np.random.Generator, page: tuple[int, ...], max_lines: int, max_characters: int) -> Rendered:
        window = self._window(rng, page, max_lines, max_characters)
        return window or rendering.random_sample(rng, max_lines, max_characters, self.fonts, self.gaps)

    def _window(
        self, rng: np.random.Generator, page: tuple[int, ...], max_lines: int, max_characters: int
    ) -> Rendered | None:
        """A piece of a page of the share it falls in, worn as rendered lines are."""
        share = rng.random()
        if share < self.document_share:
            assert self.documents is not None
            shown = page_crops.drawn_page(self.documents, page)
        elif share < self.document_share + self.layout_share:
            shown = _layout(page)
        else:
            return None
        window = page_crops.random_window(rng, shown, max_lines, max_characters)
        return None if window is None else rendering.degraded(rng, window)


@lru_cache(maxsize=page_crops.PAGES_AT_HAND)
def _layout(seed: tuple[int, ...]) -> Page:
    return render_layout(np.random.default_rng(seed))
