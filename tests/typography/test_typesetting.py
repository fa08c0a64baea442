import numpy as np
import pytest

from demiglace.typography.typesetting import TextStyle, set_lines


@pytest.mark.parametrize("alignment", ["left", "centre", "right", "justified"])
def test_free_room_goes_where_the_alignment_says(face, alignment):
    long, short, last = set_lines(
        ["a much longer line", "a word", "end"], face, TextStyle(20.0, alignment=alignment)
    ).edges
    left, right = short[0] - long[0], long[-1] - short[-1]
    assert (left < 1e-6) == (alignment in ("left", "justified"))
    assert (right < 1e-6) == (alignment in ("right", "justified"))
    if alignment == "centre":
        assert left == pytest.approx(right)
    if alignment == "justified":
        assert last[-1] < long[-1] - 1  # the last line of a paragraph stays as it is


def test_letter_spacing_widens_every_character(face):
    plain, wide = (set_lines(["spaced"], face, TextStyle(20.0, letter_spacing=spacing)) for spacing in (0.0, 0.5))
    np.testing.assert_allclose(np.diff(wide.edges[0]) - np.diff(plain.edges[0]), 0.5 * plain.cap)
    assert wide.runs == [[0, 1, 2, 3, 4, 5]]


def test_a_gap_widens_one_space(face):
    plain, gapped = (set_lines(["a b c"], face, TextStyle(20.0, gap=gap)) for gap in (None, (0.6, 3.0)))
    np.testing.assert_allclose(
        np.diff(gapped.edges[0]) - np.diff(plain.edges[0]), [0, 0, 0, 3 * plain.cap, 0], atol=1e-9
    )
    assert gapped.runs == [[0, 4]]


def test_kerning_moves_letters_together(training_faces):
    kerned = [
        face
        for face in training_faces
        if np.diff(set_lines(["AV"], face, TextStyle(60.0)).edges[0])[0]
        < np.diff(set_lines(["AA"], face, TextStyle(60.0)).edges[0])[0]
    ]
    assert kerned


def test_lines_stand_a_pitch_apart(face):
    setting = set_lines(["x", "y", "z"], face, TextStyle(20.0, pitch=2.5))
    np.testing.assert_allclose(np.diff(setting.baselines), 2.5 * setting.cap)
