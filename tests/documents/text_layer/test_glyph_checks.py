"""Disagreements that need glyphs made by hand; those of whole PDFs are in test_text_layer.py."""

from dataclasses import replace

import numpy as np
import pytest

from demiglace.documents.text_layer.glyph_checks import disagreements, doubtful_letters
from demiglace.documents.text_layer.pdf_glyphs import Glyphs

EM, BASELINE = 20.0, 60.0
TALL, HANGING = "bdfhklABCDEFGHIKLMNOPRSTUVWXYZ", "gpqy"


def glyphs_of(text: str, shapes: str) -> Glyphs:
    """Glyphs said to be `text`, with the extents of the letters in `shapes`, on a baseline."""
    count = len(text)
    left = 10 + 15.0 * np.arange(count)
    top = BASELINE - EM * np.where([shape in TALL for shape in shapes], 0.7, 0.5)
    bottom = BASELINE + EM * np.where([shape in HANGING for shape in shapes], 0.2, 0.0)
    return Glyphs(
        texts=tuple(text),
        boxes=np.stack([left, top, left + 10, bottom], axis=1),
        cells=np.stack([left, left + 12], axis=1),
        baselines=np.full(count, BASELINE),
        ems=np.full(count, EM),
        fonts=np.zeros(count, np.int64),
        upright=np.ones(count, bool),
        hidden=np.zeros(count, bool),
        mapped=np.ones(count, bool),
        partings=np.full(count, ""),
    )


INK = np.ones((100, 1000), bool)


def test_sound_glyphs_have_no_reason_against_them():
    assert (disagreements(glyphs_of("plain words", "plain words"), INK) == "").all()


def test_no_glyphs_have_no_reasons():
    assert disagreements(glyphs_of("", ""), INK).tolist() == []


@pytest.mark.parametrize(
    ("shapes", "wrong"),
    [
        ("hamburgefons", False),
        ("ibncvshfgpot", True),  # each letter drawn as the next one
        ("HAMBURGEFONS", True),  # small capitals: the layer has the letters, but not their case
    ],
)
def test_shapes_are_held_against_the_letters(shapes, wrong):
    reasons = disagreements(glyphs_of("hamburgefons", shapes), INK)
    assert (reasons == ("contradicting shapes" if wrong else "")).all()


def test_only_the_face_that_contradicts_is_left_out():
    text, shapes = "hamburgefons" * 2, "hamburgefons" + "ibncvshfgpot"
    glyphs = replace(glyphs_of(text, shapes), fonts=np.repeat([1, 2], 12))
    assert (disagreements(glyphs, INK) != "").tolist() == [False] * 12 + [True] * 12


USUAL = "The lazy dog has seen a man. "
SMALL_HEIGHT = 0.55  # em: of small capitals, a little taller than the lower case


def set_in(usual: str, small: str, shapes: str) -> Glyphs:
    """Words in one font; `small` has the extents of the letters in `shapes`, where "^" is a small capital."""
    glyphs = glyphs_of((usual + small).replace(" ", ""), (usual + shapes).replace(" ", ""))
    starts = np.cumsum([0] + [len(word) for word in (usual + small).split()[:-1]])
    glyphs.partings[starts] = " "
    glyphs.boxes[np.array(list((usual + shapes).replace(" ", ""))) == "^", 1] = BASELINE - SMALL_HEIGHT * EM
    return glyphs


@pytest.mark.parametrize(
    ("small", "shapes", "found"),
    [
        ("Chapter", "C^^^^^^", "h p"),  # OpenType has them in the font of the text
        ("Seamen", "S^^^^^", "eamen"),  # all of its letters are taller than in "seen" and "man"
        ("no", "^^", ""),  # too short to tell
        ("seamen", "^eamen", ""),  # an alternate
        ("Chapter", "Chapter", ""),
        ("aces", "aces", ""),
    ],
)
def test_small_capitals_beside_lower_case_are_found(small, shapes, found):
    reasons = disagreements(set_in(USUAL, small, shapes), INK)
    start = len(USUAL.replace(" ", ""))
    assert (reasons[:start] == "").all()
    assert [letter for letter, why in zip(small, reasons[start:], strict=True) if why] == list(found.replace(" ", ""))
    assert set(reasons) <= {"", "small capitals"}


def test_raised_letters_are_no_small_capitals():
    glyphs = set_in(USUAL, "ghpd", "ghpd")
    glyphs.boxes[-4:, 1] = BASELINE - 0.7 * EM
    glyphs.boxes[-4:, 3] = BASELINE - 0.35 * EM
    assert (disagreements(glyphs, INK) == "").all()


def test_glyphs_without_extent_are_found():
    glyphs = glyphs_of("abc", "abc")
    glyphs.boxes[1, 2] = glyphs.boxes[1, 0]
    assert disagreements(glyphs, INK).tolist() == ["", "empty box", ""]


def test_glyphs_without_ink_are_found():
    ink = np.zeros_like(INK)
    ink[50, 15] = True
    assert disagreements(glyphs_of("ab", "ab"), ink).tolist() == ["", "no contrast"]


def columns_of(*columns: str) -> Glyphs:
    """Upright glyphs, written downwards, column by column from right to left."""
    places = [(column, row) for column, text in enumerate(columns) for row in range(len(text))]
    text = "".join(columns)
    left = np.array([300 - 1.7 * EM * column for column, _ in places])
    baselines = np.array([40 + EM * row for _, row in places])
    flat = glyphs_of(text, "H" * len(text))
    cells = np.stack([left, left + EM], axis=1)
    boxes = np.stack([left, baselines - 0.8 * EM, left + EM, baselines], axis=1)
    return replace(flat, boxes=boxes, cells=cells, baselines=baselines)


@pytest.mark.parametrize(("columns", "found"), [(("春はあけ", "白く"), 6), (("男", "女"), 0), (("123", "45"), 0)])
def test_letters_written_downwards_are_found(columns, found):
    """Line by line across the columns, as horizontal text is read, they are nonsense."""
    assert (disagreements(columns_of(*columns), np.ones((400, 400), bool)) == "vertical").sum() == found


def test_glyphs_that_reach_out_of_the_picture_are_found():
    glyphs = glyphs_of("abcd", "abcd")
    glyphs.boxes[0, 0], glyphs.boxes[1, 3], glyphs.boxes[2, 2] = -5, 110, 1e6
    assert disagreements(glyphs, INK).tolist() == ["outside", "outside", "outside", ""]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Any word, 12 % of “it” – ü — ½ Ω я 語", ""),
        ("a\ufffd", "unmapped"),
        ("\ud800", "unmapped"),
        ("\U000f0000", "private use"),
        ("\x02", "control character"),
        ("שלום", "right to left"),
    ],
)
def test_characters_that_cannot_be_read_are_found(text, reason):
    assert doubtful_letters(text) == reason
