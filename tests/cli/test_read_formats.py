"""What `read` writes in each form, to stdout and to files."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pypdfium2 import PdfDocument
from typer.testing import Result

from demiglace.cli import file_reading
from demiglace.cli.read_formats import SUFFIXES
from demiglace.inference.read_page import ReadPage

Run = Callable[..., Result]


@pytest.mark.parametrize("form", ["text", "markdown", "hocr"])
def test_the_file_of_a_document_is_what_stdout_shows(run: Run, document: Path, tmp_path: Path, form: str) -> None:
    shown = run("read", document, "--format", form)
    assert run("read", document, "--format", form, "--out", tmp_path).stdout == ""
    assert (tmp_path / f"three{SUFFIXES[form]}").read_text() == shown.stdout
    assert (shown.exit_code, shown.stderr) == (0, "")


def test_markdown_has_headings_for_pages(run: Run, document: Path) -> None:
    told = run("read", document, "--format", "markdown", "--pages", "3,1").stdout
    assert [line for line in told.splitlines() if line.startswith("#")] == [
        "# three.pdf, page 3",
        "# three.pdf, page 1",
    ]
    assert "\n\n# three.pdf, page 1\n\n" in told


def test_hocr_of_several_files_is_one_document(run: Run, image: Path, document: Path) -> None:
    root = ElementTree.fromstring(run("read", image, document, "--format", "hocr", "--pages", 2).stdout)
    pages = [element for element in root.iter() if element.get("class") == "ocr_page"]
    assert [page.get("id") for page in pages] == ["page_1", "page_2"]
    assert [page.get("title", "").partition(";")[0] for page in pages] == [f'image "{image}"', f'image "{document}"']


def test_a_searchable_pdf_is_resumed_and_not_written_in_halves(
    run: Run, document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    entry = file_reading._entry
    monkeypatch.setattr(
        file_reading, "_entry", lambda file, number, page: entry(file, number, page) if number < 2 else 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        run("read", document, "--format", "pdf", "--out", out)
    assert not list(out.glob("*.pdf"))
    monkeypatch.undo()
    assert run("read", document, "--format", "pdf", "--out", out).exit_code == 0
    assert [path.name for path in out.glob("[!.]*")] == ["three.pdf"]
    texts = [page.get_textpage().get_text_range().strip() for page in PdfDocument(out / "three.pdf")]
    pages = json.loads(run("read", document, "--json").stdout)["pages"]
    assert texts == [page["text"] for page in pages]
    assert "finished already" in run("read", document, "--format", "pdf", "--out", out).stderr


def test_pages_come_back_from_json(run: Run, image: Path) -> None:
    (page,) = json.loads(run("read", image, "--format", "json").stdout)["pages"]
    read = ReadPage.of(page)
    (word,) = read.regions[0].lines[0].words
    assert (word.text, word.cell, read.text) == (page["text"], 0, page["text"])
    left, top, right, bottom = word.box
    assert 38 < left < right < 160
    assert 60 < top < bottom < 100
