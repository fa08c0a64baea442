import numpy as np
import pytest

from demiglace.typography import fonts


def test_training_faces_are_many_and_of_every_style(training_faces):
    assert len(training_faces) >= 40
    assert {face.style for face in training_faces} == {"serif", "sans", "mono"}


def test_training_faces_never_hold_an_unseen_family(training_faces, unseen_faces):
    assert not {face.family for face in training_faces} & {face.family for face in unseen_faces}
    assert not {face.path for face in training_faces} & {face.path for face in unseen_faces}


def test_extreme_weights_are_left_out(training_faces):
    assert not [face.path for face in training_faces if "Thin" in face.path or "Black" in face.path]


def test_a_face_without_all_letters_is_left_out():
    symbols = sorted(fonts.FONTS_FOLDER.glob("truetype/karlatamilupright/*.ttf"))
    if not symbols:
        pytest.skip("no face without Latin letters is installed")
    assert not fonts.has_whole_alphabet(fonts.Face(str(symbols[0]), 0, "Karla Tamil", "sans"))


def test_large_families_weigh_less_per_face(training_faces):
    rng = np.random.default_rng(0)
    drawn = [fonts.sample_face(rng).family for _ in range(4000)]
    families = [face.family for face in training_faces]
    largest, smallest = max(set(families), key=families.count), min(set(families), key=families.count)
    assert families.count(largest) > families.count(smallest)
    assert drawn.count(smallest) / families.count(smallest) > drawn.count(largest) / families.count(largest)


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "FONTS_FOLDER", tmp_path)
    fonts.training_faces.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"^0 font faces found, at least 40 .*apt-get install .*fonts-liberation2"):
            fonts.training_faces()
    finally:
        fonts.training_faces.cache_clear()


def test_proportions_are_those_of_the_letters(face):
    shares = fonts.proportions(face)
    assert 0.55 < shares.cap < 0.85
    assert shares.cap <= shares.rise < 1.0
    assert 0.1 < shares.fall < 0.4
