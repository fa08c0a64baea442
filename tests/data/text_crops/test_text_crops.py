"""Pictures to be read are functions of the generator's state; sources and damage are as the shares say."""

from itertools import pairwise

import numpy as np
import pytest
from pdf_writer import show, write_pdf

from demiglace.data.text_crops.line_stacks import MOST_LINES
from demiglace.data.text_crops.text_crops import ReadingPictures

pytestmark = pytest.mark.usefixtures("training_faces", "installed_prose")


def drawn(seed=3, page=(1,), **shares):
    pictures = ReadingPictures(max_lines=2, max_characters=30, **shares)
    return pictures.draw(np.random.default_rng(seed), page)


@pytest.mark.parametrize("shares", [{}, {"layout_share": 0.5}, {"damaged_share": 1.0}, {"stack_share": 0.5}])
@pytest.mark.parametrize("seed", range(4))
def test_a_picture_is_a_function_of_state_and_page(shares, seed):
    (first, hidden), (again, _) = drawn(seed, **shares), drawn(seed, **shares)
    assert first.text == again.text
    assert np.array_equal(first.picture, again.picture)
    assert len(hidden) == len(first.boxes) == len(first.text.replace("\n", "")) <= 30


def test_windows_of_documents_show_their_text(tmp_path):
    write_pdf(tmp_path / "paper.pdf", show("Seven wise hens", 40, 200) + show("cross the road", 40, 180))
    words = {"Seven", "wise", "hens", "cross", "the", "road"}
    for seed in range(6):
        window, _ = drawn(seed, documents=tmp_path, document_share=1.0)
        assert set(window.text.split()) & words


def test_windows_of_layouts_are_of_the_page_that_is_named():
    texts = {page: {drawn(seed, (page,), layout_share=1.0)[0].text for seed in range(12)} for page in (1, 2)}
    assert not texts[1] & texts[2]


@pytest.mark.parametrize("shares", [{}, {"layout_share": 1.0}])
def test_lines_of_a_stack_lie_one_under_another(shares):
    for seed in range(8):
        stack, _ = drawn(seed, stack_share=1.0, **shares)
        lines = stack.text.split("\n")
        boxes = [stack.boxes[stack.line_of == number] for number in range(len(lines))]
        assert 2 <= len(lines) <= MOST_LINES
        assert [len(line) for line in lines] == [len(of_line) for of_line in boxes]
        heights = [np.median(of_line[:, 3] - of_line[:, 1]) for of_line in boxes]
        assert heights == pytest.approx([max(heights)] * len(lines), rel=0.06)
        for above, below in pairwise(boxes):
            assert above[:, 3].max() <= below[:, 1].min() + 1
        height, width = stack.picture.shape[:2]
        assert (stack.boxes >= -1).all()
        assert (stack.boxes <= [width + 1, height + 1] * 2).all()


def test_only_hidden_characters_are_said_to_be_hidden():
    _, hidden = drawn(damaged_share=1.0, levels=(("high", 1.0),))
    assert hidden.any()
    _, readable = drawn(damaged_share=1.0, levels=(("low", 1.0),))
    assert not readable.any()


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"layout_share": -0.1}, "-0.1"),
        ({"layout_share": 0.6, "document_share": 0.6}, "0.6 \\+ 0.6"),
        ({"damaged_share": 1.5}, "1.5"),
        ({"document_share": 0.5}, "documents is None, but document_share is 0.5"),
    ],
)
def test_shares_that_cannot_be_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        ReadingPictures(max_lines=1, max_characters=20, **shares)


def test_documents_without_a_share_are_refused(tmp_path):
    with pytest.raises(ValueError, match="document_share is 0"):
        ReadingPictures(max_lines=1, max_characters=20, documents=tmp_path)
