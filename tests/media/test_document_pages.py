"""PDFs made by hand, one object at a time, become pictures of their pages."""

import pytest
from bare_pdfs import dark_corner, pdf_of, sized
from real_data import DATA, needs_real_data

from demiglace.media import document_pages
from demiglace.media.document_pages import MAX_PAGE_PIXELS, MAX_PAGES, open_pages


def widths(pages) -> list[int]:
    return [page.width for page in pages]


@pytest.fixture
def seven_pages() -> bytes:
    """Page n is 36 n points wide: 72 n pixels at the default resolution."""
    return pdf_of([sized(36 * number, 36) for number in range(1, 8)])


def test_all_pages_in_order(seven_pages):
    assert widths(open_pages(seven_pages)) == [72, 144, 216, 288, 360, 432, 504]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [("1", [1]), ("1-3,7", [1, 2, 3, 7]), ("7,1", [7, 1]), (" 2 - 3 , 5 ", [2, 3, 5]), ("2,2", [2, 2])],
)
def test_chosen_pages(seven_pages, chosen, numbers):
    assert widths(open_pages(seven_pages, chosen)) == [72 * number for number in numbers]


def test_path_and_bytes_are_alike(tmp_path, seven_pages):
    (tmp_path / "seven.pdf").write_bytes(seven_pages)
    for source in (tmp_path / "seven.pdf", str(tmp_path / "seven.pdf")):
        assert widths(open_pages(source, "2")) == [144]


def test_resolution_scales_the_page(seven_pages):
    assert widths(open_pages(seven_pages, "1", dpi=72)) == [36]
    with pytest.raises(ValueError, match=r"dpi must be a number in \(0, 100000\], got 0"):
        list(open_pages(seven_pages, dpi=0))


@pytest.mark.parametrize(
    ("turn", "size", "corner"),
    [(0, (200, 400), (0, 0)), (90, (400, 200), (1, 0)), (180, (200, 400), (1, 1)), (270, (400, 200), (0, 1))],
)
def test_rotated_pages_come_as_readers_show_them(turn, size, corner):
    (page,) = open_pages(pdf_of([sized(100, 200, f"/Rotate {turn}")]))
    assert (page.mode, page.size) == ("RGB", size)
    assert dark_corner(page) == corner


def test_filled_form_fields_are_drawn():
    field = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /F 4 /Rect [50 0 100 100] /AP << /N 6 0 R >> >>"
    look = "<< /Subtype /Form /BBox [0 0 50 100] /Length 26 >> stream\n0 0 0 rg 0 0 50 100 re f  \nendstream"
    (page,) = open_pages(pdf_of([sized(100, 200, "/Annots [5 0 R]")], content=b" ", extra=[field, look]))
    assert dark_corner(page) == (1, 1)


@pytest.mark.parametrize("size", [(14_400, 14_400), (100, 14_400), (5_000, 9_000)])
def test_large_pages_are_drawn_at_the_bound(monkeypatch, size):
    monkeypatch.setattr(document_pages, "MAX_PAGE_PIXELS", 40_000)
    (page,) = open_pages(pdf_of([sized(*size)]))
    assert page.width * page.height <= 40_000 < (page.width + 2) * (page.height + 2)
    assert page.width / page.height == pytest.approx(size[0] / size[1], rel=0.1)


def test_an_ordinary_page_is_below_the_bound():
    (page,) = open_pages(pdf_of([sized(595, 842)]))
    assert page.size == (1190, 1684)
    assert page.width * page.height < MAX_PAGE_PIXELS


def test_too_many_pages_must_be_chosen():
    data = pdf_of([sized(10, 10)] * (MAX_PAGES + 1))
    with pytest.raises(ValueError, match=f"{MAX_PAGES + 1} pages, more than {MAX_PAGES}"):
        next(open_pages(data))
    assert len(list(open_pages(data, f"{MAX_PAGES}-{MAX_PAGES + 1}"))) == 2


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("8", "page 8 is outside .* 7 pages"),
        ("1-9", "page 9 is outside .* 7 pages"),
        ("0", "from 0 to 0"),
        ("3-2", "from 3 to 2"),
        ("1-999999999", "page 999999999 is outside .* 7 pages"),
        ("", "must look like '1-3,7', got ''"),
        ("1-", "must look like"),
        ("1,,2", "must look like"),
        ("two", "must look like"),
        ("-1", "must look like"),
        ("99999999999999999999", "must look like"),
    ],
)
def test_wrong_pages(seven_pages, chosen, message):
    with pytest.raises(ValueError, match=message) as failure:
        next(open_pages(seven_pages, chosen))
    assert "\n" not in str(failure.value)


def test_encrypted_documents_are_refused():
    lock = (
        "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 "
        f"/O <{'41' * 32}> /U <{'42' * 32}> >> /ID [<{'43' * 16}> <{'43' * 16}>]"
    )
    with pytest.raises(ValueError, match=r"is encrypted and needs a password$"):
        next(open_pages(pdf_of([sized(100, 100)], trailer=lock)))


def test_a_document_without_pages_is_refused():
    with pytest.raises(ValueError, match="has no pages"):
        next(open_pages(pdf_of([])))


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"plain words, no PDF", pdf_of([sized(9, 9)])[:60]])
def test_broken_documents_are_refused(tmp_path, data):
    (tmp_path / "broken.pdf").write_bytes(data)
    with pytest.raises(ValueError, match=r"broken\.pdf is not a readable PDF"):
        next(open_pages(tmp_path / "broken.pdf"))


@pytest.mark.parametrize(
    ("name", "message"), [("missing.pdf", "does not exist"), ("empty.pdf", "0 bytes"), (".", "folder")]
)
def test_paths_that_are_no_files(tmp_path, name, message):
    (tmp_path / "empty.pdf").touch()
    with pytest.raises(ValueError, match=message):
        next(open_pages(tmp_path / name))


def test_pictures_outlive_the_document():
    pages = open_pages(pdf_of([sized(100, 200)] * 2))
    first = next(pages)
    pages.close()
    assert dark_corner(first) == (0, 0)


def test_the_document_is_closed_when_the_iterator_is(seven_pages, monkeypatch):
    import pypdfium2

    closed = []
    close = pypdfium2.PdfDocument.close
    monkeypatch.setattr(pypdfium2.PdfDocument, "close", lambda pdf: (closed.append(pdf), close(pdf)))
    pages = open_pages(seven_pages)
    next(pages)
    assert closed == []
    pages.close()
    assert len(closed) == 1
    with pytest.raises(ValueError, match="outside"):
        next(open_pages(seven_pages, "8"))
    assert len(closed) == 2


@needs_real_data
def test_real_documents_have_ink():
    paths = sorted((DATA / "pdf_pages").glob("*.pdf"))
    for path in paths:
        for page in open_pages(path, dpi=36):
            darkest, lightest = page.convert("L").getextrema()
            assert lightest - darkest > 64, path.name
    assert len(paths) >= 10
