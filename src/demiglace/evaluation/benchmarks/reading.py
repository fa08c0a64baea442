"""Text recognition: lines, pages and tables of a folder with their texts, and OmniDocBench."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from demiglace.conversation import Image, Part
from demiglace.evaluation.benchmark import Benchmark, Example, Figure, plain_prompt
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import PICTURES, pictures_of
from demiglace.evaluation.dataset.row import Row, parsed
from demiglace.media.pictures import kind_by_suffix
from demiglace.scoring.verdict import Expected

READ = "Read the text."  # as in the nano model's training data
TO_HTML = "Convert the table to HTML."  # ours
TO_MARKDOWN = "Convert the page to Markdown: text in reading order, tables as HTML, formulas as LaTeX."  # ours
FORMULA_MARK = "$$"
PAGE_FIGURES = (
    Figure("text"),
    Figure("reading order", family="page order"),
    Figure("tables, TEDS", family="page tables", needs="<table"),
    Figure("formulas", family="page formulas", needs=f"{FORMULA_MARK}\n"),
)
FIGURES = (Figure("CER", of="characters"), Figure("similarity"))
WORDS = Figure("word F1", of="words")  # for pages: the reading order of columns and tables is ambiguous

LINES = Source(("lines", "qa"))
OMNIDOCBENCH = Source(("OmniDocBench",), "opendatalab/OmniDocBench", "OmniDocBench.json", "images/*")
_MARKS = re.compile(r"^(?:\$\$?|\\\[)|(?:\$\$?|\\\])$")
_LEFT_OUT = {"abandon", "header", "footer", "page_number", "figure", "page_footnote"}  # as in OmniDocBench's text score


def _lines(place: Path | None) -> Iterator[Example]:
    """Rows with a picture and its `text`."""
    for number, row in enumerate(rows_of(LINES.files(place))):
        yield Example(str(number), READ, Expected((row.text("text"),)), "text", partial(pictures_of, row))


def _pages(place: Path | None) -> Iterator[Example]:
    for file, text in _pairs(place, "pages", ".txt"):
        yield Example(file.stem, READ, Expected((text,)), "text", partial(_page, file))


def _tables(place: Path | None) -> Iterator[Example]:
    for file, text in _pairs(place, "tables", ".html"):
        yield Example(file.stem, TO_HTML, Expected((text,)), "table", partial(_page, file))


def _pairs(place: Path | None, name: str, suffix: str) -> Iterator[tuple[Path, str]]:
    """Pictures of a folder, each with the text from the file of the same name with `suffix`."""
    if place is None or not place.is_dir():
        raise ValueError(f"{name} has to be given a folder: {name}=FOLDER{f', got {place}' if place else ''}")
    pictures = [file for file in sorted(place.iterdir()) if kind_by_suffix(file.suffix.lower()) == "image"]
    found = [file for file in pictures if file.with_suffix(suffix).is_file()]
    if not found:
        raise ValueError(f"{place} holds {len(pictures)} pictures, but 0 with a {suffix} of the same name beside them")
    for file in found:
        try:
            yield file, file.with_suffix(suffix).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{file.with_suffix(suffix)} is not UTF-8 text: {error}") from error


def _page(file: Path) -> tuple[Part, ...]:
    return (Image(file),)


def _omnidocbench(place: Path | None) -> Iterator[Example]:
    """The text of a page from its blocks in reading order; tables and formulas as annotated."""
    for number, row in enumerate(rows_of(OMNIDOCBENCH.files(place))):
        page = _annotated(row)
        info, blocks = page.get("page_info"), page.get("layout_dets")
        if not isinstance(info, Mapping) or not isinstance(blocks, list):
            page.text("page_info and layout_dets")
        assert isinstance(info, Mapping)
        shown = row if row.has("image") else Row({PICTURES[0]: info.get("image_path")}, row.folder, row.place)
        language = str(info.get("page_attribute", {}).get("language", ""))
        expected = Expected((_page_text(_whole(blocks, page.get("extra"))),))
        yield Example(str(number), TO_MARKDOWN, expected, "page text", partial(pictures_of, shown), language)


def _annotated(row: Row) -> Row:
    """The annotations of a page; the kits' TSV has them as JSON in `answer`, beside the picture's column."""
    if not row.has("answer"):
        return row
    fields = parsed(row.text("answer"))
    return Row(fields, row.folder, row.place) if isinstance(fields, Mapping) else row


def _whole(blocks: list[Mapping[str, Any]], extra: Any) -> list[Mapping[str, Any]]:
    """Joins blocks whose text continues in another, such as in the next column, as the authors do for scoring."""
    relations = extra.get("relation", ()) if isinstance(extra, Mapping) else ()
    groups = [[block] for block in blocks]
    for relation in relations:
        ends = [relation.get("source_anno_id"), relation.get("target_anno_id")]
        found = [group for group in groups if any(block.get("anno_id") in ends for block in group)]
        if relation.get("relation_type") == "truncated" and len(found) == 2:
            found[0] += found[1]
            groups.remove(found[1])
    return [_joined(sorted(group, key=_place)) for group in groups]


def _joined(blocks: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    text = "".join(str(block.get("text") or "") for block in blocks)
    return {**blocks[0], "text": text} if len(blocks) > 1 else blocks[0]


def _place(block: Mapping[str, Any]) -> float:
    """Sort key in reading order; blocks without an order come last."""
    order = block.get("order")
    return order if isinstance(order, int) else math.inf


def _page_text(blocks: list[Mapping[str, Any]]) -> str:
    kept = [block for block in blocks if not block.get("ignore") and block.get("category_type") not in _LEFT_OUT]
    return "\n\n".join(filter(None, map(_block_text, sorted(kept, key=_place))))


def _block_text(block: Mapping[str, Any]) -> str:
    """A table as HTML, a formula as LaTeX between marks on separate lines, else the text."""
    if block.get("html"):
        return str(block["html"])
    if formula := str(block.get("latex") or "").strip():
        return f"{FORMULA_MARK}\n{_MARKS.sub('', formula).strip()}\n{FORMULA_MARK}"
    return html.unescape(str(block.get("text") or ""))


READING = (
    Benchmark("lines", "lines of a folder", _lines, plain_prompt, FIGURES, max_new_tokens=256),
    Benchmark("tables", "tables of a folder", _tables, plain_prompt, (Figure("TEDS"),), max_new_tokens=4096),
    Benchmark("pages", "pages of a folder", _pages, plain_prompt, (*FIGURES, WORDS), max_new_tokens=4096),
    Benchmark(
        "OmniDocBench",
        "OmniDocBench, whole pages",
        _omnidocbench,
        plain_prompt,
        PAGE_FIGURES,
        max_new_tokens=4096,
    ),
)
