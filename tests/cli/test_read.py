import json
import re
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
from pypdfium2 import PdfDocument
from typer.testing import Result

from demiglace import Demiglace
from demiglace.cli.page_record import PageRecord, is_finished
from demiglace.inference import reading
from demiglace.processing import documents
from demiglace.processing.pictures import open_picture

Run = Callable[..., Result]
Drawn = dict[int, BaseException | None]

PAGES = ("first", "second", "third")


def sheet(text: str) -> PIL.Image.Image:
    picture = PIL.Image.new("RGB", (300, 200), "white")
    PIL.ImageDraw.Draw(picture).text((40, 60), text, "black", PIL.ImageFont.load_default(32))
    return picture


def pages_in(text: Path) -> list[int]:
    return [int(number) for number in re.findall(r"^--- .*, page (\d+) ---$", text.read_text(), re.MULTILINE)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    sheet("Hello").save(path)
    return path


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "three.pdf"
    first, *others = map(sheet, PAGES)
    first.save(path, save_all=True, append_images=others, resolution=200)
    return path


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """Pages of PDFs as they are drawn; an error put in beforehand is raised instead."""
    noted: Drawn = {}
    draw = documents._draw_pdf_page

    def noting(pdf: PdfDocument, name: str, dpi: float, number: int) -> PIL.Image.Image:
        if error := noted.setdefault(number, None):
            raise error
        return draw(pdf, name, dpi, number)

    monkeypatch.setattr(documents, "_draw_pdf_page", noting)
    return noted


def test_text_goes_to_stdout(run: Run, image: Path) -> None:
    result = run("read", image)
    expected = reading.read_page(Demiglace.load(), open_picture(image))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == expected.text + "\n"


def test_several_pages_get_headings(run: Run, image: Path, document: Path) -> None:
    headings = [line for line in run("read", document).stdout.splitlines() if "---" in line]
    assert headings == [f"--- three.pdf, page {number} ---" for number in (1, 2, 3)]
    assert "---" not in run("read", document, "--pages", 2).stdout
    headings = [line for line in run("read", image, document, "--pages", 2).stdout.splitlines() if "---" in line]
    assert headings == ["--- image.png, page 1 ---", "--- three.pdf, page 2 ---"]


def test_the_pages_of_a_tiff_are_read_as_those_of_a_pdf(run: Run, tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    first, *others = (sheet(text).convert("1") for text in PAGES)
    first.save(scan, save_all=True, append_images=others, compression="group4")
    told = run("read", scan).stdout
    assert re.findall("--- scan.tif, page (.) ---", told) == ["1", "2", "3"]
    assert run("read", scan, "--pages", 2).stdout in told
    assert run("read", scan, "--pages", 4).exit_code == 1


def test_pages_are_refused_where_no_file_has_any(run: Run, image: Path, document: Path) -> None:
    result = run("read", image, "--pages", 2)
    line = "demiglace: --pages 2 chooses pages of PDFs and TIFFs, and no file given is one\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", line)


def test_json_tells_regions_and_confidence(run: Run, image: Path) -> None:
    told = json.loads(run("read", image, "--json").stdout)
    (page,) = told["pages"]
    (region,) = page["regions"]
    (line,) = region["lines"]
    assert told["file"] == str(image)
    assert (page["page"], page["width"], page["height"], page["text"]) == (1, 300, 200, region["text"])
    assert 0 < region["confidence"] <= 1
    assert line["text"] == region["text"]
    left, top, right, bottom = line["box"]
    assert 30 < left < right < 200
    assert 50 < top < bottom < 110


def test_files_of_their_own(run: Run, image: Path, document: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    assert run("read", image, document, "--out", out).stdout == ""
    assert sorted(path.name for path in out.iterdir()) == ["image.txt", "three.txt"]
    assert (out / "image.txt").read_text() == run("read", image).stdout
    assert run("read", document, "--out", out, "--json").exit_code == 0
    assert [page["page"] for page in json.loads((out / "three.json").read_text())["pages"]] == [1, 2, 3]


def test_what_is_finished_is_left_alone(run: Run, image: Path, tmp_path: Path) -> None:
    (tmp_path / "image.txt").write_text("mine")
    result = run("read", image, "--out", tmp_path)
    assert result.stderr == f"1 of 1 files are finished already in {tmp_path}\n"
    assert (tmp_path / "image.txt").read_text() == "mine"


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
    assert is_finished(out / "image.txt")
    assert not (out / "none.txt").exists()

    drawn.clear()
    assert run("read", document, "--out", out).exit_code == 0
    assert drawn == {2: None}
    assert pages_in(out / "three.txt") == [1, 2, 3]
    assert is_finished(out / "three.txt")


def test_a_run_that_was_stopped_goes_on(run: Run, document: Path, tmp_path: Path, drawn: Drawn) -> None:
    drawn[3] = KeyboardInterrupt()
    assert run("read", document, "--out", tmp_path).exit_code == 130
    assert not (tmp_path / "three.txt").exists()
    (record,) = tmp_path.glob("*.pages.jsonl")
    record.write_bytes(record.read_bytes()[:-10])  # as if it had been killed while it wrote page 2

    drawn.clear()
    assert run("read", document, "--out", tmp_path).exit_code == 0
    assert list(drawn) == [2, 3]
    assert not record.exists()
    run("read", document, "--out", tmp_path / "at_once")
    assert (tmp_path / "three.txt").read_text() == (tmp_path / "at_once" / "three.txt").read_text()


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


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--pages", "2-1"), "page range '2-1' runs from 2 to 1"),
        (("--pages", "all"), "pages must look like '1-3,7', got 'all'"),
        (("--batch-size", 0), "--batch-size must be at least 1, got 0"),
        (("--device", "toaster"), "device 'toaster' cannot be used here"),
    ],
)
def test_wrong_use_is_status_2(run: Run, image: Path, options: tuple[object, ...], line: str) -> None:
    result = run("read", image, *options)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"demiglace: {line}")


def test_two_files_never_share_a_text(run: Run, image: Path, tmp_path: Path) -> None:
    result = run("read", image, tmp_path / "image.pdf", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "would both be written to" in result.stderr
    assert not (tmp_path / "out").exists()
