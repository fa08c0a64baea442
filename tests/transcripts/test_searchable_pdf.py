"""Searchable PDFs: pages look as before, and their words are found where they are."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from bare_pdfs import pdf_of, sized
from pypdfium2 import PdfDocument
from read_pages import HEIGHT, WIDTH, line, page, picture, region

from demiglace.inference.page_reading import PAGE_DPI
from demiglace.inference.read_page import ReadPage
from demiglace.media.document_pages import drawable_pages
from demiglace.transcripts.searchable_pdf import write_searchable_pdf

LINES = [line(40, (30, "Two words")), line(70, (30, "cell"), (300, "gÿpsy Ω漢😀"))]


def read_page(turn: int = 0) -> ReadPage:
    return page(region(*LINES), turn=turn)


def found(pdf: PdfDocument, text: str, index: int = 0) -> tuple[float, ...]:
    """Where the text stands on the page: left, bottom, right and top in its units; it must be there once."""
    searcher = (layer := pdf[index].get_textpage()).search(text, match_case=True)
    occurrence = searcher.get_next()
    assert occurrence is not None, f"{text} is not in {layer.get_text_range()!r}"
    assert searcher.get_next() is None
    rects = np.array([layer.get_rect(number) for number in range(layer.count_rects(*occurrence))])
    return (*rects[:, :2].min(axis=0).tolist(), *rects[:, 2:].max(axis=0).tolist())


def shown(pdf: PdfDocument, index: int = 0, scale: float = 1.0) -> np.ndarray:
    return np.asarray(pdf[index].render(scale=scale).to_pil().convert("RGB"))


def test_words_and_phrases_of_a_picture_are_found_in_their_place(tmp_path: Path) -> None:
    picture(read_page()).save(tmp_path / "scan.png", dpi=(144, 144))
    write_searchable_pdf(tmp_path / "out.pdf", str(tmp_path / "scan.png"), [(1, read_page())])
    pdf = PdfDocument(tmp_path / "out.pdf")
    assert pdf[0].get_size() == pytest.approx((WIDTH / 2, HEIGHT / 2), abs=0.1)
    assert found(pdf, "Two words") == pytest.approx((15, 200 - 28, 60, 200 - 20), abs=0.3)
    assert found(pdf, "cell") == pytest.approx((15, 200 - 43, 35, 200 - 35), abs=0.3)
    assert found(pdf, "gÿpsy")[0] == pytest.approx(150, abs=0.3)
    text = pdf[0].get_textpage().get_text_range()
    assert text.split() == ["Two", "words", "cell", "gÿpsy", "Ω漢😀"]
    assert (shown(pdf, scale=2) == np.asarray(picture(read_page()))).all()


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_was_turned_is_shown_upright_with_its_text(tmp_path: Path, turn: int) -> None:
    given = read_page(turn)
    picture(given).save(tmp_path / "scan.png", dpi=(144, 144))
    write_searchable_pdf(tmp_path / "out.pdf", str(tmp_path / "scan.png"), [(1, given)])
    pdf = PdfDocument(tmp_path / "out.pdf")
    left, top, right, bottom = given.regions[0].lines[0].words[0].box
    height = given.height / 2
    assert found(pdf, "Two") == pytest.approx((left / 2, height - bottom / 2, right / 2, height - top / 2), abs=0.3)
    assert pdf[0].get_textpage().get_text_range().split()[:3] == ["Two", "words", "cell"]
    assert (shown(pdf, scale=2) == np.asarray(picture(read_page()))).all()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("box", ["", "/CropBox [20 30 90 180]", "/UserUnit 2 /CropBox [20 30 90 180]"])
def test_words_of_a_pdf_are_found_where_they_are_shown(tmp_path: Path, rotate: int, box: str) -> None:
    source, target = tmp_path / "scan.pdf", tmp_path / "out.pdf"
    content = b"q 2 0 0 2 7 9 cm 0 0 0 rg 10 20 25 45 re f 0.5 0 0 0.5 0 0 cm"  # leaves its units scaled
    source.write_bytes(pdf_of([sized(100, 200, f"/Rotate {rotate} {box}")], content))
    with drawable_pages(source, PAGE_DPI) as drawable:
        drawn = drawable.draw(1)
    read = ReadPage(drawn.width, drawn.height, 0, 1.0, 0, (region(line(40, (30, "Somewhere"))),))
    write_searchable_pdf(target, str(source), [(1, read)])
    before, after = PdfDocument(source), PdfDocument(target)
    assert (shown(before) == shown(after)).all()
    left, bottom, right, top = found(after, "Somewhere")
    place = after[0].get_bbox()
    across = {0: left - place[0], 90: bottom - place[1], 180: place[2] - right, 270: place[3] - top}[rotate]
    width, _ = after[0].get_size()
    assert across / width == pytest.approx(30 / drawn.width, abs=0.01)


def test_text_that_is_there_is_not_written_twice(tmp_path: Path) -> None:
    source, target = tmp_path / "scan.png", tmp_path / "once.pdf"
    picture(read_page()).save(source, dpi=(144, 144))
    write_searchable_pdf(target, str(source), [(1, page(region(LINES[0])))])
    write_searchable_pdf(tmp_path / "twice.pdf", str(target), [(1, read_page())])
    text = PdfDocument(tmp_path / "twice.pdf")[0].get_textpage().get_text_range()
    assert text.split() == ["Two", "words", "cell", "gÿpsy", "Ω漢😀"]


def test_a_page_that_would_look_different_stays_without_text(tmp_path: Path) -> None:
    source, target = tmp_path / "marked.pdf", tmp_path / "out.pdf"
    used = "/Resources << /ExtGState << /G << /BM /Multiply >> >> /XObject << /F 6 0 R >> >>"
    marker = "/G gs 1 0.8 0 rg 0 0 100 200 re f"  # its blend mode is in the page's resources alone
    form = f"<< /Type /XObject /Subtype /Form /BBox [0 0 100 200] /Length {len(marker)} >> stream\n{marker}\nendstream"
    content = b"q 0 0 1 rg 20 20 60 60 re f Q /F Do"
    source.write_bytes(pdf_of([sized(100, 200, used), sized(100, 200)], content, [form]))
    assert write_searchable_pdf(target, str(source), [(1, read_page()), (2, read_page())]) == [1]
    before, after = PdfDocument(source), PdfDocument(target)
    assert all((shown(before, index) == shown(after, index)).all() for index in (0, 1))
    assert "Two words" in after[1].get_textpage().get_text_range()


def test_chosen_pages_come_in_their_order(tmp_path: Path) -> None:
    source, target = tmp_path / "three.pdf", tmp_path / "out.pdf"
    source.write_bytes(pdf_of([sized(100, 200), sized(100, 210), sized(100, 220)]))
    reads = {number: page(region(line(40, (30, name)))) for number, name in ((3, "third"), (1, "first"))}
    write_searchable_pdf(target, str(source), [(number, reads[number]) for number in (3, 1, 3)])
    pdf = PdfDocument(target)
    assert [one.get_size()[1] for one in pdf] == [220, 200, 220]
    assert [one.get_textpage().get_text_range() for one in pdf] == ["third", "first", "third"]


def test_pages_of_a_tiff_are_kept_without_loss(tmp_path: Path) -> None:
    source, target = tmp_path / "fax.tif", tmp_path / "out.pdf"
    frames = [picture(page(region(line(top, (30, "word"))))).convert("1") for top in (40, 90)]
    frames[0].save(source, save_all=True, append_images=frames[1:], compression="group4", dpi=(100, 100))
    write_searchable_pdf(target, str(source), [(2, read_page()), (1, read_page())])
    pdf = PdfDocument(target)
    assert pdf[0].get_size() == pytest.approx((WIDTH * 0.72, HEIGHT * 0.72))
    assert (shown(pdf, 0, 1 / 0.72) == np.asarray(frames[1].convert("RGB"))).all()
    assert target.stat().st_size < 20_000


def test_a_jpeg_is_taken_as_it_is_unless_it_is_turned(tmp_path: Path) -> None:
    scan = picture(read_page())
    scan.save(tmp_path / "plain.jpg", quality=60)
    stored = (tmp_path / "plain.jpg").read_bytes()
    write_searchable_pdf(tmp_path / "plain.pdf", str(tmp_path / "plain.jpg"), [(1, read_page())])
    assert stored in (tmp_path / "plain.pdf").read_bytes()
    exif = PIL.Image.Exif()
    exif[0x0112] = 3
    scan.transpose(PIL.Image.Transpose.ROTATE_180).save(tmp_path / "turned.jpg", quality=95, exif=exif)
    write_searchable_pdf(tmp_path / "turned.pdf", str(tmp_path / "turned.jpg"), [(1, read_page())])
    page_shown = shown(PdfDocument(tmp_path / "turned.pdf"), 0, 200 / 72)
    assert np.abs(page_shown.astype(int) - np.asarray(scan)).mean() < 3


def test_a_file_that_is_no_pdf_any_more_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    source.write_bytes(b"%PDF-1.7\ncut short")
    with pytest.raises(ValueError, match="cannot be written as a searchable PDF"):
        write_searchable_pdf(tmp_path / "out.pdf", str(source), [(1, read_page())])
