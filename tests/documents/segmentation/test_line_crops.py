import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont
from printed_sheet import TEXT, WHOLE_LINES, WORDS, Sheet, assert_lines, covers, line_boxes

from demiglace.documents.segmentation import line_crops
from demiglace.documents.segmentation.line_crops import CuttingConfig, cut_page

SAMPLES = Path(__file__).parents[3] / "samples"


def test_paragraphs_and_headings_are_regions() -> None:
    sheet = Sheet()
    sheet.write(60, 30, "Heading", 40)
    sheet.fill(60, 120, lines=4)
    sheet.fill(60, 300, lines=5)
    assert [len(region.lines) for region in cut_page(sheet.picture, WHOLE_LINES)] == [1, 4, 5]


@pytest.mark.parametrize(("paper", "ink"), [("black", "white"), ("#d8c8a0", "#604020"), ("#30405a", "#b0c0d0")])
def test_any_ink_on_any_paper(paper: str, ink: str) -> None:
    sheet = Sheet(paper=paper)
    for number in range(8):
        sheet.write(60, 60 + 40 * number, " ".join(WORDS[number : number + 6]), ink=ink)
    assert_lines(cut_page(sheet.picture, WHOLE_LINES), sheet.boxes)


def test_light_print_on_a_dark_bar() -> None:
    sheet = Sheet()
    sheet.draw.rectangle((40, 40, 860, 100), "#203040")
    sheet.write(60, 55, "White words on a dark bar", 24, "white")
    sheet.fill(60, 140, lines=8)
    assert_lines(cut_page(sheet.picture, WHOLE_LINES), sheet.boxes)


def test_lines_set_solid_are_no_dark_bar() -> None:
    sheet = Sheet(width=1000)
    for number in range(14):
        sheet.write(60, 60 + 19 * number, " ".join(WORDS[number : number + 9]), 20)
    found = line_boxes(cut_page(sheet.picture, WHOLE_LINES))
    assert len(found) == 14
    assert max(box[3] - box[1] for box in found) < 1.5 * 19


@pytest.mark.parametrize("size", [20, 24, 30])
def test_print_of_needles_is_read_as_letters(size: int) -> None:
    """A row in three has less than half of the ink, a column in three a half of it."""
    sheet = Sheet()
    for number in range(8):
        sheet.write(60, 60 + 40 * number, " ".join(WORDS[number : number + 6]), size, "#6c6c6c")
    ink = 255 - np.asarray(sheet.picture).astype(float)
    ink[::3] *= 0.4
    ink[:, ::3] *= 0.5
    assert_lines(cut_page(Image.fromarray((255 - ink).astype(np.uint8)), WHOLE_LINES), sheet.boxes)


def test_shadows_at_the_edges_of_a_scan_are_no_print() -> None:
    sheet = Sheet()
    sheet.fill(60, 60, lines=12)
    for top in range(80, 600, 130):
        sheet.draw.rectangle((0, top, 6, top + 40), "#303030")
        sheet.draw.rectangle((893, top + 60, 899, top + 90), "black")
    assert_lines(cut_page(sheet.picture, WHOLE_LINES), sheet.boxes)


def test_uneven_light() -> None:
    sheet = Sheet()
    sheet.fill(60, 60, lines=12)
    light = np.linspace(1.0, 0.35, sheet.picture.width)[:, None]
    shaded = Image.fromarray((np.asarray(sheet.picture) * light).astype(np.uint8))
    assert_lines(cut_page(shaded, WHOLE_LINES), sheet.boxes)


def test_frames_and_rules_are_no_print() -> None:
    sheet = Sheet()
    sheet.draw.rectangle((30, 30, 870, 670), outline="black", width=3)
    sheet.draw.line((30, 110, 870, 110), "black", 2)
    sheet.write(60, 60, "In the frame and above the rule")
    sheet.fill(60, 140, lines=6)
    assert_lines(cut_page(sheet.picture, WHOLE_LINES), sheet.boxes)


@pytest.mark.parametrize("angle", [-2.0, 1.2])
def test_a_tilted_page_is_straightened(angle: float) -> None:
    """`angle` is counter-clockwise; boxes are those on the page as it was given."""
    sheet = Sheet()
    sheet.fill(100, 100, lines=14, words=8)
    tilted = sheet.picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor="white")
    regions = cut_page(tilted, WHOLE_LINES)
    assert len(line_boxes(regions)) == len(sheet.boxes)
    centre, turn = np.array([450, 350]), np.deg2rad(-angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for box, level in zip(line_boxes(regions), sheet.boxes, strict=True):
        middle = np.mean([level[:2], level[2:]], axis=0)
        assert np.abs(rotation @ (middle - centre) + centre - np.mean([box[:2], box[2:]], axis=0)).max() < 8
    for region in regions:
        assert all(piece.picture.height < 45 for line in region.lines for piece in line.pieces)


def test_long_lines_are_cut_between_words() -> None:
    sheet = Sheet(1400, 200)
    sheet.write(50, 80, TEXT, 24)
    sheet.write(50, 20, "short", 24)  # so that the picture is no line alone
    font = ImageFont.load_default(24)
    *_, long = [line for region in cut_page(sheet.picture, CuttingConfig(most_letters=20)) for line in region.lines]
    assert 4 <= len(long.pieces) <= 6
    widths = [piece.picture.width for piece in long.pieces]
    assert max(widths) < 1.8 * min(widths)
    ends = np.cumsum([font.getlength(f"{word} ") for word in WORDS]) + 50
    for piece, following in pairwise(long.pieces):
        border = (piece.box[2] + following.box[0]) / 2
        assert np.abs(ends - border).min() < 6  # the middle of a space lies 3 pixels before its end


def test_the_parts_of_a_line_tile_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_crops, "MARGIN", 0)
    sheet = Sheet(1400, 300)
    sheet.fill(50, 50, lines=4, words=14, size=24)
    for region in cut_page(sheet.picture, CuttingConfig(most_letters=12)):
        for line in region.lines:
            assert all(one.box[2] <= other.box[0] for one, other in pairwise(line.pieces))
            ink = np.asarray(sheet.picture.convert("L").crop([int(side) for side in line.box])) < 128
            inside = sum((np.asarray(piece.picture.convert("L")) < 128).sum() for piece in line.pieces)
            assert inside == ink.sum()


