"""What `read` notes of a file whose pages are under way: begun anew for another file, whole pages kept."""

from pathlib import Path

import pytest

from demiglace.cli.read_journal import PageRecord


def test_a_record_of_something_else_is_begun_anew(tmp_path: Path) -> None:
    target = tmp_path / "page.txt"
    PageRecord(target, {"bytes": 1}).add({"page": 1, "text": "one"})
    assert PageRecord(target, {"bytes": 1}).pages == {1: {"page": 1, "text": "one"}}
    assert PageRecord(target, {"bytes": 2}).pages == {}
    assert PageRecord(target, {"bytes": 1}).pages == {}


@pytest.mark.parametrize("tail", [b'{"page": 3, "te', b'{"page": 3, "text": "\xc3', b"\0\0"])
def test_a_torn_record_keeps_its_whole_pages(tmp_path: Path, tail: bytes) -> None:
    target = tmp_path / "page.txt"
    PageRecord(target, {}).add({"page": 2, "text": "two"})
    (record,) = tmp_path.iterdir()
    record.write_bytes(record.read_bytes() + tail)
    again = PageRecord(target, {})
    assert again.pages == {2: {"page": 2, "text": "two"}}
    again.add({"page": 3, "text": "three"})
    assert list(PageRecord(target, {}).pages) == [2, 3]
