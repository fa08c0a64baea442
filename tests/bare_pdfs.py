"""PDFs made by hand, one object at a time, whose pages are black in one quarter."""

from PIL import Image

BLACK_TOP_LEFT = b"0 0 0 rg 0 100 50 100 re f"  # upper left quarter of a page of 100 x 200 points


def pdf_of(
    pages: list[str], content: bytes = BLACK_TOP_LEFT, extra: list[str] | None = None, trailer: str = ""
) -> bytes:
    """A PDF whose page dictionaries hold the given entries; `extra` objects are numbered after the pages."""
    kids = " ".join(f"{4 + index} 0 R" for index in range(len(pages)))
    fields = f"/AcroForm << /Fields [{4 + len(pages)} 0 R] >>" if extra else ""
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {fields} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content),
        *(f"<< /Type /Page /Parent 2 0 R /Contents 3 0 R {page} >>".encode() for page in pages),
        *(body.encode() for body in extra or []),
    ]
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(bodies) + 1, table)
    return data + b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF" % (
        len(bodies) + 1,
        trailer.encode(),
        start,
    )


def sized(width: float, height: float, more: str = "") -> str:
    return f"/MediaBox [0 0 {width} {height}] {more}"


def dark_corner(page: Image.Image) -> tuple[bool, bool]:
    """Which quarter is black: (right?, bottom?)."""
    width, height = page.size
    places = {
        (right, bottom): (width * (1 + 2 * right) // 4, height * (1 + 2 * bottom) // 4)
        for right in (0, 1)
        for bottom in (0, 1)
    }
    (corner,) = [corner for corner, place in places.items() if page.getpixel(place) == (0, 0, 0)]
    return corner
