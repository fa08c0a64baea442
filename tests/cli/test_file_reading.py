"""Pages of a file: in the order asked, those that fail, and those that were read before a command was stopped."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sheets import pages_in
from typer.testing import Result

from demiglace.cli.read_journal import changes_since

Run = Callable[..., Result]
Drawn = dict[int, BaseException | None]


def test_pages_come_in_the_order_asked_and_as_often(run: Run, document: Path, tmp_path: Path, drawn: Drawn) -> None:
    asked = ("read", document, "--pages", "3,1,3")
    told = run(*asked).stdout
    assert [int(number) for number in re.findall(r"three\.pdf, page (\d) ---", told)] == [3, 1, 3]
    assert list(drawn) == [3, 1]
    run(*asked, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "three.txt").read_text() == told
    told = run(*asked, "--json").stdout
    assert [page["page"] for page in json.loads(told)["pages"]] == [3, 1, 3]
    run(*asked, "--json", "--out", tmp_path / "out")
    assert (tmp_path / "out" / "three.json").read_text() == told


def test_a_run_that_was_stopped_keeps_the_order_asked(run: Run, document: Path, tmp_path: Path, drawn: Drawn) -> None:
    drawn[2] = KeyboardInterrupt()
    asked = ("read", document, "--pages", "3,1,2,3", "--out", tmp_path)
    assert run(*asked).exit_code == 130
    drawn.clear()
    assert run(*asked).exit_code == 0
    assert 2 in drawn
    assert 3 not in drawn
    assert pages_in(tmp_path / "three.txt") == [3, 1, 2, 3]


def test_a_text_that_lacks_pages_says_which_it_has(run: Run, document: Path, tmp_path: Path, drawn: Drawn) -> None:
    drawn[1] = ValueError(f"page 1 of {document} cannot be drawn")
    assert run("read", document, "--pages", "1-2", "--out", tmp_path).exit_code == 1
    assert pages_in(tmp_path / "three.txt") == [2]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux")
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_name_that_is_no_utf8_ends_nothing(
    image: Path, document: Path, tmp_path: Path, as_json: tuple[str, ...]
) -> None:
    odd, out = tmp_path / os.fsdecode(b"caf\xe9.pdf"), tmp_path / "out"
    shutil.copy(document, odd)
    words = [sys.executable, "-m", "demiglace", "read", odd, image, "--pages", "1-2", "--out", out, *as_json]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    written = (out / odd.with_suffix(".json" if as_json else ".txt").name).read_text()
    if as_json:
        assert json.loads(written)["file"] == str(odd)
    else:
        assert re.findall("^--- (.*) ---$", written, re.MULTILINE) == ["caf?.pdf, page 1", "caf?.pdf, page 2"]
    assert (out / image.with_suffix(".json" if as_json else ".txt").name).is_file()
    again = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert again.stderr.decode() == f"2 of 2 files are finished already in {out}\n"
    assert (
        b"caf?.pdf, page 2"
        in subprocess.run(words[: -2 - len(as_json)], capture_output=True, timeout=300, check=True).stdout
    )


def test_a_page_that_fails_is_named_and_the_rest_goes_on(
    run: Run, document: Path, image: Path, tmp_path: Path, drawn: Drawn
) -> None:
    out = tmp_path / "out"
    drawn[2] = ValueError(f"page 2 of {document} cannot be drawn")
    result = run("read", document, tmp_path / "none.png", image, "--out", out)
    assert result.exit_code == 1
    assert result.stderr == (
        f"demiglace: page 2 of {document} cannot be drawn\ndemiglace: {tmp_path / 'none.png'} does not exist\n"
    )
    assert pages_in(out / "three.txt") == [1, 3]
    assert changes_since(out / "image.txt", {"file": str(image)}) is not None
    assert not (out / "none.txt").exists()

    drawn.clear()
    assert run("read", document, "--out", out).exit_code == 0
    assert drawn == {2: None}
    assert pages_in(out / "three.txt") == [1, 2, 3]
    assert changes_since(out / "three.txt", {"file": str(document)}) is not None


def test_a_run_that_was_stopped_goes_on(run: Run, document: Path, tmp_path: Path, drawn: Drawn) -> None:
    drawn[3] = KeyboardInterrupt()
    assert run("read", document, "--out", tmp_path).exit_code == 130
    assert not (tmp_path / "three.txt").exists()
    (record,) = tmp_path.glob("*.pages.jsonl")
    page_1 = record.read_bytes()  # page 2 was under way
    record.write_bytes(page_1 + page_1.splitlines()[-1][:-10])  # as if it had been killed while it wrote page 2

    drawn.clear()
    assert run("read", document, "--out", tmp_path).exit_code == 0
    assert list(drawn) == [2, 3]
    assert not record.exists()
    run("read", document, "--out", tmp_path / "at_once")
    assert (tmp_path / "three.txt").read_text() == (tmp_path / "at_once" / "three.txt").read_text()
