import numpy as np
import pytest

from demiglace.typography.rendering import MAX_PIXELS, random_sample, render_block
from demiglace.typography.typesetting import TextStyle

LINES = ["Stock 12.50", "AVATAR, reduced"]


@pytest.mark.parametrize(
    "style", [TextStyle(20.0), TextStyle(17.3, crisp=False, stretch=0.8), TextStyle(20.0, alignment="justified")]
)
def test_boxes_of_a_line_tile_it(face, style):
    rendered = render_block(LINES, face, style)
    for line in range(len(LINES)):
        boxes = rendered.boxes[rendered.line_of == line]
        assert len(boxes) == len(LINES[line])
        np.testing.assert_array_equal(boxes[1:, 0], boxes[:-1, 2])
        assert (boxes[:, 2] > boxes[:, 0]).all()
        assert len(np.unique(boxes[:, [1, 3]], axis=0)) == 1


@pytest.mark.parametrize(
    "style", [TextStyle(30.0), TextStyle(30.0, crisp=False, stretch=1.3), TextStyle(30.0, letter_spacing=0.2)]
)
def test_ink_of_every_letter_lies_in_its_box(face, style):
    rendered = render_block(["HxnOp"], face, style)
    ink = 255 - rendered.picture.astype(float)
    assert ink.sum() > 0
    boxes = rendered.boxes.round().astype(int)
    assert all(ink[top:bottom, left + 3 : right - 3].sum() > 0 for left, top, right, bottom in boxes)
    left, top, right, bottom = *boxes[0, :2], *boxes[-1, 2:]
    within = ink[top - 1 : bottom + 1, left - 1 : right + 1].sum()
    assert within == pytest.approx(ink.sum())


@pytest.mark.parametrize("cap_height", [9.0, 21.0, 64.0, 105.0])
@pytest.mark.parametrize("crisp", [True, False])
def test_capitals_are_as_high_as_asked(face, cap_height, crisp):
    rendered = render_block(["H"], face, TextStyle(cap_height, crisp=crisp))
    rows = np.flatnonzero((rendered.picture < 128).any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(cap_height, rel=0.08, abs=1.5)


def test_colours_are_those_asked_for(face):
    grey = render_block(["H"], face, TextStyle(30.0, ink=(200, 200, 200), paper=(10, 10, 10))).picture
    assert (grey.shape[2:], grey.min(), grey.max()) == ((), 10, 200)
    coloured = render_block(["H"], face, TextStyle(30.0, ink=(90, 0, 0), paper=(255, 250, 200))).picture
    assert {(90, 0, 0), (255, 250, 200)} <= set(map(tuple, coloured.reshape(-1, 3).tolist()))


def test_cut_margins_keep_boxes_in_the_picture(face):
    rendered = render_block(["cut"], face, TextStyle(20.0, margins=(-0.2, -0.2, -0.2, -0.2)))
    height, width = rendered.picture.shape
    assert rendered.boxes.min() == 0
    assert (rendered.boxes.max(axis=0) <= [width, height, width, height]).all()


def test_surroundings_are_drawn_but_carry_no_boxes(face):
    plain = render_block(["total"], face, TextStyle(20.0, margins=(0.5, 1.0, 0.5, 1.0)))
    style = TextStyle(
        20.0, margins=(0.5, 1.0, 0.5, 1.0), above="gypsy", below="HIGH", underlined=True, rules=(0.1, None, None, 0)
    )
    crowded = render_block(["total"], face, style)
    np.testing.assert_array_equal(plain.boxes, crowded.boxes)
    top, bottom = int(plain.boxes[0, 1]), int(np.ceil(plain.boxes[0, 3]))
    assert (crowded.picture[: top - 2] < 128).any()
    assert (crowded.picture[bottom + 2 :] < 128).any()


def test_too_much_text_is_reduced_to_fit(face):
    rendered = render_block(["W" * 400] * 10, face, TextStyle(100.0))
    height, width = rendered.picture.shape
    assert 0.9 * MAX_PIXELS < height * width <= MAX_PIXELS
    assert rendered.boxes[:, 2].max() <= width


def test_nothing_to_draw_is_an_error(face):
    with pytest.raises(ValueError, match="nothing to draw in 2 lines"):
        render_block(["", ""], face, TextStyle(20.0))


@pytest.mark.usefixtures("training_faces", "installed_prose")
@pytest.mark.parametrize(("max_lines", "max_characters"), [(1, 1), (1, 40), (5, 120)])
def test_random_samples_agree_with_their_text(max_lines, max_characters):
    for i in range(40):
        rendered = random_sample(np.random.default_rng((5, i)), max_lines, max_characters)
        letters = rendered.text.replace("\n", "")
        assert rendered.picture.dtype == np.uint8
        assert 1 <= len(letters) == len(rendered.boxes) == len(rendered.line_of) <= max_characters
        assert rendered.text.count("\n") + 1 == rendered.line_of[-1] + 1 <= max_lines
        height, width = rendered.picture.shape[:2]
        assert height * width < 1.3 * MAX_PIXELS
        assert (rendered.boxes >= 0).all()
        assert (rendered.boxes <= [width + 1e-3, height + 1e-3, width + 1e-3, height + 1e-3]).all()


@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_the_same_seed_gives_the_same_sample():
    first, again, other = (random_sample(np.random.default_rng((9, i)), 3, 60) for i in (4, 4, 5))
    assert first.text == again.text != other.text
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.boxes, again.boxes)
