"""Forms without a form, layers that are off and units of a page: what is drawn is what readers show."""

import logging
import zlib

import pytest
from bare_pdfs import dark_corner, pdf_of, sized

from demiglace.media import document_pages
from demiglace.media.document_pages import open_document, open_page, open_pages
from demiglace.media.pdf_document import FilledPdf
from demiglace.media.pdf_facts import PdfFacts

# Black in the lower right quarter of a page of 100 x 200 points.
LOOK = "<< /Subtype /Form /BBox [0 0 50 100] /Length 26 >> stream\n0 0 0 rg 0 0 50 100 re f  \nendstream"
STAMP = "<< /Type /Annot /Subtype /Stamp /F 4 /Rect [50 0 100 100] /AP << /N {look} 0 R >> {more} >>"
FIELD = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /F 4 /Rect [50 0 100 100] /AP << /N {look} 0 R >> {more} >>"


def pdf(*objects: str, catalog: str = "", packed: bool = False) -> bytes:
    """A PDF of a catalog, the page tree as object 2, and `objects` from number 3; `packed` in an object stream."""
    bodies = {1: f"<< /Type /Catalog /Pages 2 0 R {catalog} >>", **dict(enumerate(objects, start=2))}
    plain = {number: body for number, body in bodies.items() if not packed or "stream" in body}
    places: dict[int, bytes] = {}
    data = b"%PDF-1.7\n"
    for number, body in plain.items():
        places[number] = b"\1" + len(data).to_bytes(4) + b"\0"
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body.encode())
    inside = [number for number in bodies if number not in plain]
    last = len(bodies) + 1
    if inside:
        starts, texts = [], b""
        for index, number in enumerate(inside):
            places[number] = b"\2" + last.to_bytes(4) + bytes([index])
            starts.append(b"%d %d " % (number, len(texts)))
            texts += bodies[number].encode() + b"\n"
        head = b"".join(starts)
        body = zlib.compress(head + texts)
        places[last] = b"\1" + len(data).to_bytes(4) + b"\0"
        data += b"%d 0 obj\n<< /Type /ObjStm /N %d /First %d /Filter /FlateDecode /Length %d >> stream\n" % (
            (last, len(inside), len(head), len(body))
        )
        data += body + b"\nendstream\nendobj\n"
    start = len(data)
    places[last + 1] = b"\1" + start.to_bytes(4) + b"\0"
    table = bytes(6) + b"".join(places.get(number, bytes(6)) for number in range(1, last + 2))
    data += b"%d 0 obj\n<< /Type /XRef /Size %d /W [1 4 1] /Root 1 0 R /Length %d >> stream\n" % (
        (last + 1, last + 2, len(table))
    )
    return data + table + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF" % start


def page_with(annotation: str, *others: str, catalog: str = "", page: str = "", packed: bool = False) -> bytes:
    """One page of 100 x 200 points with one annotation; `others` are objects from number 6."""
    return pdf(
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 200] /Annots [4 0 R] {page} >>",
        annotation.replace("{look}", "5"),
        LOOK,
        *others,
        catalog=catalog,
        packed=packed,
    )


def is_drawn(data: bytes) -> bool:
    (picture,) = open_pages(data)
    return picture.getpixel((150, 300)) == (0, 0, 0)


def test_a_field_whose_page_left_its_form_behind_is_drawn() -> None:
    assert is_drawn(page_with(FIELD.replace("{more}", "")))


def test_a_value_without_a_look_is_drawn_too() -> None:
    font = "/DR << /Font << /Helv << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    value = f"/FT /Tx /T (a) /V (XXXX) /F 4 /Rect [0 0 100 100] /DA (/Helv 40 Tf 0 g) {font}"
    (picture,) = open_pages(page_with(f"<< /Type /Annot /Subtype /Widget {value} >>"))
    assert picture.convert("L").getextrema()[0] < 64


@pytest.mark.parametrize("packed", [False, True])
def test_a_hybrid_form_is_drawn_without_advice(packed: bool, caplog: pytest.LogCaptureFixture, capfd) -> None:
    form = "/AcroForm << /Fields [4 0 R] /XFA [(template) 6 0 R] >>"
    xfa = "<< /Length 12 >> stream\n<template/>  \nendstream"
    data = page_with(FIELD.replace("{more}", ""), xfa, catalog=form, packed=packed)
    with caplog.at_level(logging.DEBUG):
        assert is_drawn(data)
    assert not [record for record in caplog.records if record.name.startswith("pypdfium2")]
    assert capfd.readouterr().err == ""


OFF, ON = "/OCProperties << /OCGs [6 0 R 7 0 R] /D << /OFF [6 0 R] >> >>", "/OCProperties << /OCGs [6 0 R] /D << >> >>"
GROUPS = ("<< /Type /OCG /Name (off \\)\\( >> layer) >>", "<< /Type /OCG /Name (on) >>")


