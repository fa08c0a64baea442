"""The glyphs of a page as pdfium reports them, in pixels of its picture, and the ink they leave there."""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from demiglace.media.document_pages import draw

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MAX_CHARACTERS = 30_000  # of a page; a dense printed page has 10,000
GENERATED = "\u2009"  # a space that pdfium adds where glyphs are far apart, also in place of one of the file
LEAST_CONTRAST = 32  # of 255 levels, in the channel that differs most

_LEAST_EM = 0.1  # pixels
_FAR = 1e6  # pixels
_DEVICE_SCALE = 100  # pdfium returns whole pixels: for a picture this much larger, they are hundredths of a pixel


@dataclass(frozen=True)
class Glyphs:
    """Glyphs of a text layer in the file's order, without spaces; lengths in pixels of the upright picture.

    texts: the letters that each glyph stands for, several for a ligature.
    boxes: float64 (glyphs, 4), tight around the shape.
    cells: float64 (glyphs, 2), from where the glyph's advance begins to where it ends, left to right.
    baselines, ems: float64 (glyphs,), y of the baseline, and the font size.
    fonts: int64 (glyphs,), equal for glyphs of the same font.
    upright, hidden, mapped: bool (glyphs,), whether the glyph is upright, is drawn without any ink, and has its
    letters from a map of the font.
    partings: str (glyphs,), what the layer has before the glyph: " ", `GENERATED`, a line break, or "" for nothing.
    """

    texts: tuple[str, ...]
    boxes: np.ndarray
    cells: np.ndarray
    baselines: np.ndarray
    ems: np.ndarray
    fonts: np.ndarray
    upright: np.ndarray
    hidden: np.ndarray
    mapped: np.ndarray
    partings: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def chosen(self, numbers: np.ndarray) -> Glyphs:
        """The glyphs with these indices, in this order."""
        texts = tuple(self.texts[number] for number in numbers)
        return Glyphs(texts, *(value[numbers] for name, value in vars(self).items() if name != "texts"))


class _Character(NamedTuple):
    """One character of pdfium's text page, in points of the page."""

    text: str  # " " or `GENERATED` for any space, "\n" for a break, "" for marks without width
    box: tuple[float, ...]
    cell: tuple[float, ...]
    origin: tuple[float, float]
    matrix: tuple[float, ...]
    size: float
    object: int
    font: int
    hidden: bool
    mapped: bool


def read_glyphs(page: PdfPage, dpi: float) -> tuple[np.ndarray, np.ndarray, Glyphs]:
    """The rendered page, the page rendered again with its text hidden, and its glyphs.

    Both pictures are uint8 (height, width, 3). ValueError if the layer has more than `MAX_CHARACTERS` characters.
    """
    picture = np.array(draw(page, dpi))
    text_page = page.get_textpage()
    try:
        characters = list(_characters(text_page.raw, text_page.count_chars()))
    finally:
        text_page.close()
    glyphs = _glyphs(characters, _page_to_pixels(page, picture.shape[1], picture.shape[0]))
    _hide_text(page)
    return picture, np.asarray(draw(page, dpi)), glyphs


