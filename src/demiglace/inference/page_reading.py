"""Pages to text: each is cut into line crops, which are read in batches and joined in reading order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from os import PathLike

import PIL.Image

from demiglace.conversation import Image
from demiglace.documents.segmentation.line_crops import Box, CutLine, CutRegion, CuttingConfig, LineCrop
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.answer import Answer
from demiglace.inference.demiglace import Demiglace
from demiglace.inference.page_turn import find_way_up, mean_confidence, turned_back
from demiglace.media.document_pages import chosen_pages, drawable_pages
from demiglace.media.pictures import file_name, has_pages, kind_of, open_picture

QUESTION = "Read the text."  # as the nano model is taught
LEAST_ROOM, ROOM_OF_LETTER = 16, 3  # tokens an answer may have, and for each letter of the piece
TRUSTED = 0.7  # mean confidence below which the text of a page is not to be trusted (ours, docs/reading.md)
PAGE_DPI = 200  # of PDF pages: small letters of 6 point are 8 pixels high


@dataclass(frozen=True)
class ReadLine:
    """box: left, top, right, bottom in pixels of the page. confidence: geometric mean probability of its tokens."""

    text: str
    box: Box
    confidence: float


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
    confidence: geometric mean probability of all tokens, 1 of none.
    """

    width: int
    height: int
    turn: int
    confidence: float
    regions: tuple[ReadRegion, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(region.text for region in self.regions)


def read_page(
    assistant: Demiglace, page: PIL.Image.Image, cutting: CuttingConfig | None = None, rows: int = 16
) -> ReadPage:
    """The text of an RGB page, read greedily, `rows` pieces at a time; docs/reading.md tells how it is cut.

    A page that lies on its side or upside down is turned first, where that is read with clearly more confidence.
    """
    if rows < 1:
        raise ValueError(f"at least 1 piece has to be read at a time, got {rows}")
    read = partial(_answers, assistant, rows=rows)
    way = find_way_up(page, cutting or CuttingConfig(), read)
    left = {number: piece for number, piece in enumerate(way.pieces) if number not in way.answers}
    answers = way.answers | dict(zip(left, read(list(left.values())), strict=True))
    in_order = [answers[number] for number in sorted(answers)]
    back = partial(turned_back, turn=way.turn, width=page.width, height=page.height)
    each = iter(in_order)
    regions = [_region(region, each, back) for region in way.regions]
    written = tuple(region for region in regions if region.text)
    return ReadPage(page.width, page.height, way.turn, mean_confidence(in_order), written)


@contextmanager
def open_pages_to_read(
    path: str | PathLike[str], pages: str | None = None
) -> Iterator[Mapping[int, Callable[[], PIL.Image.Image]]]:
    """The chosen pages of a PDF or TIFF, or the one page that an image is: by number, what draws it as an RGB picture.

    Raises ValueError on what is neither, and on pages that are not there; drawing raises it for that page alone.
    """
    kind = kind_of(path)
    if kind == "document" or (pages is not None and has_pages(path)):
        with drawable_pages(path, PAGE_DPI) as drawable:
            numbers = chosen_pages(pages, drawable.count, file_name(path))
            yield {number: partial(drawable.draw, number) for number in numbers}
    elif kind == "image":
        yield {1: partial(open_picture, path)}
    else:
        raise ValueError(f"{path} is a video or an animation; images and PDFs are read")


def _answers(assistant: Demiglace, pieces: Sequence[LineCrop], rows: int) -> list[Answer]:
    """Long pieces are read with long ones: the rows of a batch wait for the last of them."""
    order = sorted(range(len(pieces)), key=lambda i: pieces[i].picture.width / pieces[i].picture.height)
    sampling = [SamplingParams.greedy(LEAST_ROOM + round(ROOM_OF_LETTER * pieces[i].letters)) for i in order]
    requests = [(QUESTION, [Image(pieces[i].picture)]) for i in order]
    answers = assistant.batch(requests, sampling, rows)
    return [answer for _, answer in sorted(zip(order, answers, strict=True), key=lambda pair: pair[0])]


def _region(region: CutRegion, answers: Iterator[Answer], back: Callable[[Box], Box]) -> ReadRegion:
    """Takes as many of the answers as the region has pieces."""
    read = [[next(answers) for _ in line.pieces] for line in region.lines]
    lines = [_line(line, some, back) for line, some in zip(region.lines, read, strict=True)]
    written = tuple(line for line in lines if line.text)
    confidence = mean_confidence([answer for some in read for answer in some])
    return ReadRegion("\n".join(line.text for line in written), back(region.box), confidence, written)


def _line(line: CutLine, answers: Sequence[Answer], back: Callable[[Box], Box]) -> ReadLine:
    text = " ".join(said for answer in answers if (said := answer.text.strip()))
    return ReadLine(text, back(line.box), mean_confidence(answers))
