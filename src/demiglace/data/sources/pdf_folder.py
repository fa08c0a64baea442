"""A folder of PDFs: pages whose text regions are corrupted, each at its own level (paper, section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from demiglace.conversation import Conversation
from demiglace.data.named_files import files_below
from demiglace.data.source import FileSource, count_records
from demiglace.documents.corruption import restoration_task
from demiglace.documents.corruption.restoration_task import damage_and_ask
from demiglace.documents.page import Skipped, Unit
from demiglace.documents.text_layer.pdf_pages import read_pdf
from demiglace.fields import Field, Whole, check_attributes
from demiglace.media.document_pages import count_pages
from demiglace.records.bad_record import BadRecord

OPTIONS: Mapping[str, Field] = {**restoration_task.OPTIONS, "dpi": Whole(10, 2400)}


@dataclass(frozen=True)
class PdfFolder(FileSource):
    """A block is a PDF at any depth below `folder`, in natural order, without hidden files; a record is a page.

    Each time a page is read, other regions are corrupted, at other levels. Pages without text are bad records.
    """

    shuffled_blocks: ClassVar[None] = None

    name: str
    folder: Path
    unit: Unit = "block"  # ours; the paper says "text regions"
    share: float = 0.3  # ours; the paper says "a subset"
    # A level is drawn for each region independently (paper); the weights are ours.
    levels: Mapping[str, float] = field(default_factory=lambda: {"low": 1.0, "moderate": 1.0, "high": 1.0}, hash=False)
    dpi: int = 144  # ours

    def __post_init__(self) -> None:
        """Raises ValueError on values outside `OPTIONS`."""
        check_attributes(self, OPTIONS)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Raises ValueError if there is no PDF at all."""
        if not self._paths:
            raise ValueError(f"no PDF in {self.folder}")
        return tuple(count_records(path, count_pages) for path in self._paths)

    @property
    def files(self) -> tuple[Path, ...]:
        return self._paths

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        chances = (*seed, block, row)
        try:
            page = next(read_pdf(self._paths[block], str(row + 1), self.dpi))
            if isinstance(page, Skipped):
                raise ValueError(page.why)
            return damage_and_ask(page, self.unit, self.share, self.levels, chances)
        except ValueError as error:
            raise BadRecord(self.where(block, row), str(error)) from error

    def where(self, block: int, row: int) -> str:
        """ "folder/paper.pdf#3", with the page from 1."""
        return f"{self._paths[block]}#{row + 1}"

    @cached_property
    def _paths(self) -> tuple[Path, ...]:
        return tuple(files_below(self.folder, [".pdf"]))
