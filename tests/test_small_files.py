"""Small files: objects are read within bounds and by name, and a text is there whole or not at all."""

import json

import pytest

from demiglace.small_files import read_object, write_whole


def test_what_was_written_is_read(tmp_path):
    write_whole(tmp_path / "a.json", json.dumps({"größe": [1, None]}))
    assert read_object(tmp_path / "a.json", 2**20) == {"größe": [1, None]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("[1]", "must hold a JSON object, got list"), ("{", "is no JSON"), ("[" * 100_000, "is no JSON")],
)
def test_what_is_no_object_is_refused(tmp_path, text, told):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=f"a.json {told}"):
        read_object(tmp_path / "a.json", 2**20)


def test_an_absent_and_an_endless_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=f"no a.json in {tmp_path}"):
        read_object(tmp_path / "a.json", 2**20)
    (tmp_path / "a.json").write_text('{"key": "value"}')
    with pytest.raises(ValueError, match="has 16 bytes, more than 10"):
        read_object(tmp_path / "a.json", 10)


def test_a_text_that_cannot_be_written_leaves_the_one_before(tmp_path):
    write_whole(tmp_path / "a.txt", "before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a.txt", "\ud800")
    assert (tmp_path / "a.txt").read_text() == "before"
