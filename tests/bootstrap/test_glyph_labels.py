"""Dense labels of a picture whose characters' places are known by hand."""

import numpy as np

from demiglace.bootstrap.glyph_labels import BLANK, CELL_COLUMNS, CELL_ROWS, NO_PLACE, label

PATCH = 14


def two_characters():
    """Two characters of one patch width each, in the upper of two rows of two patches."""
    boxes = np.array([[0, 0, PATCH, PATCH], [PATCH, 0, 2 * PATCH, PATCH]], dtype=np.float32)
    return label(np.array([5, 9], dtype=np.uint8), boxes, (2, 2), PATCH, num_places=8, num_frames=4)


def test_cells_hold_the_character_above_them():
    labels = two_characters()
    assert labels.cells.shape == (4, CELL_ROWS * CELL_COLUMNS)
    assert [set(row) for row in labels.cells.tolist()] == [{5}, {9}, {BLANK}, {BLANK}]


def test_halves_change_in_the_middle_of_a_character():
    first = two_characters().cell_halves[0].reshape(CELL_ROWS, CELL_COLUMNS)
    assert first[:, : CELL_COLUMNS // 2].sum() == 0
    assert first[:, CELL_COLUMNS // 2 :].all()


def test_places_follow_the_text_and_skip_blank_patches():
    assert two_characters().places.tolist() == [2, 6, NO_PLACE, NO_PLACE]  # centres at 1/4 and 3/4 of 8 places


def test_frames_step_along_the_text():
    labels = two_characters()
    assert labels.frames.tolist() == [5, 5, 9, 9]
    assert labels.frame_halves.tolist() == [False, True, False, True]


def test_a_second_line_continues_the_first():
    boxes = np.array([[0, 0, PATCH, PATCH], [0, PATCH, PATCH, 2 * PATCH]], dtype=np.float32)
    labels = label(np.array([1, 2], dtype=np.uint8), boxes, (2, 1), PATCH, num_places=4, num_frames=4)
    assert labels.places.tolist() == [1, 3]
    assert labels.frames.tolist() == [1, 1, 2, 2]


def test_a_letter_stands_at_its_centre_along_the_lines():
    boxes = np.array([[0, 0, PATCH, PATCH], [PATCH, 0, 4 * PATCH, PATCH], [0, PATCH, 4 * PATCH, 2 * PATCH]])
    labels = label(np.array([1, 2, 3], dtype=np.uint8), boxes, (2, 4), PATCH, num_places=64, num_frames=4)
    assert labels.letter_places.tolist() == [4, 20, 48]  # of 8 patches: centres at 0.5, 2.5 and 6
