"""What the header of a picture says about its pixel values and Pillow (13.0) ignores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFile

_BITS, _PHOTOMETRIC, _PLANES, _FORMAT = 258, 262, 284, 339  # tags of TIFF
_WHITE_IS_ZERO, _APART, _UNSIGNED = 0, 2, 1
_GREY_DEPTHS = {"L;2": 2, "L;4": 4}  # of a PNG, by Pillow's raw modes
_RGB_16 = "RGB;16B"
# Integers of 32 bits hold levels of 8 or 16 bits, as Pillow's own conversion to "I" makes them.
_TOP, _WIDE_TOPS = (65535,), (255, 65535)


@dataclass(frozen=True)
class Values:
    """How a picture's pixel values are to be read.

    tops: possible values of white in grey of more than 8 bits. white_is_zero: whether such a grey is inverted.
    is_unsigned: whether values are unsigned 32-bit integers, which Pillow reads as signed.
    transparent: the level, or the three levels, that means transparent; None if there is none or Pillow handles it.
    """

    tops: tuple[int, ...] = _TOP
    white_is_zero: bool = False
    is_unsigned: bool = False
    transparent: int | tuple[int, ...] | None = None


def read_values(image: Image.Image) -> Values:
    """The values of a picture that is not decoded yet; separate planes of 16 bits will then be decoded as 16 bits."""
    if not isinstance(image, ImageFile.ImageFile):
        return Values(_WIDE_TOPS) if image.mode == "I" else Values()
    if image.format == "TIFF":
        return _of_tiff(image)
    return Values(transparent=_transparent(image)) if image.format == "PNG" else Values()


def _of_tiff(image: ImageFile.ImageFile) -> Values:
    tags: Any = getattr(image, "tag_v2", {})
    bits = max(tags.get(_BITS, (1,)))
    is_deep = image.mode.startswith("I") or image.mode == "F"
    if bits == 16 and tags.get(_PLANES) == _APART:
        order = ";16B" if tags.prefix == b"MM" else ";16L"
        tiles: list[Any] = image.tile
        image.tile = [
            _with_raw_mode(tile, image.mode if is_deep else tile.args[0] + order) if tile.codec_name == "raw" else tile
            for tile in tiles
        ]
    tops = (2**bits - 1,) if is_deep and 8 < bits < 16 else _WIDE_TOPS if bits == 32 else _TOP
    is_unsigned = image.mode == "I" and bits == 32 and tags.get(_FORMAT, (_UNSIGNED,)) == (_UNSIGNED,)
    if is_unsigned:
        tops = (*tops, 2**32 - 1)
    return Values(tops, is_deep and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO, is_unsigned)


def _with_raw_mode(tile: Any, raw_mode: str) -> Any:
    """A tile of an uncompressed picture with `raw_mode` instead of Pillow's, which is just the plane, such as "R"."""
    return tile._replace(args=(raw_mode, *tile.args[1:]))


def _transparent(image: ImageFile.ImageFile) -> int | tuple[int, ...] | None:
    """Of a PNG: Pillow scales greys of 2 and 4 bits to 0..255 and cuts 16-bit colours to 8, but not this value."""
    levels = image.info.get("transparency")
    raw = str(image.tile[0].args) if image.tile else ""
    if raw in _GREY_DEPTHS and isinstance(levels, int):
        return levels * 255 // (2 ** _GREY_DEPTHS[raw] - 1)
    return tuple(level >> 8 for level in levels) if raw == _RGB_16 and isinstance(levels, tuple) else None
