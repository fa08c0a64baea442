"""HEIC and JPEG XL, formats of phones and archives that Pillow opens only with the extra `photos`."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Literal

from PIL import Image

PhotoFormat = Literal["HEIC", "JPEG XL"]

_READERS = {"HEIC": ("pillow_heif", "HeifImageFile"), "JPEG XL": ("pillow_jxl.JpegXLImagePlugin", "JXLImageFile")}
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_GENERAL_BRANDS = {b"mif1", b"mif2", b"msf1"}  # AVIF has them too
_JXL_CODESTREAM, _JXL_CONTAINER = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_JXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # ISO/IEC 18181-1, size header
_JXL_BITS_OF_LENGTH = (9, 13, 18, 30)


def photo_format(head: bytes) -> PhotoFormat | None:
    """Which of these formats a file has, by its first bytes; None if neither."""
    if head.startswith((_JXL_CODESTREAM, _JXL_CONTAINER)):
        return "JPEG XL"
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4]), 256)
    brands = {head[place : place + 4] for place in range(16, end, 4)}
    is_heic = head[8:12] in _HEVC_BRANDS or (head[8:12] in _GENERAL_BRANDS and brands & _HEVC_BRANDS)
    return "HEIC" if is_heic else None


def open_photo(data: bytes, photo: PhotoFormat, max_pixels: int) -> Image.Image:
    """The opened picture. ValueError if its reader is missing or refuses it; the message continues the file's name."""
    module, reader = _READERS[photo]
    try:
        opened_by = getattr(import_module(module), reader)
    except ImportError as error:
        raise ValueError(f"is {photo}, which opens with: pip install 'demiglace[photos]'") from error
    if photo == "JPEG XL" and (pixels := _read_jxl_header(data)[0]) > max_pixels:  # its reader decodes on opening
        raise ValueError(f"has {pixels} pixels, more than the {max_pixels} taken")
    try:
        opened: Image.Image = opened_by(io.BytesIO(data))
    except Exception as error:  # decoders raise nearly anything on damaged bytes
        raise ValueError(f"is {photo} that cannot be decoded: {' '.join(str(error).split())}") from error
    return opened


def is_turned_already(image: Image.Image) -> bool:
    """Whether a JPEG XL was decoded upright, whatever its EXIF says: its codestream's orientation overrides EXIF.

    pillow-jxl-plugin 1.3 returns a losslessly packed JPEG as stored, still to be rotated.
    """
    return image.format == "JXL" and not getattr(image, "jpeg", False) and _read_jxl_header(image.fc)[1] != 1  # type: ignore[attr-defined]


def _read_jxl_header(data: bytes) -> tuple[int, int]:
    """Pixels and orientation (1 to 8, as in EXIF) of a JPEG XL; a damaged header is parsed all the same."""
    bits = _Bits(data, _start_of_codestream(data) + len(_JXL_CODESTREAM))
    is_small = bits.take(1)

    def length() -> int:
        return 8 * (bits.take(5) + 1) if is_small else bits.take(_JXL_BITS_OF_LENGTH[bits.take(2)]) + 1

    height, ratio = length(), bits.take(3)
    width = height * _JXL_RATIOS[ratio - 1][0] // _JXL_RATIOS[ratio - 1][1] if ratio else length()
    has_orientation = not bits.take(1) and bits.take(1)  # bits: all metadata default, extra fields
    return width * height, bits.take(3) + 1 if has_orientation else 1


def _start_of_codestream(data: bytes) -> int:
    """Where the codestream begins: in a container, inside the first box with the picture or a part of it."""
    place = 0 if data.startswith(_JXL_CONTAINER) else len(data)
    while place < len(data):
        size, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        head = 8 if size != 1 else 16
        if kind in (b"jxlc", b"jxlp"):
            return place + head + (4 if kind == b"jxlp" else 0)  # parts are numbered
        size = int.from_bytes(data[place + 8 : place + 16]) if size == 1 else size
        place = place + size if size >= head else len(data)
    return 0


class _Bits:
    """Reads numbers from the lowest bit of each byte upwards; zeros after the end."""

    def __init__(self, data: bytes, start: int) -> None:
        self._left = int.from_bytes(data[start : start + 16], "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value
