"""What the header of a picture says of its values and Pillow (13.0) passes over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFile

_BITS, _PHOTOMETRIC, _PLANES = 258, 262, 284  # tags of TIFF
_WHITE_IS_ZERO, _APART = 0, 2
_GREY_DEPTHS = {"L;2": 2, "L;4": 4}  # of a PNG, by Pillow's raw modes
_RGB_16 = "RGB;16B"


@dataclass(frozen=True)
class Values:
    """Of a picture's pixels.

    top: what stands for white where a grey has more than 8 bits. white_is_zero: whether such a grey is a negative.
    transparent: the level, or the three, that stands for "nothing here"; None where there is none or Pillow has it.
    """

    top: int = 65535
    white_is_zero: bool = False
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
    if bits == 16 and tags.get(_PLANES) == _APART:
        order = ";16B" if tags.prefix == b"MM" else ";16L"
        image.tile = [_deep(tile, order) if tile.codec_name == "raw" else tile for tile in image.tile]
    is_deep = image.mode.startswith("I") or image.mode == "F"
    top = 2**bits - 1 if is_deep and 8 < bits < 16 else 65535
    return Values(top, white_is_zero=is_deep and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def _deep(tile: Any, order: str) -> Any:
    """A part of an uncompressed picture; its plane, such as "R", is one of 16 bits."""
    plane, *others = tile.args
    return tile._replace(args=(plane + order, *others))


def _transparent(image: ImageFile.ImageFile) -> int | tuple[int, ...] | None:
    """Of a PNG: Pillow spreads greys of 2 and 4 bits over 0..255 and cuts colours of 16 bits, but not this value."""
    said = image.info.get("transparency")
    raw = str(image.tile[0].args) if image.tile else ""
    if raw in _GREY_DEPTHS and isinstance(said, int):
        return said * 255 // (2 ** _GREY_DEPTHS[raw] - 1)
    return tuple(level >> 8 for level in said) if raw == _RGB_16 and isinstance(said, tuple) else None
