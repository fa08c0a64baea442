"""A page that was read: regions of lines of words, each with its box and its confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demiglace.documents.page import Box


@dataclass(frozen=True)
class ReadWord:
    """A word; several, with spaces between them, where the gaps in the ink do not tell them apart.

    box: of its ink, without a margin. confidence: of the crop that it was read in. cell: the number, from 0, of the
    cell of a row that it is in; a line of prose has one.
    """

    text: str
    box: Box
    confidence: float
    cell: int


@dataclass(frozen=True)
class ReadLine:
    """box: left, top, right, bottom in pixels of the page. confidence: geometric mean probability of its tokens."""

    text: str
    box: Box
    confidence: float
    words: tuple[ReadWord, ...]


@dataclass(frozen=True)
class ReadRegion:
    """Lines that belong together; the text is theirs, joined by newlines, the confidence over all their tokens."""

    text: str
    box: Box
    confidence: float
    lines: tuple[ReadLine, ...]


@dataclass(frozen=True)
class ReadPage:
    """Regions in reading order; none where nothing was found. Width and height in pixels.

    turn: degrees clockwise by which the page was turned to be read, 0, 90, 180 or 270; boxes are those of the page as
        it was given.
    confidence: geometric mean probability of all tokens of its lines; of those left out where all are; 1 of none.
    left_out: number of lines below the least confidence, which are in no region.
    """

    width: int
    height: int
    turn: int
    confidence: float
    left_out: int
    regions: tuple[ReadRegion, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(region.text for region in self.regions)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> ReadPage:
        """From the fields of `asdict`, as JSON gives them back; others are ignored."""
        known = {name: fields[name] for name in ("width", "height", "turn", "confidence", "left_out")}
        return cls(**known, regions=tuple(map(_region, fields["regions"])))


def _region(fields: Mapping[str, Any]) -> ReadRegion:
    lines = tuple(
        ReadLine(line["text"], tuple(line["box"]), line["confidence"], tuple(map(_word, line["words"])))
        for line in fields["lines"]
    )
    return ReadRegion(fields["text"], tuple(fields["box"]), fields["confidence"], lines)


def _word(fields: Mapping[str, Any]) -> ReadWord:
    return ReadWord(fields["text"], tuple(fields["box"]), fields["confidence"], fields["cell"])
