"""Records reach the files of one folder and no others."""

from pathlib import Path

import pytest

from demiglace.records.media_files import MediaFolders, find_inside


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "data" / "pictures").mkdir(parents=True)
    (tmp_path / "data" / "pictures" / "a.png").write_bytes(b"a")
    (tmp_path / "data-of-others.png").write_bytes(b"b")
    return tmp_path / "data"


@pytest.mark.parametrize("reference", ["pictures/a.png", "./pictures/a.png", "pictures/../pictures/a.png"])
def test_files_in_the_folder(folder, reference):
    assert find_inside(reference, folder, takes_absolute=False) == folder / reference


@pytest.mark.parametrize("reference", ["../data-of-others.png", "pictures/../../data-of-others.png", ".."])
def test_no_way_out_of_the_folder(folder, reference):
    for takes_absolute in (False, True):
        with pytest.raises(ValueError, match="leads out of"):
            find_inside(reference, folder, takes_absolute)


def test_absolute_paths_only_where_allowed_and_only_inside(folder):
    inside, outside = str(folder / "pictures" / "a.png"), str(folder.parent / "data-of-others.png")
    assert find_inside(inside, folder, takes_absolute=True) == Path(inside)
    with pytest.raises(ValueError, match="leads out of"):
        find_inside(outside, folder, takes_absolute=True)
    with pytest.raises(ValueError, match="is an absolute path"):
        find_inside(inside, folder, takes_absolute=False)


def test_a_folder_given_relatively(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert find_inside("pictures/a.png", Path(), takes_absolute=False) == Path("pictures/a.png")
    assert find_inside("a.png", Path("../data/pictures"), takes_absolute=False) == Path("../data/pictures/a.png")
    for start in (Path(), Path("../data")):
        with pytest.raises(ValueError, match="leads out of"):
            find_inside("../data-of-others.png", start, takes_absolute=False)


@pytest.mark.parametrize("reference", ["missing.png", "pictures", "a\0b.png", "x" * 5000])
def test_what_is_no_file_is_refused(folder, reference):
    with pytest.raises(ValueError, match=r"does not exist|is a folder|cannot be the name of a file|cannot be read"):
        find_inside(reference, folder, takes_absolute=False)


@pytest.fixture
def root(tmp_path) -> Path:
    """A root with records and pictures in folders beside each other, and a secret outside."""
    for folder in ("root/records", "root/pictures"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "root" / "pictures" / "a.png").write_bytes(b"a")
    (tmp_path / "secret.png").write_bytes(b"s")
    (tmp_path / "root" / "pictures" / "out.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "root" / "pictures" / "in.png").symlink_to("a.png")
    return tmp_path / "root"


@pytest.mark.parametrize(
    "reference", ["../pictures/a.png", "pictures/a.png", "../pictures/in.png", "{root}/pictures/a.png"]
)
def test_a_media_root_allows_every_way_that_stays_inside(root, reference):
    found = MediaFolders(root / "records", root=root).find(reference.format(root=root))
    assert found.resolve() == (root / "pictures" / "a.png").resolve()


@pytest.mark.parametrize(
    "reference", ["../../secret.png", "{root}/../secret.png", "../pictures/out.png", "pictures/out.png", "/etc/passwd"]
)
def test_nothing_outside_of_a_media_root_is_opened(root, reference):
    with pytest.raises(ValueError, match="lies outside of the media root"):
        MediaFolders(root / "records", root=root).find(reference.format(root=root))


def test_records_may_lie_elsewhere_than_the_media_root(root, tmp_path):
    assert MediaFolders(tmp_path, root=root).find("pictures/a.png") == root / "pictures" / "a.png"
    with pytest.raises(ValueError, match="lies outside of the media root"):
        MediaFolders(tmp_path, root=root).find("secret.png")
    with pytest.raises(ValueError, match=r"none\.png does not exist, nor in"):
        MediaFolders(tmp_path, root=root).find("none.png")


def test_a_media_folder_is_where_paths_begin_and_a_root_is_where_they_may_lead(root):
    folders = MediaFolders(root / "records", media=root / "pictures", root=root)
    assert folders.find("a.png") == root / "pictures" / "a.png"
    with pytest.raises(ValueError, match="does not exist"):
        folders.find("pictures/a.png")


def test_a_path_that_names_two_files_is_refused(root):
    (root / "a.png").write_bytes(b"b")
    (root / "records" / "a.png").write_bytes(b"c")
    with pytest.raises(ValueError, match=r"a\.png is .* and .*: name the folder that"):
        MediaFolders(root / "records", root=root).find("a.png")


def test_without_a_root_the_message_names_the_way(folder):
    with pytest.raises(ValueError, match="a media root says where files may lie"):
        MediaFolders(folder).find("../data-of-others.png")
