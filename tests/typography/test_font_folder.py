"""Faces of a folder: whole alphabets alone, nothing kept out of training, no small capitals."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from demiglace.typography import font_folder
from demiglace.typography.font_families import PACKAGED_TRAINING
from demiglace.typography.fonts import load_font, training_faces, unseen_faces


def linked(folder: Path, paths: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for path in paths:
        shutil.copy(path, folder / Path(path).name)
    return folder


def test_faces_of_all_depths_are_found_and_drawn(tmp_path):
    mono = next(face for face in training_faces() if face.style == "mono")
    sans = next(face for face in training_faces() if face.style == "sans")
    linked(tmp_path / "deep", [mono.path])
    linked(tmp_path, [sans.path])
    faces = font_folder.folder_faces(tmp_path)
    assert {Path(face.path).name: face.style for face in faces} == {
        Path(mono.path).name: "mono",
        Path(sans.path).name: "sans",
    }
    drawn = {font_folder.sample_folder_face(np.random.default_rng(i), tmp_path) for i in range(20)}
    assert drawn == set(faces)


def test_a_variable_font_has_a_face_for_each_of_its_names(tmp_path):
    (family,) = [family for family in PACKAGED_TRAINING if family.name == "Lora"]
    linked(tmp_path, [str(next(path for path in family.files() if "Italic" not in path.name))])
    drawn = [load_font(face, 48) for face in font_folder.folder_faces(tmp_path)]
    assert [font.getname() for font in drawn] == [("Lora", name) for name in ("Regular", "Medium", "SemiBold", "Bold")]
    ink = [sum(bytes(font.getmask("Hamburg"))) for font in drawn]
    assert ink == sorted(set(ink))


def test_families_kept_out_of_training_stay_out(tmp_path):
    linked(tmp_path, [training_faces()[0].path, unseen_faces()[0].path])
    assert [face.path for face in font_folder.folder_faces(tmp_path)] == [
        str(tmp_path / Path(training_faces()[0].path).name)
    ]


def test_a_folder_without_a_usable_face_is_an_error(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(ValueError, match="none of the 1 font files"):
        font_folder.folder_faces(tmp_path)
