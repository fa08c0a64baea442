"""What `read` notes of a file whose pages are under way: begun anew for another file, whole pages kept."""

import os
from pathlib import Path

import pytest

from demiglace.cli.read_journal import PageRecord, changes_since


def test_a_record_of_something_else_is_begun_anew(tmp_path: Path) -> None:
    target = tmp_path / "page.txt"
    PageRecord(target, {"bytes": 1}).add({"page": 1, "text": "one"})
    assert PageRecord(target, {"bytes": 1}).pages == {1: {"page": 1, "text": "one"}}
    assert PageRecord(target, {"bytes": 2}).pages == {}
    assert PageRecord(target, {"bytes": 1}).pages == {}


def test_pages_stand_in_the_text_as_they_were_added(tmp_path: Path) -> None:
    target = tmp_path / "page.txt"
    PageRecord(target, {}).add({"page": 1, "text": "one"})
    record = PageRecord(target, {})
    for number, text in ((3, "three"), (1, "one"), (3, "three")):
        record.add({"page": number, "text": text})
    record.finish(lambda aside, pages: _write(aside, " ".join(page["text"] for page in pages)), is_whole=False)
    assert target.read_text() == "three one three"
    assert len((tmp_path / "page.txt.pages.jsonl").read_text().splitlines()) == 3  # each page once


def test_a_name_that_is_no_utf8_is_known_again(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.png")
    target, about = tmp_path / os.fsdecode(b"caf\xe9.txt"), {"file": str(file)}
    record = PageRecord(target, about)
    record.add({"page": 1, "text": "caf\u00e9"})
    assert PageRecord(target, about).pages == {1: {"page": 1, "text": "caf\u00e9"}}
    record.finish(lambda aside, pages: _write(aside, pages[0]["text"]), is_whole=True)
    assert changes_since(target, about) == []


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


def _write(aside: Path, text: str) -> None:
    aside.write_text(text, encoding="utf-8")
