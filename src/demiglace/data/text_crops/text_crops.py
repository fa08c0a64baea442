"""Pictures of a few words to read: rendered lines, and crops of rendered and real pages, corrupted word by word."""

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

WINDOWS_OF_A_PAGE = 96  # consecutive samples whose windows are of the same page, because rendering one is slow

# With more characters than that, letters would be smaller than a pixel (ours).
OPTIONS: Mapping[str, Field] = {"max_lines": Whole(1, 100), "max_characters": Whole(1, 4000)} | dict.fromkeys(
    ("document_share", "layout_share", "stack_share", "damaged_share"), Real(0, 1)
)


@dataclass(frozen=True, kw_only=True)
class ReadingPictures:
    """The distribution of pictures to draw.

    max_lines, max_characters: limits for a picture.
    fonts: folder of font files; half of the rendered lines use them.
    gaps: between the words of rendered lines.
    documents: folder of PDFs; document_share: share of the pictures that are windows of their pages.
    layout_share: share that are windows of rendered articles, tables, forms and receipts.
    stack_share: share that are short lines one below the other.
    damaged_share: share in which each word draws a level of damage; levels: with their probabilities.
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
        """Raises ValueError on values outside `OPTIONS`, shares above 1, or one of documents and its share alone."""
        check_attributes(self, OPTIONS)
        if self.document_share + self.layout_share > 1:
            raise ValueError(
                f"document_share + layout_share must be at most 1, got {self.document_share} + {self.layout_share}"
            )
        if (self.documents is None) != (self.document_share == 0):
            raise ValueError(f"documents is {self.documents}, but document_share is {self.document_share}")

    def draw(self, rng: np.random.Generator, page: tuple[int, ...]) -> tuple[Rendered, np.ndarray]:
        """A picture, and bool (characters,): those of which nothing is visible any more.

        page: seed of the page for windows; pictures with the same seed share the work of rendering the page.
        Raises BadRecord if a document cannot be read or no page of them has text that can be trusted, and ValueError if
        fonts or prose are missing.
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
        """A window of a PDF page or a rendered page, chosen by the shares and degraded like rendered lines; or None."""
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
