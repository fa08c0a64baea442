"""Rendered images, endless: lines to read, and whole pages with corrupted regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import PIL.Image

from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.data.source import EndlessSource
from demiglace.data.text_crops.page_crops import pdfs_in
from demiglace.data.text_crops.text_crops import WINDOWS_OF_A_PAGE, ReadingPictures
from demiglace.documents.corruption import restoration_task
from demiglace.documents.corruption.restoration_task import damage_and_ask
from demiglace.documents.page import Unit
from demiglace.fields import check_attributes
from demiglace.synthesis.pages.layouts import render_layout
from demiglace.typography.font_folder import folder_faces

QUESTIONS = ("Read the text.", "What does it say?", "Transcribe the picture.", "What is written here?")  # ours


@dataclass(frozen=True)
class RenderedText(EndlessSource):
    """Pictures of up to `max_lines` lines and `max_characters` characters in all, drawn as in `ReadingPictures`.

    A page from which windows are cropped serves `WINDOWS_OF_A_PAGE` pictures.
    """

    name: str
    max_lines: int = 8
    max_characters: int = 400
    fonts: Path | None = None
    documents: Path | None = None
    document_share: float = 0.0
    layout_share: float = 0.0
    stack_share: float = 0.0
    damaged_share: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError as `ReadingPictures` does, and on a folder without fonts or PDFs."""
        _ = self.pictures
        if self.fonts is not None:
            folder_faces(self.fonts)
        if self.documents is not None:
            pdfs_in(self.documents)

    @property
    def pictures(self) -> ReadingPictures:
        asked = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "name"}
        return ReadingPictures(**asked)

    @property
    def files(self) -> tuple[Path, ...]:
        fonts = () if self.fonts is None else sorted({Path(face.path) for face in folder_faces(self.fonts)})
        documents = () if self.documents is None else pdfs_in(self.documents)
        return (*fonts, *documents)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """If fonts or prose are missing, raises ValueError that names the extra to install."""
        rng = np.random.default_rng((*seed, block, row))
        rendered, _ = self.pictures.draw(rng, page=(*seed, block, row // WINDOWS_OF_A_PAGE))
        question = QUESTIONS[rng.integers(len(QUESTIONS))]
        shown = (Image(PIL.Image.fromarray(rendered.picture)), Text(question))
        return Conversation((Message("user", shown), Message("assistant", (Text(rendered.text),))))

    def where(self, block: int, row: int) -> str:
        return f"{self.name}, picture {row}"


@dataclass(frozen=True)
class RenderedPages(EndlessSource):
    """Articles, tables, forms and receipts, with damaged regions to restore as in `PdfFolder`."""

    name: str
    unit: Unit = "line"  # ours: a table cell is a line
    share: float = 0.3  # ours; the paper says "a subset"
    levels: Mapping[str, float] = field(default_factory=lambda: {"low": 1.0, "moderate": 1.0, "high": 1.0}, hash=False)

    def __post_init__(self) -> None:
        """Raises ValueError on values outside `restoration_task.OPTIONS`."""
        check_attributes(self, restoration_task.OPTIONS)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """Raises ValueError as `RenderedText` does."""
        chances = (*seed, block, row)
        page = render_layout(np.random.default_rng(chances))
        return damage_and_ask(page, self.unit, self.share, self.levels, chances)

    def where(self, block: int, row: int) -> str:
        return f"{self.name}, page {row}"