@pytest.mark.parametrize("annotation", [STAMP, FIELD])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("layer", "catalog", "drawn"),
    [
        ("6 0 R", OFF, False),
        ("7 0 R", OFF, True),
        ("6 0 R", ON, True),
        ("6 0 R", OFF.replace("/D <<", "/D << /BaseState /OFF /ON [7 0 R]"), False),
        ("7 0 R", OFF.replace("/D <<", "/D << /BaseState /OFF /ON [7 0 R]"), True),
        ("7 0 R", OFF.replace("/D <<", "/D << /BaseState /OFF"), False),
        ("<< /Type /OCMD /OCGs 6 0 R >>", OFF, False),
        ("<< /Type /OCMD /OCGs [6 0 R 7 0 R] >>", OFF, True),
        ("<< /Type /OCMD /OCGs [6 0 R 7 0 R] /P /AllOn >>", OFF, False),
        ("<< /Type /OCMD /OCGs [6 0 R 7 0 R] /P /AnyOff >>", OFF, True),
        ("<< /Type /OCMD /OCGs [6 0 R 7 0 R] /P /AllOff >>", OFF, False),
        ("<< /Type /OCMD /OCGs [6 0 R] /P /AllOff >>", OFF, True),
        ("<< /Type /OCMD /OCGs [] >>", OFF, True),
        ("<< /Type /OCMD /VE [/And 6 0 R 7 0 R] >>", OFF, False),
        ("<< /Type /OCMD /VE [/Or 6 0 R [/Not 7 0 R]] >>", OFF, False),
        ("<< /Type /OCMD /VE [/And [/Not 6 0 R] 7 0 R] >>", OFF, True),
        ("99 0 R", OFF, True),
        ("<< /Type /OCG /Name (of no list) >>", OFF, True),
        ("(no dictionary)", OFF, True),
    ],
)
def test_annotations_follow_their_layer(annotation: str, packed: bool, layer: str, catalog: str, drawn: bool) -> None:
    data = page_with(annotation.replace("{more}", f"/OC {layer}"), *GROUPS, catalog=catalog, packed=packed)
    assert is_drawn(data) == drawn


def test_a_view_state_of_a_layer_counts() -> None:
    group = "<< /Type /OCG /Name (a) /Usage << /View << /ViewState /OFF >> >> >>"
    assert not is_drawn(page_with(STAMP.replace("{more}", "/OC 6 0 R"), group, catalog=ON))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("unit", "factor"), [("2", 2), ("2.5", 2.5), ("6 0 R", 3), ("0", 1), ("-1", 1), ("(2)", 1), ("1.0", 1)]
)
def test_the_unit_of_a_page_counts(unit: str, factor: float, packed: bool) -> None:
    data = page_with(STAMP.replace("{more}", ""), "3", page=f"/UserUnit {unit}", packed=packed)
    (picture,) = open_pages(data, dpi=72)
    assert picture.size == (100 * factor, 200 * factor)
    assert dark_corner(picture) == (1, 1)


def test_a_large_unit_keeps_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_pages, "MAX_PAGE_PIXELS", 40_000)
    (picture,) = open_pages(page_with(STAMP.replace("{more}", ""), page="/UserUnit 75000"))
    assert 39_000 < picture.width * picture.height <= 40_000


def test_facts_belong_to_their_pages_in_a_tree_that_returns_to_itself() -> None:
    tree = "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 3 >>"
    branch = "<< /Type /Pages /Parent 2 0 R /Kids [5 0 R 6 0 R] /Count 2 >>"
    leaf = "<< /Type /Page /Parent {} 0 R /MediaBox [0 0 10 10] /UserUnit {} >>"
    data = pdf(tree, branch, leaf.format(2, 4), leaf.format(3, 2), leaf.format(3, 3))
    assert [picture.width for picture in open_pages(data, dpi=72)] == [20, 30, 40]
    looped = data.replace(b"/Kids [5 0 R 6 0 R]", b"/Kids [5 0 R 2 0 R]")
    with open_document(looped) as document:
        facts = PdfFacts(document, looped)
        assert [facts.page(index).user_unit for index in range(3)] == [2, 4, 1]


def test_nothing_is_asked_of_a_document_that_holds_nothing_of_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilledPdf, "save", lambda *_: pytest.fail("a copy was written"))
    assert len(list(open_pages(pdf_of([sized(10, 10)] * 2)))) == 2


@pytest.mark.parametrize("size", [(9_999_999, 0.001), (0.001, 9_999_999), (14_400, 0.01)])
def test_an_extremely_flat_page_keeps_to_the_bound(size: tuple[float, float]) -> None:
    with open_document(pdf_of([sized(*size)])) as document, open_page(document, 1, "flat") as page:
        picture = document_pages.draw(page, 144)
    assert min(picture.size) == 1
    assert picture.width * picture.height <= document_pages.MAX_PAGE_PIXELS
