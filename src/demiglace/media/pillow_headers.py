"""What the header of a picture says of its values and Pillow (13.0) passes over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFile

_BITS, _PHOTOMETRIC, _PLANES, _FORMAT = 258, 262, 284, 339  # tags of TIFF
_WHITE_IS_ZERO, _APART, _UNSIGNED = 0, 2, 1
_GREY_DEPTHS = {"L;2": 2, "L;4": 4}  # of a PNG, by Pillow's raw modes
_RGB_16 = "RGB;16B"


@dataclass(frozen=True)
class Values:
    """Of a picture's pixels.

    top: what stands for white where a grey has more than 8 bits. white_is_zero: whether such a grey is a negative.
    is_unsigned: whether it has 32 bits without a sign, which Pillow reads as if it had one.
    transparent: the level, or the three, that stands for "nothing here"; None where there is none or Pillow has it.
    """

    top: int = 65535
    white_is_zero: bool = False
    is_unsigned: bool = False
    transparent: int | tuple[int, ...] | None = None


def read_values(image: Image.Image) -> Values:
    """Of a picture whose pixels are not decoded yet; planes of 16 bits are then decoded as such."""
    if not isinstance(image, ImageFile.ImageFile):
        return Values()
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
    top = 2**bits - 1 if is_deep and 8 < bits < 16 else 65535
    is_unsigned = image.mode == "I" and bits == 32 and tags.get(_FORMAT, (_UNSIGNED,)) == (_UNSIGNED,)
    return Values(top, is_deep and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO, is_unsigned)


def _with_raw_mode(tile: Any, raw_mode: str) -> Any:
    """A part of an uncompressed picture, of which Pillow has the plane alone, such as "R"."""
    return tile._replace(args=(raw_mode, *tile.args[1:]))


def _transparent(image: ImageFile.ImageFile) -> int | tuple[int, ...] | None:
    """Of a PNG: Pillow spreads greys of 2 and 4 bits over 0..255 and cuts colours of 16 bits, but not this value."""
    said = image.info.get("transparency")
    raw = str(image.tile[0].args) if image.tile else ""
    if raw in _GREY_DEPTHS and isinstance(said, int):
        return said * 255 // (2 ** _GREY_DEPTHS[raw] - 1)
    return tuple(level >> 8 for level in said) if raw == _RGB_16 and isinstance(said, tuple) else None