@pytest.mark.parametrize("name", ["line.png", "heading.png"])
def test_a_line_alone_is_left_whole(name: str) -> None:
    picture = Image.open(SAMPLES / name).convert("RGB")
    (region,) = cut_page(picture, CuttingConfig())
    (line,) = region.lines
    (piece,) = line.pieces
    assert piece.picture is picture
    assert piece.box == line.box == region.box == (0, 0, *picture.size)


def test_two_short_lines_are_left_whole() -> None:
    sheet = Sheet(170, 80)
    sheet.write(12, 10, "12 Long Street")
    sheet.write(12, 42, "Smallville")
    (region,) = cut_page(sheet.picture, CuttingConfig())
    assert region.lines[0].pieces[0].picture is sheet.picture


def test_a_line_on_a_large_sheet_is_cut_out() -> None:
    sheet = Sheet()
    sheet.write(300, 300, "alone")
    (region,) = cut_page(sheet.picture, CuttingConfig())
    assert covers(region.box, sheet.boxes[0])
    assert region.lines[0].pieces[0].picture.height < 45


def test_the_curved_photograph_of_a_page() -> None:
    regions = cut_page(Image.open(SAMPLES / "page.png").convert("RGB"), WHOLE_LINES)
    assert [len(region.lines) for region in regions][:2] == [1, 5]


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (900, 700)])
@pytest.mark.parametrize("colour", ["white", "black", "#808080"])
def test_nothing_is_found_where_nothing_is(size: tuple[int, int], colour: str) -> None:
    assert cut_page(Image.new("RGB", size, colour), CuttingConfig()) == []


@pytest.mark.parametrize("size", [(200_000, 1), (1, 200_000), (200_000, 9)])
def test_a_strip_takes_no_more_than_its_pixels(size: tuple[int, int]) -> None:
    """Filled up to square cells it would take a thousand times as much."""
    strip = Image.new("RGB", size, "white")
    strip.paste("black", (size[0] // 3, size[1] // 3, size[0] // 2 + 1, size[1] // 2 + 1))
    tracemalloc.start()
    cut_page(strip, CuttingConfig())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * size[0] * size[1] + 2**24


def test_a_strip_is_not_turned_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    angles = []
    turn = Image.Image.rotate
    monkeypatch.setattr(line_crops, "skew", lambda *_: 3.0)
    monkeypatch.setattr(
        Image.Image,
        "rotate",
        lambda image, angle, *more, **named: (angles.append(angle), turn(image, angle, *more, **named))[1],
    )
    strip = Image.new("RGB", (4000, 40), "white")
    cut_page(strip, CuttingConfig())
    monkeypatch.setattr(line_crops, "MAX_PIXELS", 500_000)
    cut_page(strip, CuttingConfig())
    assert angles == [3.0]


def test_paper_with_grain_is_empty() -> None:
    grain = np.random.default_rng(0).normal(200, 6, (600, 500, 1)).clip(0, 255).astype(np.uint8)
    assert cut_page(Image.fromarray(grain.repeat(3, axis=2)), CuttingConfig()) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 120), st.integers(1, 120), st.integers(0, 10**6), st.sampled_from([1, 4, 9]))
def test_whatever_it_shows_pieces_lie_on_the_page(width: int, height: int, seed: int, grain: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (-(-height // grain), -(-width // grain), 3), dtype=np.uint8)
    picture = Image.fromarray(pixels.repeat(grain, axis=0).repeat(grain, axis=1)).crop((0, 0, width, height))
    for region in cut_page(picture, CuttingConfig()):
        for line in region.lines:
            assert covers(region.box, line.box, slack=0)
            for piece in line.pieces:
                assert covers(line.box, piece.box, slack=0)
                assert covers((0, 0, width, height), piece.box, slack=0)
                assert min(piece.picture.size) > 0


def test_a_piece_holds_a_letter_at_least() -> None:
    with pytest.raises(ValueError, match="most_letters must be at least 1, got 0"):
        CuttingConfig(most_letters=0)
