"""A writer of small PDFs: pages of 400 x 300 points, the standard fonts, and maps of letters as wrong as one likes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT = 400, 300
STANDARD = {"Sans": "Helvetica", "Serif": "Times-Roman", "Mono": "Courier"}


@dataclass(frozen=True)
class Sheet:
    """Content of a page, entries for its dictionary, and fonts by name: codes -> what ToUnicode says of them."""

    content: str
    entries: str = ""
    fonts: tuple[tuple[str, dict[int, str]], ...] = ()


def show(text: str, x: float, y: float, font: str = "Sans", size: float = 12, matrix: str = "1 0 0 1") -> str:
    """Operators that show `text`, from x and y (points from the lower left) on."""
    escaped = "".join(f"\\{ord(c):03o}" if c in "()\\" or not 32 <= ord(c) < 127 else c for c in text)
    return f"BT /{font} {size} Tf {matrix} {x} {y} Tm ({escaped}) Tj ET\n"


def write_pdf(path: Path, *sheets: Sheet | str | None) -> Path:
    """Pages in order; a plain string is a content, None a page whose object is none."""
    bodies = ["<< /Type /Catalog /Pages 2 0 R >>", "", _stream("600 0 d0 50 0 500 700 re f")]
    kids = []
    for sheet in (Sheet(sheet) if isinstance(sheet, str) else sheet for sheet in sheets):
        kids.append(len(bodies) + 1)
        bodies += ["(not a page)"] if sheet is None else _page(sheet, len(bodies) + 1)
    bodies[1] = f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>"
    path.write_bytes(_file(bodies))
    return path


def _page(sheet: Sheet, number: int) -> list[str]:
    """The page, its content, and two objects for each font of its own."""
    resources = [f"/{name} << /Type /Font /Subtype /Type1 /BaseFont /{base} >>" for name, base in STANDARD.items()]
    resources.append("/Nameless " + _TYPE_3)
    objects: list[str] = []
    for name, to_unicode in sheet.fonts:
        resources.append(f"/{name} {number + 2 + len(objects)} 0 R")
        objects.append(_font(number + 3 + len(objects)))
        objects.append(_stream(_cmap(to_unicode)))
    page = (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {number + 1} 0 R "
        f"/Resources << /Font << {' '.join(resources)} >> >> {sheet.entries} >>"
    )
    return [page, _stream(sheet.content), *objects]


def _font(cmap: int) -> str:
    return (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica "
        f"/Encoding << /Differences [1 /fi] >> /ToUnicode {cmap} 0 R >>"
    )


_TYPE_3 = (  # a glyph of our own drawing, and no word on which letter it is
    "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 600 700] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 97 "
    "/LastChar 97 /Widths [600] /Encoding << /Differences [97 /mark] >> /CharProcs << /mark 3 0 R >> >>"
)


def _cmap(to_unicode: dict[int, str]) -> str:
    entries = "\n".join(f"<{code:02x}> <{text.encode('utf-16-be').hex()}>" for code, text in to_unicode.items())
    return (
        "/CIDInit /ProcSet findresource begin begincmap /CMapName /Own def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange\n{len(to_unicode)} beginbfchar\n{entries}\nendbfchar\n"
        "endcmap end"
    )


def _stream(content: str) -> str:
    return f"<< /Length {len(content)} >> stream\n{content}\nendstream"


def _file(bodies: list[str]) -> bytes:
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(data)
    end = f"trailer << /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF"
    return data + f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}{end}".encode()
