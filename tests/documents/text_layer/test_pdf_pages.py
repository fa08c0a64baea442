"""PDFs written here, and how each kind of disagreement between layer and picture is found."""

import re
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdf_writer import HEIGHT, Sheet, show, write_pdf
from real_data import DATA, needs_real_data

from demiglace.documents.page import Page, Skipped, regions
from demiglace.documents.text_layer import pdf_glyphs
from demiglace.documents.text_layer.pdf_pages import read_pdf

PANGRAM = "the quick brown fox jumps over lazy dogs"
LETTERS = len(PANGRAM.replace(" ", ""))
TRUE_MAP = {code: chr(code) for code in range(97, 123)} | {32: " "}
SEEN = show("seen", 20, 200)


@pytest.fixture
def read(tmp_path):
    """The first page of a PDF of the given sheets."""
    return lambda *sheets, **options: next(read_pdf(write_pdf(tmp_path / "made.pdf", *sheets), **options))


def own_map(text: str, **changes: str) -> Sheet:
    """A line in a font whose letters are said to be what `changes` says, above one that is as it should be."""
    to_unicode = TRUE_MAP | {ord(letter): said for letter, said in changes.items()}
    return Sheet(show(text, 20, 250, "Own") + SEEN, fonts=(("Own", to_unicode),))


def texts(page: Page) -> list[str]:
    return [line.text for line in page.lines]


def ink_left(page: Page, boxes: np.ndarray) -> int:
    """Pixels of ink outside the boxes, rounded outwards."""
    ink = page.picture.min(-1) < 250
    for left, top, right, bottom in boxes:
        ink[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = False
    return int(ink.sum())


def test_text_comes_as_lines_of_a_block(read):
    page = read(show(PANGRAM, 20, 250) + show("(second) line: 12 % of it", 20, 236) + show("apart", 20, 150))
    assert texts(page) == [PANGRAM, "(second) line: 12 % of it", "apart"]
    assert page.blocks == (range(2), range(2, 3))
    assert (page.name, page.dropped) == ("made.pdf#1", {})
    assert (page.picture.shape, page.picture.dtype) == ((2 * HEIGHT, 800, 3), np.uint8)


@pytest.mark.parametrize("font", ["Sans", "Serif", "Mono"])
@pytest.mark.parametrize("dpi", [72, 144])
def test_boxes_cover_the_ink(read, font, dpi):
    page = read(show("Jumping fjords, quilty", 20, 250, font) + show("WAY Toff", 20, 220, font, 20), dpi=dpi)
    for unit in ("word", "line"):
        assert ink_left(page, [box for region in regions(page, unit) for box in region.boxes]) == 0


def test_every_character_has_its_place(read):
    (line,) = read(show("ab cd", 50, 250, "Mono", 20)).lines
    pitch = 24  # pixels: 0.6 em of 20 points
    starts = 100 + pitch * np.arange(5)
    assert line.characters.shape == (5, 4)
    assert line.characters.dtype == np.float32
    assert line.characters[:, 0] == pytest.approx(starts, abs=2)
    assert line.characters[:, 2] == pytest.approx(starts + pitch, abs=2)
    assert (line.characters[:, [1, 3]] == np.float32([line.box[1], line.box[3]])).all()


def test_lines_are_in_the_pixels_of_the_picture(read):
    low, high = read(show("words", 20, 100), dpi=72).lines[0].box, read(show("words", 20, 100), dpi=144).lines[0].box
    assert np.array(high) == pytest.approx(2 * np.array(low), abs=3)
    assert low[1] < HEIGHT - 100 < low[3]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8), max_size=5))
def test_what_is_written_is_read(tmp_path, words):
    page = next(read_pdf(write_pdf(tmp_path / "made.pdf", show(" ".join(["A", *words, "B"]), 10, 250, "Serif", 10))))
    assert texts(page) == [" ".join(["A", *words, "B"]).replace("'", "’").replace("`", "‘")]  # the font's own quotes


def test_turned_pages_come_as_readers_show_them(read):
    page = read(Sheet(show("upright words", 300, 20, matrix="0 1 -1 0") + show("lying", 20, 20), "/Rotate 90"))
    assert (texts(page), page.dropped) == (["upright words"], {"rotated": 5})
    assert page.picture.shape[:2] == (800, 600)
    assert ink_left(page, [page.lines[0].box]) < ink_left(page, []) / 2


