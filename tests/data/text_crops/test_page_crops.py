"""Windows of pages: the text, the boxes and the picture belong together."""

from pathlib import Path

import numpy as np
import pytest

from demiglace.data.text_crops import page_crops
from demiglace.documents.page import Line, Page, Skipped, divide
from demiglace.records.bad_record import BadRecord
from demiglace.typography.corpus import ALPHABET


def page(*columns: list[str]) -> Page:
    """A page on which each block is a list of lines, every line painted with a shade of its own."""
    picture = np.full((400, 900, 3), 255, np.uint8)
    lines, blocks = [], []
    for block in columns:
        blocks.append(range(len(lines), len(lines) + len(block)))
        for text in block:
            number = len(lines)
            box = (20.0, 10.0 + 30 * number, 20.0 + 10 * len(text), 30.0 + 30 * number)
            picture[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = 10 + number
            lines.append(Line(text, box, divide(box, text)))
    return Page("page", picture, tuple(lines), tuple(blocks), {})


@pytest.mark.parametrize("seed", range(20))
def test_a_window_holds_neighbouring_lines_of_one_block_or_a_piece_of_one(seed):
    made = page(["some words on a line", "and more of them below"], ["another block"])
    window = page_crops.random_window(np.random.default_rng(seed), made, max_lines=2, max_characters=60)
    shown = window.text.split("\n")
    whole = [line.text for line in made.lines]
    assert len(window.boxes) == len(window.line_of) == sum(map(len, shown))
    if len(shown) == 2:
        assert shown == whole[:2]
    else:
        assert any(shown[0] in text for text in whole)


@pytest.mark.parametrize("seed", range(20))
def test_boxes_lie_on_the_ink_of_their_line(seed):
    made = page(["alpha beta gamma", "delta epsilon zeta"])
    window = page_crops.random_window(np.random.default_rng(seed), made, max_lines=2, max_characters=34)
    for text, line in zip(window.text.split("\n"), np.unique(window.line_of), strict=True):
        shade = 10 + next(n for n, printed in enumerate(made.lines) if text in printed.text)
        for left, top, right, bottom in window.boxes[window.line_of == line]:
            assert (window.picture[int((top + bottom) / 2), int((left + right) / 2)] == shade).all()


def test_no_window_is_longer_than_asked_and_words_stay_whole():
    made = page(["one two three four five six seven"])
    for seed in range(30):
        window = page_crops.random_window(np.random.default_rng(seed), made, max_lines=1, max_characters=12)
        assert len(window.text) <= 12
        assert set(window.text.split()) <= set(made.lines[0].text.split())


@pytest.mark.parametrize("text", [". . . . . . . . . . . 12", "----------", "Ωμέγα"])
def test_lines_that_are_no_prose_are_not_shown(text):
    assert page_crops.random_window(np.random.default_rng(0), page([text]), 2, 80) is None
    shown = page_crops.random_window(np.random.default_rng(0), page([text], ["plain words"]), 2, 80)
    assert set(shown.text) <= set(ALPHABET)


def test_scanned_pages_are_passed_over(tmp_path: Path, monkeypatch):
    """Most pages of a folder may be scanned: one in ten has text here."""
    (tmp_path / "a.pdf").touch()
    (tmp_path / "._a.pdf").touch()
    made = page(["some words"])
    monkeypatch.setattr(page_crops, "_num_pages", lambda path: 10)
    read = lambda path, number, dpi: iter([made if number == "3" else Skipped("a.pdf", "it has no text layer")])  # noqa: E731
    monkeypatch.setattr(page_crops, "read_pdf", read)
    assert all(page_crops.drawn_page(tmp_path, (1, number)) is made for number in range(50))


def test_documents_that_cannot_be_used_are_bad_records(tmp_path: Path):
    """So a run goes on without them if it skips bad records."""
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    with pytest.raises(BadRecord, match=r"broken\.pdf: .*is not a readable PDF"):
        page_crops.drawn_page(tmp_path, (2, 0))


def test_a_folder_without_pdfs_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match=str(tmp_path)):
        page_crops.drawn_page(tmp_path, (0,))
