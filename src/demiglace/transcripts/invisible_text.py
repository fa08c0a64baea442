"""Text that is found and copied but not seen, in a PDF that pdfium has open.

The font is the kind that OCR programs use: every character has the same glyph, a square of one em from the baseline up,
which is never drawn. It is built here, since fonts have too few characters, or many megabytes.
"""

from __future__ import annotations

import ctypes
import struct

from pypdfium2 import PdfDocument, PdfiumError, PdfPage, raw

Matrix = tuple[float, float, float, float, float, float]

_EM = 1000
_CHARACTERS = 0x10000  # of two bytes; others are two surrogates, as in UTF-16

# Characters are codes of UTF-16, so that every one of them is known without a list (as in Tesseract's PDFs).
_TO_UNICODE = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
1 beginbfrange
<0000> <FFFF> <0000>
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class InvisibleText:
    """Adds invisible text to pages of `pdf`. A context; PdfiumError if it fails."""

    def __init__(self, pdf: PdfDocument) -> None:
        font, glyphs = _font(), b"\0\1" * _CHARACTERS
        self._pdf = pdf
        self._font = raw.FPDFText_LoadCidType2Font(
            pdf, _octets(font), len(font), _TO_UNICODE, _octets(glyphs), len(glyphs)
        )
        if not self._font:
            raise PdfiumError("Failed to load the font.")

    def __enter__(self) -> InvisibleText:
        return self

    def __exit__(self, *_: object) -> None:
        raw.FPDFFont_Close(self._font)

    def add(self, page: PdfPage, text: str, matrix: Matrix) -> None:
        """Put `text` on the page. `matrix`: from ems, one a code, along and above the baseline to the page's units."""
        codes = _codes(text)
        item = raw.FPDFPageObj_CreateTextObj(self._pdf, self._font, 1.0)
        done = raw.FPDFText_SetCharcodes(item, (ctypes.c_uint32 * len(codes))(*codes), len(codes))
        done = done and raw.FPDFTextObj_SetTextRenderMode(item, raw.FPDF_TEXTRENDERMODE_INVISIBLE)
        if not (done and raw.FPDFPageObj_SetMatrix(item, raw.FS_MATRIX(*matrix))):
            raise PdfiumError("Failed to make text.")
        raw.FPDFPage_InsertObject(page, item)


def num_codes(text: str) -> int:
    """The number of ems that `text` is long."""
    return len(_codes(text))


def _codes(text: str) -> tuple[int, ...]:
    data = text.encode("utf-16-be", errors="replace")
    return struct.unpack(f">{len(data) // 2}H", data)


def _octets(data: bytes) -> ctypes.Array[ctypes.c_uint8]:
    return (ctypes.c_uint8 * len(data)).from_buffer_copy(data)


def _font() -> bytes:
    """A TrueType font of two glyphs, both one em wide: an empty one, and a square."""
    square = struct.pack(">5h2H4B8h", 1, 0, 0, _EM, _EM, 3, 0, 1, 1, 1, 1, 0, 0, _EM, 0, 0, _EM, 0, -_EM)
    square += bytes(-len(square) % 4)
    tables = {
        b"cmap": struct.pack(">4HI", 0, 1, 3, 1, 12)
        + struct.pack(">12H", 4, 24, 0, 2, 2, 0, 0, 0xFFFF, 0, 0xFFFF, 1, 0),
        b"glyf": square,
        b"head": struct.pack(
            ">4I2H2q4h2H3h", 1 << 16, 1 << 16, 0, 0x5F0F3CF5, 11, _EM, 0, 0, 0, 0, _EM, _EM, 0, 8, 2, 1, 0
        ),
        b"hhea": struct.pack(">I3hH11hH", 1 << 16, _EM, 0, 0, _EM, 0, 0, _EM, 1, 0, 0, 0, 0, 0, 0, 0, 2),
        b"hmtx": struct.pack(">HhHh", _EM, 0, _EM, 0),
        b"loca": struct.pack(">3I", 0, 0, len(square)),
        b"maxp": struct.pack(">I14H", 1 << 16, 2, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    place = 12 + 16 * len(tables)
    directory, body = struct.pack(">I4H", 1 << 16, len(tables), 64, 2, 16 * len(tables) - 64), b""
    for name, data in tables.items():
        padded = data + bytes(-len(data) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) % 2**32
        directory += struct.pack(">4s3I", name, checksum, place + len(body), len(data))
        body += padded
    return directory + body
