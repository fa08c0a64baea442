"""Records reach the files of one folder and no others."""

from pathlib import Path

import pytest

from demiglace.data.sources.media import find_media


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "data" / "pictures").mkdir(parents=True)
    (tmp_path / "data" / "pictures" / "a.png").write_bytes(b"a")
    (tmp_path / "data-of-others.png").write_bytes(b"b")
    return tmp_path / "data"


@pytest.mark.parametrize("reference", ["pictures/a.png", "./pictures/a.png", "pictures/../pictures/a.png"])
def test_files_in_the_folder(folder, reference):
    assert find_media(reference, folder, takes_absolute=False) == folder / reference


@pytest.mark.parametrize("reference", ["../data-of-others.png", "pictures/../../data-of-others.png", ".."])
def test_no_way_out_of_the_folder(folder, reference):
    for takes_absolute in (False, True):
        with pytest.raises(ValueError, match="leads out of"):
            find_media(reference, folder, takes_absolute)


def test_absolute_paths_only_where_allowed_and_only_inside(folder):
    inside, outside = str(folder / "pictures" / "a.png"), str(folder.parent / "data-of-others.png")
    assert find_media(inside, folder, takes_absolute=True) == Path(inside)
    with pytest.raises(ValueError, match="leads out of"):
        find_media(outside, folder, takes_absolute=True)
    with pytest.raises(ValueError, match="is an absolute path"):
        find_media(inside, folder, takes_absolute=False)


def test_a_folder_given_relatively(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert find_media("pictures/a.png", Path(), takes_absolute=False) == Path("pictures/a.png")
    assert find_media("a.png", Path("../data/pictures"), takes_absolute=False) == Path("../data/pictures/a.png")
    for start in (Path(), Path("../data")):
        with pytest.raises(ValueError, match="leads out of"):
            find_media("../data-of-others.png", start, takes_absolute=False)


@pytest.mark.parametrize("reference", ["missing.png", "pictures", "a\0b.png", "x" * 5000])
def test_what_is_no_file_is_refused(folder, reference):
    with pytest.raises(ValueError, match=r"does not exist|is a folder|null byte|cannot be read"):
        find_media(reference, folder, takes_absolute=False)
