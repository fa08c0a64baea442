"""Deep TIFFs and PNGs with a transparent value look as other programs show them, whatever Pillow makes of them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from demiglace.media.pictures import open_picture

SIDE = (8, 6)
PICTURE = np.zeros((6, 8, 3), np.uint8)
PICTURE[..., 0] = np.arange(8) * 30
PICTURE[..., 1] = np.arange(6)[:, None] * 40
PICTURE[..., 2] = 200


def tiff(strips: list[bytes], bits: tuple[int, ...], photometric: int, planar: int = 1, order: str = "<") -> bytes:
    """A TIFF of 8 x 6, uncompressed; a strip for each plane."""
    marks = {"<": b"II*\0", ">": b"MM\0*"}
    place, held, entries = 8, b"", []

    def add(tag: int, kind: int, values: tuple[int, ...]) -> None:
        nonlocal held
        data = struct.pack(order + {3: "H", 4: "I"}[kind] * len(values), *values)
        if len(data) > 4:
            where, held = place + len(held), held + data
            data = struct.pack(order + "I", where)
        entries.append(struct.pack(order + "HHI", tag, kind, len(values)) + data.ljust(4, b"\0"))

    offsets = []
    for strip in strips:
        offsets.append(place + len(held))
        held += strip
    short = {256: (8,), 257: (6,), 258: bits, 259: (1,), 262: (photometric,)}
    for tag, values in short.items():
        add(tag, 3, values)
    add(273, 4, tuple(offsets))
    add(277, 3, (len(bits),))
    add(278, 3, (6,))
    add(279, 4, tuple(map(len, strips)))
    add(284, 3, (planar,))
    held += b"\0" * (len(held) % 2)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + b"\0" * 4
    return marks[order] + struct.pack(order + "I", place + len(held)) + held + directory


def png(depth: int, colour: int, rows: bytes, width: int, transparent: bytes) -> bytes:
    """A PNG of one row."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"tRNS", transparent), (b"IDAT", zlib.compress(b"\0" + rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("order", ["<", ">"])
def test_planes_of_16_bits_are_read_as_such(order: str) -> None:
    planes = [(PICTURE[..., channel].astype(order + "u2") * 257).tobytes() for channel in range(3)]
    opened = open_picture(tiff(planes, (16, 16, 16), photometric=2, planar=2, order=order))
    np.testing.assert_array_equal(opened, PICTURE)


def test_a_grey_of_16_bits_may_be_a_plane_of_its_own() -> None:
    grey = PICTURE[..., 0].astype("<u2") * 257
    opened = np.asarray(open_picture(tiff([grey.tobytes()], (16,), photometric=1, planar=2)))
    np.testing.assert_array_equal(opened[..., 0], PICTURE[..., 0])


def test_planes_of_8_bits_are_left_as_they_are() -> None:
    planes = [PICTURE[..., channel].tobytes() for channel in range(3)]
    np.testing.assert_array_equal(open_picture(tiff(planes, (8, 8, 8), photometric=2, planar=2)), PICTURE)


@pytest.mark.parametrize(("bits", "dtype"), [(8, "u1"), (16, "<u2")])
@pytest.mark.parametrize("white_is_zero", [True, False])
def test_where_zero_is_white_the_page_is_white(bits: int, dtype: str, white_is_zero: bool) -> None:
    values = np.zeros((6, 8), dtype)
    values[0] = 2**bits - 1
    opened = np.asarray(open_picture(tiff([values.tobytes()], (bits,), photometric=0 if white_is_zero else 1)))
    assert opened[1:].min() == opened[1:].max() == (255 if white_is_zero else 0)
    assert opened[0].min() == opened[0].max() == (0 if white_is_zero else 255)


def test_12_bits_are_as_bright_as_16() -> None:
    row = b"\xff\xff\xff\x80\x00\x00" * 2  # 4095, 4095, 2048, 0
    opened = np.asarray(open_picture(tiff([row * 6], (12,), photometric=1)))
    assert opened[0, :, 0].tolist() == [255, 255, 128, 0] * 2


@pytest.mark.parametrize("top", [2**16 - 1, 2**32 - 1])
def test_32_bits_without_a_sign_are_no_negative_numbers(top: int) -> None:
    values = np.zeros((6, 8), "<u4")
    values[0] = top
    opened = np.asarray(open_picture(tiff([values.tobytes()], (32,), photometric=1)))
    assert (opened[0].min(), opened[1:].max()) == (255, 0)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_is_white_at_every_depth(depth: int) -> None:
    """Two pixels: the value above black, which is opaque, and a transparent one of half of the range or more."""
    shown, transparent = 0, 2**depth // 2
    size = max(1, 2 * depth // 8)
    packed = ((shown << depth | transparent) << (8 * size - 2 * depth)).to_bytes(size, "big")
    opened = open_picture(png(depth, 0, packed, 2, struct.pack(">H", transparent)))
    assert [opened.getpixel((x, 0)) for x in range(2)] == [(0, 0, 0), (255, 255, 255)]


@pytest.mark.parametrize(("painted", "is_white"), [(0x8001, True), (0x01FF, False)])
def test_a_transparent_colour_of_16_bits(painted: int, is_white: bool) -> None:
    data = png(16, 2, struct.pack(">3H", *[painted] * 3), 1, struct.pack(">3H", *[0x8001] * 3))
    assert open_picture(data).getpixel((0, 0)) == ((255,) * 3 if is_white else (1,) * 3)


def test_a_given_picture_keeps_what_it_says() -> None:
    given = Image.open(io.BytesIO(png(4, 0, b"\x08", 2, struct.pack(">H", 8))))
    assert open_picture(given).getpixel((1, 0)) == (255, 255, 255)
    assert given.info["transparency"] == 8
