"""Orientation of a page: if confidence is low, a few of its line crops are read at each rotation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import PIL.Image

from demiglace.documents.segmentation.line_crops import Box, CutRegion, CuttingConfig, LineCrop, cut_page
from demiglace.inference.answer import Answer

Read = Callable[[Sequence[LineCrop]], list[Answer]]

# Ours, measured with the nano model on pages at each rotation: docs/reading.md, benchmarks/page_turns.py.
PIECES = 8  # line crops read at each rotation
LEAST_LETTERS = 6  # of such a crop, if the page has any that long: shorter ones look alike at each rotation
SURE = 0.85  # mean confidence from which a page is not rotated, and no other rotation is tried
MOST_DOUBT_LEFT = 0.7  # at most this share of the doubt (1 - confidence) without rotation counts as clearly better
LEAST_TOKENS = 6  # needed to judge another rotation: a letter or two prove nothing

_TURNS = {90: PIL.Image.Transpose.ROTATE_270, 180: PIL.Image.Transpose.ROTATE_180, 270: PIL.Image.Transpose.ROTATE_90}


@dataclass(frozen=True)
class Way:
    """A page that was rotated clockwise by `turn` degrees and then cut.

    answers: of the pieces read so far, by the number of the piece in reading order.
    """

    turn: int
    regions: list[CutRegion]
    answers: dict[int, Answer]

    @property
    def pieces(self) -> list[LineCrop]:
        return [piece for region in self.regions for line in region.lines for piece in line.pieces]

    @property
    def confidence(self) -> float:
        return mean_confidence(list(self.answers.values()))


def find_way_up(page: PIL.Image.Image, cutting: CuttingConfig, read: Read) -> Way:
    """The rotation at which an RGB page is to be read; none, unless another is clearly better."""
    return better_way(tried(page, 0, cutting, read), (tried(page, turn, cutting, read) for turn in _TURNS))


def better_way(lying: Way, others: Iterable[Way]) -> Way:
    """The page without rotation, or one of the other rotations, which are tried only if its confidence is low."""
    if not lying.answers or lying.confidence >= SURE:
        return lying
    best = max(others, key=lambda way: way.confidence)
    is_known = sum(map(num_tokens, best.answers.values())) >= LEAST_TOKENS
    is_clearer = 1 - best.confidence <= MOST_DOUBT_LEFT * (1 - lying.confidence)
    return best if is_known and is_clearer else lying


def mean_confidence(answers: Sequence[Answer]) -> float:
    """The geometric mean over the tokens of all answers, including end tokens; 1 without answers."""
    logs = [num_tokens(answer) * math.log(max(answer.confidence, 1e-30)) for answer in answers]
    return math.exp(sum(logs) / sum(map(num_tokens, answers))) if answers else 1.0


def num_tokens(answer: Answer) -> int:
    return answer.new_tokens + (answer.stopped_by == "end")


def turned_back(box: Box, turn: int, width: int, height: int) -> Box:
    """A box on a page rotated clockwise by `turn` degrees, mapped to the unrotated page of `width` x `height`."""
    left, top, right, bottom = box
    if turn == 90:
        return top, height - right, bottom, height - left
    if turn == 180:
        return width - right, height - bottom, width - left, height - top
    if turn == 270:
        return width - bottom, left, width - top, right
    return box


def tried(page: PIL.Image.Image, turn: int, cutting: CuttingConfig, read: Read) -> Way:
    """The page, rotated and cut, with a few of its pieces read."""
    regions = cut_page(page.transpose(_TURNS[turn]) if turn else page, cutting)
    pieces = Way(turn, regions, {}).pieces
    numbers = [number for number, piece in enumerate(pieces) if piece.letters >= LEAST_LETTERS] or range(len(pieces))
    count = min(PIECES, len(numbers))
    chosen = [numbers[index * len(numbers) // count] for index in range(count)]  # from all over the page
    return Way(turn, regions, dict(zip(chosen, read([pieces[number] for number in chosen]), strict=True)))
