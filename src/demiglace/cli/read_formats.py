"""The forms in which `demiglace read` gives what it has read: text, JSON, Markdown, hOCR, searchable PDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from demiglace.cli.read_journal import PageEntry, json_line
from demiglace.cli.terminal import note, printable

Format = Literal["text", "json", "markdown", "hocr", "pdf"]

SUFFIXES: dict[Format, str] = {"text": ".txt", "json": ".json", "markdown": ".md", "hocr": ".hocr", "pdf": ".pdf"}


@dataclass(frozen=True)
class PagedText:
    """A format of pages one after the other.

    page: what is written of a page, from its file, whether a heading tells file and number, and its place, from 1.
    """

    page: Callable[[str, PageEntry, bool, int], str]
    head: str = ""
    between: str = ""
    foot: str = ""


def paged_text(form: Format) -> PagedText:
    """The format of text, Markdown or hOCR."""
    if form == "hocr":
        from demiglace.transcripts.hocr import FOOT, HEAD

        return PagedText(_hocr, HEAD, "", FOOT)
    return PagedText(_markdown if form == "markdown" else _text, between="\n")


def write_pages(target: Path, form: Format, file: str, pages: Sequence[PageEntry], num_pages: int) -> None:
    """Write what was read of a file to a file of its own; ValueError if a PDF cannot be made of it.

    With headings if more than one page was requested, so that missing pages are seen.
    """
    if form == "pdf":
        from demiglace.inference.read_page import ReadPage
        from demiglace.transcripts.searchable_pdf import write_searchable_pdf

        for number in write_searchable_pdf(target, file, [(page["page"], ReadPage.of(page)) for page in pages]):
            note(f"{file}, page {number}: without text in the PDF, since the page would look different with it")
    elif form == "json":
        target.write_text(file_as_json(file, pages), encoding="utf-8")
    else:
        text = paged_text(form)
        written = text.between.join(text.page(file, page, num_pages > 1, place) for place, page in enumerate(pages, 1))
        target.write_text(text.head + written + text.foot, encoding="utf-8")


def file_as_json(file: str, pages: Sequence[PageEntry]) -> str:
    return json_line({"file": file, "pages": pages})


def _text(file: str, page: PageEntry, is_headed: bool, place: int) -> str:
    heading = f"--- {_title(file, page)} ---\n\n" if is_headed else ""
    return f"{heading}{page['text']}\n"


def _markdown(file: str, page: PageEntry, is_headed: bool, place: int) -> str:
    from demiglace.inference.read_page import ReadPage
    from demiglace.transcripts.markdown import escaped, page_markdown

    heading = f"# {escaped(_title(file, page))}\n\n" if is_headed else ""
    return f"{heading}{page_markdown(ReadPage.of(page))}\n"


def _hocr(file: str, page: PageEntry, is_headed: bool, place: int) -> str:
    from demiglace.inference.read_page import ReadPage
    from demiglace.transcripts.hocr import hocr_page

    return hocr_page(ReadPage.of(page), printable(file), page["page"], place)


def _title(file: str, page: PageEntry) -> str:
    return f"{printable(Path(file).name)}, page {page['page']}"