@pytest.mark.parametrize(
    ("content", "dropped"),
    [
        ("3 Tr\n" + show(PANGRAM, 20, 250) + "0 Tr\n", {"invisible": LETTERS}),
        ("1 g\n" + show(PANGRAM, 20, 250) + "0 g\n", {"no contrast": LETTERS}),
        (show(PANGRAM, 20, 250) + "0.8 g 10 240 300 30 re f 0 g\n", {"no contrast": LETTERS}),
        ("q 0 0 400 220 re W n\n" + show(PANGRAM, 20, 250) + "Q\n", {"no contrast": LETTERS}),
        (show("turned", 20, 220, matrix="0 1 -1 0"), {"rotated": 6}),
        (show("slanting", 20, 220, matrix="0.9 0.3 -0.3 0.9"), {"rotated": 8}),
        (show("mirrored", 120, 250, matrix="-1 0 0 1"), {"rotated": 8}),
        (show("beyond", 500, 250), {"outside": 6}),
        (show("cut off", 380, 250), {"outside": 3, "beside a dropped character": 3}),
        (show("aa", 20, 250, "Nameless"), {"unmapped": 2}),
    ],
    ids=["Tr 3", "white on white", "covered", "clipped", "turned", "slanting", "mirrored", "off", "cut", "no map"],
)
def test_glyphs_that_are_not_to_be_read_are_found(read, content, dropped):
    page = read(content + SEEN)
    assert (texts(page), page.dropped) == (["seen"], dropped)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("\ue012", "private use"),
        ("\ufffd", "unmapped"),
        ("\x07", "control character"),
        ("א", "right to left"),
        ("office", "shared box"),
    ],
)
def test_maps_to_no_letter_are_found(read, said, reason):
    page = read(own_map("hidden", d=said))
    assert texts(page) == ["seen"]
    assert page.dropped == {reason: 2 * len(said), "beside a dropped character": 4}


def test_a_true_map_of_its_own_is_taken(read):
    page = read(own_map(PANGRAM))
    assert (texts(page), page.dropped) == ([PANGRAM, "seen"], {})


def test_letters_beyond_the_basic_plane_are_whole(read):
    """pdfium 159 gives the halves of UTF-16 as two characters of one place (findings/pdf_letters_in_halves.sh)."""
    page = read(own_map("dab", d="\U0001d451"))
    assert (texts(page), page.dropped) == (["\U0001d451ab", "seen"], {})
    starts, stops = page.lines[0].characters[:, 0], page.lines[0].characters[:, 2]
    assert (starts < stops).all()
    assert (starts[1:] >= stops[:-1] - 1).all()


def test_a_map_that_the_shapes_contradict_is_found(read):
    shifted = {chr(code): chr(97 + (code - 96) % 26) for code in range(97, 123)}
    page = read(own_map(PANGRAM, **shifted))
    assert (texts(page), page.dropped) == (["seen"], {"contradicting shapes": LETTERS})


def test_a_map_that_leaves_letters_out_is_found_by_their_ink(read):
    page = read(own_map("hidden", d="\u200b"))
    assert (texts(page), page.dropped) == (["seen"], {"beside ink of no character": 4})


@pytest.mark.parametrize("said", ["ffi", "ﬃ"])
def test_a_ligature_is_taken_apart(read, said):
    page = read(own_map("a\x01b", **{"\x01": said}))
    line = page.lines[0]
    assert (line.text, page.dropped) == ("affib", {})
    starts, stops = line.characters[1:4, 0], line.characters[1:4, 2]
    assert (starts < stops).all()
    assert (starts[1:] == stops[:-1]).all()  # f, f and i share the one glyph


@pytest.mark.parametrize(("x", "reason"), [(36.3, "beside ink of no character"), (37, "overlapping")])
def test_accents_set_on_top_spoil_their_line(read, x, reason):
    page = read(show("cafe", 20, 250) + show("\xc2", x, 250) + SEEN)
    assert (texts(page), page.dropped) == (["seen"], {reason: 5})


def test_letters_on_top_of_each_other_spoil_their_line(read):
    page = read("BT /Sans 12 Tf 20 250 Td [(ab) 400 (cd)] TJ ET\n" + SEEN)
    assert (texts(page), page.dropped) == (["seen"], {"overlapping": 4})


def test_text_drawn_twice_is_taken_once(read):
    between = "".join(show(f"x{row}", 300, 20 + 14 * row) for row in range(9))
    page = read(show(PANGRAM, 20, 250) + between + show(PANGRAM, 20.4, 249.8))
    assert texts(page).count(PANGRAM) == 1
    assert page.dropped == {"drawn twice": LETTERS}


def test_a_line_left_out_parts_its_block(read):
    around = [show(text, 20, y) for text, y in (("one", 250), ("two", 236), ("four", 208), ("five", 194))]
    page = read(Sheet("".join(around) + show("dog", 20, 222, "Own"), fonts=(("Own", {100: "\ue000"}),)))
    assert texts(page) == ["one", "two", "four", "five"]
    assert page.blocks == (range(2), range(2, 4))


def test_columns_are_read_one_after_the_other(read):
    rows = [
        show(f"{side} line {row} of it", x, 220 - 14 * row) for row in range(4) for side, x in (("a", 20), ("b", 110))
    ]
    page = read(
        show("a heading over the two columns", 20, 250)
        + "".join(rows)
        + show("a foot that spans both of them", 20, 140)
    )
    columns = [f"{side} line {row} of it" for side in "ab" for row in range(4)]
    assert texts(page) == ["a heading over the two columns", *columns, "a foot that spans both of them"]


