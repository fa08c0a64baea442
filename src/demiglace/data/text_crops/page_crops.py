"""Crops of pages: a few words or lines with a box for every character."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from demiglace.documents.page import Line, Page
from demiglace.documents.text_layer.pdf_pages import read_pdf
from demiglace.media.document_pages import count_pages
from demiglace.records.bad_record import BadRecord
from demiglace.typography.corpus import ALPHABET
from demiglace.typography.rendering import Rendered

COARSEST, FINEST = 80, 220  # dots per inch at which pages are drawn (ours)
PAGES_AT_HAND = 8  # cached, because rendering a page is slow and each stream of a loader is at a different one
MOST_TRIES = 100  # limit on pages rendered until one has text: many folders have mostly scanned pages
LEAST_LETTERS = 0.4  # share of letters and digits in a line that is shown
WIDEST_MARGIN = 0.35  # of a line's height, around a window


def random_window(rng: np.random.Generator, page: Page, max_lines: int, max_characters: int) -> Rendered | None:
    """1 to `max_lines` consecutive lines of `page`, or a piece of one, with at most `max_characters` in all.

    None if the page has no line of text in `corpus.ALPHABET`. The margins show the surroundings.
    """
    legible = [number for number, line in enumerate(page.lines) if _is_prose(line.text)]
    if not legible:
        return None
    sizes = np.array([len(page.lines[number].text) for number in legible], float)
    first = legible[int(rng.choice(len(legible), p=sizes / sizes.sum()))]
    lines = [_piece(rng, page.lines[first], max_characters)]
    if lines[0] is page.lines[first]:
        block = next(block for block in page.blocks if first in block)
        for number in range(first + 1, min(block.stop, first + int(rng.integers(1, max_lines + 1)))):
            if number not in legible or sum(len(page.lines[n].text) for n in range(first, number + 1)) > max_characters:
                break
            lines.append(page.lines[number])
    return _cut_out(rng, page.picture, lines)


def pdfs_in(folder: Path) -> list[Path]:
    """The PDFs of a folder, by name, without hidden files; ValueError if there is none."""
    files = sorted(path for path in folder.glob("*.pdf") if not path.name.startswith("."))
    if not files:
        raise ValueError(f"no PDF in {folder}")
    return files


@lru_cache(maxsize=PAGES_AT_HAND)
def drawn_page(folder: Path, seed: tuple[int, ...]) -> Page:
    """A page of the PDFs in `folder`, chosen and rendered by `seed`.

    Raises BadRecord if a PDF cannot be read, or no page tried has usable text.
    """
    rng = np.random.default_rng(seed)
    files = pdfs_in(folder)
    for _ in range(MOST_TRIES):
        path = files[int(rng.integers(len(files)))]
        try:
            number = int(rng.integers(1, _num_pages(path) + 1))
            page = next(read_pdf(path, str(number), dpi=int(rng.integers(COARSEST, FINEST + 1))))
        except (ValueError, OSError) as error:
            raise BadRecord(str(path), str(error)) from error
        if isinstance(page, Page):
            return page
    raise BadRecord(str(folder), f"{MOST_TRIES} pages drawn from it, and none has text that can be trusted")


@lru_cache(maxsize=256)
def _num_pages(path: Path) -> int:
    return count_pages(path)


@lru_cache(maxsize=1)
def _alphabet() -> frozenset[str]:
    return frozenset(ALPHABET)


def _is_prose(text: str) -> bool:
    """Whether a line is text, not dots leading to a page number or a rule of dashes."""
    return set(text) <= _alphabet() and sum(map(str.isalnum, text)) > LEAST_LETTERS * len(text)


def _piece(rng: np.random.Generator, line: Line, max_characters: int) -> Line:
    """The whole line if it is no longer than a random limit, else some of its words."""
    wanted = max(1, round(max_characters ** rng.uniform(0.65, 1.0)))
    if len(line.text) <= wanted:
        return line
    starts = [0, *(n + 1 for n, character in enumerate(line.text) if character == " ")]
    begin = starts[int(rng.integers(len(starts)))]
    end = line.text.rfind(" ", begin, begin + wanted + 1) if len(line.text) - begin > wanted else len(line.text)
    end = min(begin + wanted, len(line.text)) if end <= begin else end
    characters = line.characters[begin:end]
    box = (float(characters[0, 0]), line.box[1], float(characters[-1, 2]), line.box[3])
    return Line(line.text[begin:end], box, characters)


def _cut_out(rng: np.random.Generator, picture: np.ndarray, lines: list[Line]) -> Rendered:
    boxes = np.concatenate([line.characters for line in lines])
    hulls = np.array([line.box for line in lines])
    height = float(np.median(hulls[:, 3] - hulls[:, 1]))
    left, top, right, bottom = rng.uniform(-0.02, WIDEST_MARGIN, 4) * height
    if len(lines) == 1:  # the words next to a piece must stay outside
        left, right = min(left, 0.12 * height), min(right, 0.12 * height)
    x0, y0 = max(0, int(hulls[:, 0].min() - left)), max(0, int(hulls[:, 1].min() - top))
    x1, y1 = int(np.ceil(hulls[:, 2].max() + right)), int(np.ceil(hulls[:, 3].max() + bottom))
    crop = np.ascontiguousarray(picture[y0:y1, x0:x1])
    size = (crop.shape[1], crop.shape[0])
    moved = (boxes - np.array([x0, y0, x0, y0])).clip(0, np.tile(size, 2)).astype(np.float32)
    line_of = np.repeat(np.arange(len(lines)), [len(line.text) for line in lines])
    return Rendered(crop, "\n".join(line.text for line in lines), moved, line_of)
