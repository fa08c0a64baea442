"""Pages to text: each is cut into line crops, which are read in batches and joined in reading order.

A CPU with several threads reads several batches at a time, each in a thread of its own: the matrix products of a small
model are too small to share. Meanwhile the next page is cut.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from os import PathLike

import PIL.Image
import torch

from demiglace.conversation import Image
from demiglace.documents.segmentation.line_crops import Box, CutLine, CuttingConfig, LineCrop
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.answer import Answer
from demiglace.inference.demiglace import Demiglace
from demiglace.inference.page_turn import find_way_up, mean_confidence, turned_back
from demiglace.inference.read_page import ReadLine, ReadPage, ReadRegion, ReadWord
from demiglace.inference.word_boxes import word_boxes
from demiglace.media.document_pages import chosen_pages, drawable_pages
from demiglace.media.pictures import file_name, has_pages, kind_of, open_picture, upright_rgb

QUESTION = "Read the text."  # as the nano model is taught
LEAST_ROOM, ROOM_OF_LETTER = 16, 3  # tokens an answer may have, and for each letter of the piece
TRUSTED = 0.7  # mean confidence below which the text of a page is not to be trusted (ours, docs/reading.md)
MIN_CONFIDENCE = 0.6  # of a line: below it, one word in twelve was on the page (ours, docs/reading.md)
ROWS = 64  # most pieces of a batch (ours): a step of 64 rows takes about twice the time of one of 16
MOST_BATCHES = 4  # at a time (ours); between the products Python runs in one thread, so that more would wait
PAGES_AHEAD = 2  # ours
PAGE_DPI = 200  # of PDF pages: small letters of 6 point are 8 pixels high


def read_page(
    assistant: Demiglace, page: PIL.Image.Image, cutting: CuttingConfig | None = None, rows: int = ROWS
) -> ReadPage:
    """The text of a page, read greedily, at most `rows` pieces in a batch; docs/reading.md tells how it is cut.

    A page that lies on its side or upside down is turned first, where that is read with clearly more confidence.
    """
    with PageReader(assistant, cutting, rows) as reader:
        return reader.read(page)


class PageReader:
    """Reads pages as `read_page` does, of which several may be under way: `submit` one while another is read.

    With beams a batch has so many fewer pieces. A context; at its end what is under way is waited for.
    """

    def __init__(
        self,
        assistant: Demiglace,
        cutting: CuttingConfig | None = None,
        rows: int = ROWS,
        num_beams: int = 1,
        min_confidence: float = MIN_CONFIDENCE,
    ) -> None:
        """`min_confidence` (0 to 1): lines read with less are left out; they are rather texture than print."""
        if rows < 1:
            raise ValueError(f"rows must be at least 1, got {rows}")
        if not 0 <= min_confidence <= 1:
            raise ValueError(f"min_confidence must be between 0 and 1, got {min_confidence}")
        self.min_confidence = min_confidence
        self.sampling = replace(SamplingParams.greedy(), num_beams=num_beams)
        self.assistant, self.cutting, self.rows = assistant, cutting or CuttingConfig(), max(1, rows // num_beams)
        self._threads = torch.get_num_threads()
        on_cpu = next(assistant.model.parameters()).device.type == "cpu"
        self.num_batches = min(self._threads, MOST_BATCHES) if on_cpu else 1

    def __enter__(self) -> PageReader:
        share = self._threads // self.num_batches
        self._batches = ThreadPoolExecutor(self.num_batches, initializer=torch.set_num_threads, initargs=(share,))
        self._pages = ThreadPoolExecutor(PAGES_AHEAD, initializer=torch.set_num_threads, initargs=(share,))
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._pages, self._batches):
            pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)  # torch remembers what any thread was last given, for new ones

    def submit(self, page: PIL.Image.Image) -> Future[ReadPage]:
        """The page, read in the background; no more than `PAGES_AHEAD` are at a time."""
        return self._pages.submit(self.read, page)

    def read_all(self, pages: Iterable[PIL.Image.Image]) -> Iterator[ReadPage]:
        """The pages in order; the next are taken and cut while one is read."""
        under_way: deque[Future[ReadPage]] = deque()
        for page in pages:
            under_way.append(self.submit(page))
            if len(under_way) == PAGES_AHEAD:
                yield under_way.popleft().result()
        for future in under_way:
            yield future.result()

    def read(self, page: PIL.Image.Image) -> ReadPage:
        """A picture of any mode, upright as its EXIF says; boxes are those of the upright page. ValueError as of
        `upright_rgb`."""
        page = upright_rgb(page, file_name(page))
        way = find_way_up(page, self.cutting, self.answers)
        left = {number: piece for number, piece in enumerate(way.pieces) if number not in way.answers}
        answers = way.answers | dict(zip(left, self.answers(list(left.values())), strict=True))
        back = partial(turned_back, turn=way.turn, width=page.width, height=page.height)
        each = iter(answers[number] for number in sorted(answers))
        read = [
            [_ReadCells(line, [[next(each) for _ in cell] for cell in line.cells]) for line in region.lines]
            for region in way.regions
        ]
        kept = [[line for line in lines if line.confidence >= self.min_confidence] for lines in read]
        regions = [_region(region.box, lines, back) for region, lines in zip(way.regions, kept, strict=True)]
        num_left_out = sum(map(len, read)) - sum(map(len, kept))
        of_all = [answer for lines in (kept if any(kept) else read) for line in lines for answer in line.answers]
        written = tuple(region for region in regions if region.text)
        return ReadPage(page.width, page.height, way.turn, mean_confidence(of_all), num_left_out, written)

    def answers(self, pieces: Sequence[LineCrop]) -> list[Answer]:
        """What is written in each piece. Long ones are read with long ones, whose answers end at about the same time.

        Batches are as many as the threads or a multiple, and the longest come first, so that no thread waits long.
        """
        order = sorted(range(len(pieces)), key=lambda i: pieces[i].letters, reverse=True)
        rounds = math.ceil(len(pieces) / (self.rows * self.num_batches))
        size = max(1, math.ceil(len(pieces) / max(1, rounds * self.num_batches)))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        answered = self._batches.map(self._read_batch, [[pieces[i] for i in batch] for batch in batches])
        answers = dict(zip(order, chain.from_iterable(answered), strict=True))
        return [answers[number] for number in range(len(pieces))]

    def _read_batch(self, pieces: Sequence[LineCrop]) -> list[Answer]:
        rooms = [LEAST_ROOM + round(ROOM_OF_LETTER * piece.letters) for piece in pieces]
        sampling = [replace(self.sampling, max_new_tokens=room) for room in rooms]
        return self.assistant.batch([(QUESTION, [Image(piece.picture)]) for piece in pieces], sampling, len(pieces))


@contextmanager
def open_pages_to_read(
    path: str | PathLike[str], pages: str | None = None
) -> Iterator[list[tuple[int, Callable[[], PIL.Image.Image]]]]:
    """The chosen pages of a PDF or TIFF, in the order and as often as asked, or the one page that an image is.

    Of each there is its number, and what draws it as an RGB picture.

    Raises ValueError on what is neither, and on pages that are not there; drawing raises it for that page alone.
    """
    kind = kind_of(path)
    if kind == "document" or (pages is not None and has_pages(path)):
        with drawable_pages(path, PAGE_DPI) as drawable:
            numbers = chosen_pages(pages, drawable.count, file_name(path))
            yield [(number, partial(drawable.draw, number)) for number in numbers]
    elif kind == "image":
        yield [(1, partial(open_picture, path))]
    else:
        raise ValueError(f"{path} is a video or an animation; only images and PDFs can be read")


@dataclass(frozen=True)
class _ReadCells:
    """A line and, for each of its cells, the answers to its pieces."""

    cut: CutLine
    cells: Sequence[Sequence[Answer]]

    @property
    def answers(self) -> list[Answer]:
        return [answer for cell in self.cells for answer in cell]

    @property
    def confidence(self) -> float:
        return mean_confidence(self.answers)

    def line(self, back: Callable[[Box], Box]) -> ReadLine:
        text = " ".join(piece for answer in self.answers if (piece := answer.text.strip()))
        return ReadLine(text, back(self.cut.box), self.confidence, tuple(self._words(back)))

    def _words(self, back: Callable[[Box], Box]) -> Iterator[ReadWord]:
        for number, (pieces, answers) in enumerate(zip(self.cut.cells, self.cells, strict=True)):
            for piece, answer in zip(pieces, answers, strict=True):
                for text, box in word_boxes(answer.text, piece.marks):
                    yield ReadWord(text, back(box), answer.confidence, number)


def _region(box: Box, lines: Sequence[_ReadCells], back: Callable[[Box], Box]) -> ReadRegion:
    """Of the lines that have a text."""
    written = tuple(line for read in lines if (line := read.line(back)).text)
    confidence = mean_confidence([answer for read in lines for answer in read.answers])
    return ReadRegion("\n".join(line.text for line in written), back(box), confidence, written)