def ink_of(picture: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """bool (height, width), True where text changes the picture by `LEAST_CONTRAST`.

    Text that is invisible, of the paper's colour, covered or clipped leaves none.
    """
    return np.abs(picture.astype(np.int16) - bare).max(-1) >= LEAST_CONTRAST


def _characters(text_page: Any, count: int) -> Iterator[_Character]:
    from pypdfium2 import raw

    if count > MAX_CHARACTERS:
        raise ValueError(f"its text layer has {count} characters, more than the {MAX_CHARACTERS} taken")
    sides = [ctypes.c_double() for _ in range(4)]
    x, y = ctypes.c_double(), ctypes.c_double()
    loose, matrix = raw.FS_RECTF(), raw.FS_MATRIX()
    for index in range(count):
        raw.FPDFText_GetCharBox(text_page, index, *sides)  # left, right, bottom, top
        raw.FPDFText_GetLooseCharBox(text_page, index, loose)
        raw.FPDFText_GetCharOrigin(text_page, index, x, y)
        raw.FPDFText_GetMatrix(text_page, index, matrix)
        text_object = raw.FPDFText_GetTextObject(text_page, index)
        yield _Character(
            _letters(text_page, index),
            (sides[0].value, sides[2].value, sides[1].value, sides[3].value),
            (loose.left, loose.bottom, loose.right, loose.top),
            (x.value, y.value),
            (matrix.a, matrix.b, matrix.c, matrix.d),
            raw.FPDFText_GetFontSize(text_page, index),
            _address(text_object),
            _address(raw.FPDFTextObj_GetFont(text_object)) if text_object else 0,
            bool(text_object) and raw.FPDFTextObj_GetTextRenderMode(text_object) in _INKLESS_MODES,
            raw.FPDFText_HasUnicodeMapError(text_page, index) != 1,
        )


_INKLESS_MODES = (3, 7)  # neither filled nor stroked; clipping only (ISO 32000-1, 9.3.6)


def _letters(text_page: Any, index: int) -> str:
    """The text of the layer at this index; "-" for a hyphen that divides a word, "" for marks without width."""
    from pypdfium2 import raw

    code = raw.FPDFText_GetUnicode(text_page, index)
    text = chr(code) if code <= 0x10FFFF else "\ufffd"
    if raw.FPDFText_IsHyphen(text_page, index) == 1 or text == "\u00ad":
        return "-"
    if text.isspace():
        if text in "\r\n":
            return "\n"
        return GENERATED if raw.FPDFText_IsGenerated(text_page, index) == 1 else " "
    if unicodedata.category(text) == "Cf":
        return ""
    return unicodedata.normalize("NFKC", text) if "\ufb00" <= text <= "\ufb06" else text


def _whole_letters(text: str) -> str:
    """`text` with UTF-16 surrogates joined: pdfium (159) counts a letter beyond U+FFFF as two characters."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def _page_to_pixels(page: PdfPage, width: int, height: int) -> np.ndarray:
    """float64 (3, 2): [x, y, 1] in points of the page @ this = x, y in pixels; /Rotate and crop included."""
    from pypdfium2 import raw

    x, y = ctypes.c_int(), ctypes.c_int()
    points = np.array([[0.0, 0.0, 1.0], [1000.0, 0.0, 1.0], [0.0, 1000.0, 1.0]])
    pixels = []
    for point in points:
        size = width * _DEVICE_SCALE, height * _DEVICE_SCALE
        raw.FPDF_PageToDevice(page.raw, 0, 0, *size, 0, point[0], point[1], x, y)
        pixels.append([x.value / _DEVICE_SCALE, y.value / _DEVICE_SCALE])
    return np.linalg.solve(points, np.array(pixels))


def _glyphs(characters: list[_Character], to_pixels: np.ndarray) -> Glyphs:
    """Glyphs of the characters; those of one object at one place are one glyph, because pdfium splits ligatures."""
    texts: list[str] = []
    partings: list[str] = []
    firsts: list[_Character] = []
    parting = "\n"
    for _, group in groupby(characters, lambda each: (each.object, each.origin, each.text.strip() == "")):
        same = list(group)
        text = _whole_letters("".join(character.text for character in same))
        if text.strip():
            texts.append(text)
            partings.append(parting)
            firsts.append(same[0])
            parting = ""
        else:
            parting = "\n" if "\n" in text else text[:1] or parting
    matrices = np.array([character.matrix for character in firsts]).reshape(-1, 2, 2) @ to_pixels[:2]
    sizes = np.array([character.size for character in firsts])
    origins = np.array([character.origin for character in firsts]).reshape(-1, 2) @ to_pixels[:2] + to_pixels[2]
    return Glyphs(
        texts=tuple(texts),
        boxes=_hulls(np.array([character.box for character in firsts]).reshape(-1, 4), to_pixels),
        cells=_hulls(np.array([character.cell for character in firsts]).reshape(-1, 4), to_pixels)[:, [0, 2]],
        baselines=_finite(origins[:, 1]),
        ems=_finite(np.abs(sizes) * np.linalg.norm(matrices[:, 1], axis=-1)).clip(_LEAST_EM),
        fonts=np.array([character.font for character in firsts], dtype=np.int64),
        upright=_upright(matrices * np.sign(sizes)[:, None, None]),
        hidden=np.array([character.hidden for character in firsts], dtype=bool),
        mapped=np.array([character.mapped for character in firsts], dtype=bool),
        partings=np.array(partings, dtype=str),
    )


def _upright(matrices: np.ndarray) -> np.ndarray:
    """Whether letters run to the right within 2 degrees and are not upside down."""
    (along_x, along_y), (up_x, up_y) = matrices.transpose(1, 2, 0)
    return (along_x > 0) & (np.abs(along_y) < 0.035 * along_x) & (up_y < 0) & (np.abs(up_x) < 0.5 * np.abs(up_y))


def _hulls(boxes: np.ndarray, to_pixels: np.ndarray) -> np.ndarray:
    """Left, bottom, right, top on the page -> left, top, right, bottom in the picture."""
    corners = boxes.reshape(-1, 2, 2) @ to_pixels[:2] + to_pixels[2]
    return _finite(np.concatenate([corners.min(1), corners.max(1)], axis=-1))


def _finite(lengths: np.ndarray) -> np.ndarray:
    """Damaged fonts give arbitrary numbers: clamped to finite ones far outside the picture."""
    return np.nan_to_num(lengths, nan=_FAR).clip(-_FAR, _FAR)


def _hide_text(page: PdfPage) -> None:
    """Makes text of the page and of the forms it draws invisible from now on; the file is not changed."""
    from pypdfium2 import raw

    for text in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT]):
        raw.FPDFTextObj_SetTextRenderMode(text.raw, raw.FPDF_TEXTRENDERMODE_INVISIBLE)
