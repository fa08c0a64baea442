"""A page that lies on its side or upside down is found by reading a few pieces each way; an upright one stays."""

from collections.abc import Iterator, Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest

from demiglace import Demiglace
from demiglace.documents.segmentation.line_crops import CuttingConfig, LineCrop
from demiglace.inference import page_turn
from demiglace.inference.answer import Answer
from demiglace.inference.page_reading import read_page
from demiglace.inference.page_turn import LEAST_TOKENS, MOST_DOUBT_LEFT, PIECES, SURE, Way, better_way, turned_back

TURNS = {90: PIL.Image.Transpose.ROTATE_270, 180: PIL.Image.Transpose.ROTATE_180, 270: PIL.Image.Transpose.ROTATE_90}
LINES = ["A short heading", "The first line of print", "and then the second one", "Total  12.50 paid in cash"]


@pytest.fixture(scope="module")
def nano() -> Demiglace:
    return Demiglace.load(device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def page() -> PIL.Image.Image:
    picture = PIL.Image.new("RGB", (520, 300), "white")
    draw = PIL.ImageDraw.Draw(picture)
    for number, line in enumerate(LINES):
        draw.text((50, 40 + 50 * number), line, "black", PIL.ImageFont.load_default(28))
    return picture


def answer(confidence: float, tokens: int = 20) -> Answer:
    return Answer("", "x" * tokens, 64, 64, tokens - 1, 0.0, 0.0, "end", confidence)


def way(turn: int, confidence: float, tokens: int = 20) -> Way:
    return Way(turn, [], {0: answer(confidence, tokens)})


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_is_read_whichever_way_it_lies(nano: Demiglace, page: PIL.Image.Image, turn: int) -> None:
    upright = read_page(nano, page)
    lying = page.transpose(TURNS[turn]) if turn else page
    read = read_page(nano, lying)
    assert upright.turn == 0
    assert read.turn == (360 - turn) % 360
    assert read.text == upright.text
    assert (read.width, read.height) == lying.size
    ink = np.asarray(lying.convert("L")) < 128
    for region in read.regions:
        for line in region.lines:
            left, top, right, bottom = map(round, line.box)
            assert ink[top:bottom, left:right].any()
            ink[top:bottom, left:right] = False
    assert not ink.any(), "boxes lie on the page as it was given, and cover all that is written"


def test_only_a_page_read_with_doubt_is_tried_each_way() -> None:
    def others() -> Iterator[Way]:
        pytest.fail("another way was tried")
        yield

    for lying in (way(0, SURE), Way(0, [], {})):
        assert better_way(lying, others()) is lying


@pytest.mark.parametrize(
    ("others", "turn"),
    [
        ({90: 0.3, 180: 1 - 0.49 * MOST_DOUBT_LEFT, 270: 0.4}, 180),
        ({90: 0.3, 180: 1 - 0.51 * MOST_DOUBT_LEFT, 270: 0.64}, 0),
        ({90: 0.99, 180: 0.8, 270: 0.1}, 90),
    ],
)
def test_another_way_must_be_clearly_better(others: dict[int, float], turn: int) -> None:
    assert better_way(way(0, 0.5), [way(*other) for other in others.items()]).turn == turn


def test_a_letter_or_two_turn_no_page() -> None:
    assert better_way(way(0, 0.3), [way(180, 0.99, LEAST_TOKENS - 1)]).turn == 0
    assert better_way(way(0, 0.3), [way(180, 0.99, LEAST_TOKENS)]).turn == 180


def test_few_pieces_are_read_to_find_the_way(page: PIL.Image.Image) -> None:
    asked: list[int] = []

    def read(pieces: Sequence[LineCrop]) -> list[Answer]:
        asked.append(len(pieces))
        return [answer(0.5) for _ in pieces]

    page_turn.find_way_up(page, CuttingConfig(most_letters=2), read)
    assert asked == [PIECES] * 4


@pytest.mark.parametrize("turn", TURNS)
def test_boxes_are_turned_back(turn: int) -> None:
    page = np.zeros((60, 40), np.uint8)
    page[10:25, 5:12] = 255
    turned = np.asarray(PIL.Image.fromarray(page).transpose(TURNS[turn]))
    rows, columns = np.nonzero(turned)
    box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
    assert turned_back(box, turn, 40, 60) == (5, 10, 12, 25)


def test_an_empty_page_stays_as_it_is(nano: Demiglace) -> None:
    read = read_page(nano, PIL.Image.new("RGB", (300, 400), "white"))
    assert (read.turn, read.confidence, read.regions) == (0, 1.0, ())
