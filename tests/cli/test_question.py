"""Any text is a question, of whatever length; a file in its place, or the name of one that is missing, is noticed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from demiglace.cli.question import check_question, file_meant

Run = Callable[..., Result]

QUESTIONS = {
    "256 bytes": "What is it? " * 30,
    "10,000 bytes": "w" * 10_000,
    "255 letters of two bytes": "é" * 255,
    "many lines": "What is it?\nAnd what is page.png\n" * 200,
    "ends as a file does": "What does it say in page.png",
    "long, and ends as a file does": "w" * 300 + ".png",
    "a folder that is none": "what/is/this.png or that.png",
    "a version": "v1.2",
    "nothing": "",
    "a full stop": ".",
    "a stroke": "/",
    "a share": "/2 of it, is that 3.5?",
    "no end of a character": "\udcff?",
    "zero byte": "a\0b.png",
    "a quoted file": '"page.png"?',
    "a suffix of no picture": "setup.py",
    "white space": " \n\t",
}


@pytest.mark.parametrize("text", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_any_text_is_a_question(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert file_meant(text) is None


@pytest.mark.parametrize("name", ["scan.pdf", "my photo.JPG", "notes", "sub/clip.mp4"])
def test_a_file_that_is_there_is_no_question(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).touch()
    with pytest.raises(ValueError, match=f"the question is missing: the last argument, {name}, is a file"):
        check_question(name)


@pytest.mark.parametrize("name", ["scan.pdf", "photo.JPG", "sub/my clip.mp4", "./a.webp", "none/b.tiff", "../c.gif"])
def test_a_file_that_is_missing_is_told_by_suffix_and_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"the last argument, {name}, names a file that is not there"):
        check_question(name)


@pytest.mark.parametrize("text", [QUESTIONS["256 bytes"], QUESTIONS["many lines"][:2000]])
def test_long_questions_are_answered(run: Run, model: Path, page: Path, text: str) -> None:
    result = run("ask", page, text, "--model", model, "--max-new-tokens", 2)
    assert (result.exit_code, result.stderr.splitlines()[0][:4]) == (0, "[cut")


def test_half_a_character_is_one_line(run: Run, model: Path) -> None:
    result = run("ask", "\udcff?", "--model", model)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_missing_file_is_not_asked_about_itself(run: Run, page: Path) -> None:
    result = run("ask", page, "scan.pdf")
    assert result.exit_code == 2
    assert "the question is missing: the last argument, scan.pdf, names a file that is not there" in result.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("ask What? --stream >&-", "demiglace: stdout is closed"),
        ("ask What? >&-", "demiglace: stdout is closed"),
        ("chat >&- </dev/null", "demiglace: stdout is closed"),
        ("read page.png >&-", "demiglace: stdout is closed"),
        ("tokens page.png >&-", "demiglace: stdout is closed"),
        ("doctor >&-", "demiglace: stdout is closed"),
        ("chat <&-", "demiglace: stdin is closed"),
    ],
)
def test_a_closed_stream_is_one_line(command: str, told: str) -> None:
    program = f'"{sys.executable}" -m demiglace {command}'
    done = subprocess.run(["/bin/sh", "-c", program], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == 1
