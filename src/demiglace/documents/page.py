"""A page of a document: its picture, and the text printed on it with a box for every character."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

Box = tuple[float, float, float, float]
Unit = Literal["word", "line", "block"]

_WORD = re.compile(r"\S+")


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that contains all of `boxes`, at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


@dataclass(frozen=True)
class Line:
    """One line of print.

    text: as it is read, without newline; words are separated by one space.
    box: left, top, right, bottom in pixels of the page's picture; it covers the ink.
    characters: float32 (len(text), 4), the box of every character, spaces included, each as high as the line.
    """

    text: str
    box: Box
    characters: np.ndarray


@dataclass(frozen=True)
class Region:
    """A piece of text on a page: its lines joined by newlines, and one box for each of them."""

    text: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Page:
    """A page and the text on it.

    name: file and page number from 1, such as "paper.pdf#3", or the picture's file.
    picture: uint8 (height, width, 3).
    lines: in reading order.
    blocks: lines that belong together, as ranges of line numbers; they tile the lines.
    dropped: reason -> number of characters of the text layer that were left out.
    """

    name: str
    picture: np.ndarray
    lines: tuple[Line, ...]
    blocks: tuple[range, ...]
    dropped: Mapping[str, int]


@dataclass(frozen=True)
class Skipped:
    """A page that gives no sample, and the reason: scanned without text, or broken."""

    name: str
    why: str


def regions(page: Page, unit: Unit) -> list[Region]:
    """The page's text in reading order, one region for each word, line or block."""
    if unit == "word":
        return [word for line in page.lines for word in _words(line)]
    groups = page.blocks if unit == "block" else [range(n, n + 1) for n in range(len(page.lines))]
    return [_joined([page.lines[number] for number in group]) for group in groups]


def page_of(
    name: str,
    picture: np.ndarray,
    lines: Sequence[Line | None],
    blocks: Iterable[Sequence[int]],
    dropped: Mapping[str, int],
) -> Page:
    """A page with `lines` in the order in which `blocks` list them; None is a dropped line and splits its block."""
    kept: list[Line] = []
    ranges: list[range] = []
    for block in blocks:
        for sound, part in groupby((lines[number] for number in block), lambda line: line is not None):
            if sound:
                start = len(kept)
                kept.extend(line for line in part if line)
                ranges.append(range(start, len(kept)))
    return Page(name, picture, tuple(kept), tuple(ranges), dict(dropped))


def line_of(pieces: Sequence[tuple[str, float, float]], box: Box) -> Line:
    """A line in `box` made of pieces (text, left, right), spaces included, from left to right."""
    _, top, _, bottom = box
    characters = [divide((left, top, max(left, right), bottom), text) for text, left, right in pieces]
    return Line("".join(text for text, _, _ in pieces), box, np.concatenate(characters))


def divide(box: Box, text: str) -> np.ndarray:
    """float32 (len(text), 4): `box` divided from left to right among the characters by typical widths (ours)."""
    left, top, right, bottom = box
    if len(text) == 1:
        return np.array([box], dtype=np.float32)
    widths = np.array([_relative_width(character) for character in text])
    edges = left + (right - left) * np.append(0.0, widths.cumsum() / widths.sum())
    tops, bottoms = np.full(len(text), top), np.full(len(text), bottom)
    return np.stack([edges[:-1], tops, edges[1:], bottoms], axis=1).astype(np.float32)


def hull(boxes: np.ndarray) -> Box:
    """The smallest box around `boxes` (n, 4), n at least 1."""
    left, top = boxes[:, :2].min(0).tolist()
    right, bottom = boxes[:, 2:].max(0).tolist()
    return left, top, right, bottom


def _relative_width(character: str) -> float:
    """In ems, about as in a book font."""
    if character in "iljtfrI.,:;'!|()[] ":
        return 0.3
    if character in "mwMW@%—":
        return 0.85
    return 0.68 if character.isupper() else 0.5


def _words(line: Line) -> Iterator[Region]:
    for match in _WORD.finditer(line.text):
        yield Region(match[0], (hull(line.characters[match.start() : match.end()]),))


def _joined(lines: list[Line]) -> Region:
    return Region("\n".join(line.text for line in lines), tuple(line.box for line in lines))