def test_cells_are_lines_of_their_own(read):
    table = [("Name", "Price", "Sum"), ("Apple", "12", "24"), ("Pear", "3", "9")]
    cells = [
        show(text, x, 250 - 14 * row)
        for row, line in enumerate(table)
        for x, text in zip((20, 70, 115), line, strict=True)
    ]
    assert sorted(texts(read("".join(cells)))) == sorted(text for line in table for text in line)


@pytest.mark.parametrize("word_spacing", [-1, 0, 5, 12])
def test_words_of_justified_text_stay_one_line(read, word_spacing):
    assert texts(read(f"{word_spacing} Tw\n" + show(PANGRAM, 10, 250))) == [PANGRAM]


def test_words_and_letters_in_any_order_are_one_line(read):
    places = {"one": 20, "two": 46, "three": 70}
    assert texts(read("".join(show(word, places[word], 250) for word in ("three", "one", "two")))) == ["one two three"]
    letters = (
        "BT /Mono 10 Tf " + "".join(f"1 0 0 1 {20 + 6 * n} 250 Tm ({c}) Tj " for n, c in enumerate("letters")) + "ET"
    )
    assert texts(read(letters)) == ["letters"]


def test_raised_letters_stay_in_their_line(read):
    assert texts(read(show("x", 20, 250) + show("2", 26.2, 254, size=8) + show("+ y", 34, 250))) == ["x2 + y"]


def test_hyphens_at_the_end_of_a_line_are_kept(read):
    assert texts(read(show("a corre-", 20, 250) + show("spondence", 20, 236))) == ["a corre-", "spondence"]


def test_scanned_pages_are_skipped_by_name(read):
    scan = "q 300 0 0 100 20 100 cm BI /W 2 /H 1 /CS /G /BPC 8 /F /AHx ID 00FF> EI Q\n"
    assert read(scan) == Skipped("made.pdf#1", "it has no text layer")
    recognised = read(scan + "3 Tr " + show(PANGRAM, 20, 150))
    assert isinstance(recognised, Skipped)
    assert re.search(rf"agrees with the picture \({LETTERS} invisible\)", recognised.why)


def test_broken_pages_are_skipped_and_the_rest_goes_on(tmp_path):
    first, broken, last = read_pdf(
        write_pdf(tmp_path / "made.pdf", show("first", 20, 250), None, show("last", 20, 250))
    )
    assert (texts(first), texts(last), last.name) == (["first"], ["last"], "made.pdf#3")
    assert broken == Skipped("made.pdf#2", "page 2 of made.pdf cannot be drawn")


def test_pages_are_chosen(tmp_path):
    path = write_pdf(tmp_path / "made.pdf", *(show(f"page {number}", 20, 250) for number in (1, 2, 3)))
    assert [texts(page) for page in read_pdf(path, "3,1")] == [["page 3"], ["page 1"]]
    with pytest.raises(ValueError, match=r"page 4 is outside made.pdf, which has 3 pages"):
        next(read_pdf(path, "4"))
    with pytest.raises(ValueError, match=r"dpi must be a number in \(0, 100000\], got 0"):
        next(read_pdf(path, dpi=0))


def test_pages_of_too_many_characters_are_skipped(read, monkeypatch):
    monkeypatch.setattr(pdf_glyphs, "MAX_CHARACTERS", 30)
    assert read(show(PANGRAM, 20, 250)) == Skipped(
        "made.pdf#1", "its text layer has 40 characters, more than the 30 taken"
    )


def words_of(text: str) -> Counter[str]:
    """Whole words, quotes and dashes folded, hyphens at line ends undone."""
    text = unicodedata.normalize("NFKC", text).translate(str.maketrans("‘’“”–—−‐", "''\"\"----"))
    return Counter(re.sub(r"(?<=\w)-\n(?=\w)", "", text).split())


@pytest.mark.parametrize(("dpi", "read_too"), [(144, []), (160, ["small print"])])
def test_letters_too_small_to_be_read_are_left_out(read, dpi, read_too):
    page = read(show("small print", 20, 250, size=3.4) + SEEN, dpi=dpi)
    assert texts(page) == [*read_too, "seen"]
    assert page.dropped == ({} if read_too else {"too small": 10})


@needs_real_data
def test_real_pages_agree_with_their_texts():
    trusted = 0
    for path in sorted((DATA / "pdf_pages").glob("*.pdf")):
        page = next(read_pdf(path, dpi=72))
        if isinstance(page, Skipped):
            assert "unmapped" in page.why, path.name
            continue
        found = words_of("\n".join(region.text for region in regions(page, "block")))
        wanted = words_of(path.with_suffix(".txt").read_text())
        same = (found & wanted).total()
        assert same / found.total() > 0.97, path.name  # what is taken is right
        trusted += 2 * same / (found.total() + wanted.total()) > 0.95  # and on most pages it is nearly all
    assert trusted >= 10
