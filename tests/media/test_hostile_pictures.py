"""Files that are damaged, too large, or no pictures: refused in one line, before they cost anything."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from patterns import encoded
from PIL import Image

from demiglace.media.pictures import MAX_PIXELS, kind_of, open_picture


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces its size and holds no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_truncated_files_are_refused(form):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(ValueError, match=r"cannot be decoded|not a picture") as failure:
        open_picture(data[: len(data) // 2])
    assert "\n" not in str(failure.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_hostile_bytes_raise_value_errors_only(corners):
    """Every fifth byte broken in turn: the picture opens or is refused, nothing else happens."""
    refused = 0
    for form in ("PNG", "GIF", "TIFF", "JPEG", "WEBP", "BMP"):
        whole = encoded(corners, form)
        for place in range(0, min(len(whole), 600), 5):
            broken = bytearray(whole)
            broken[place] ^= 0xFF
            try:
                assert open_picture(bytes(broken)).mode == "RGB"
            except ValueError:
                refused += 1
    assert refused > 50


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (10_001, 10_000), (2_000_000, 200)])
def test_too_many_pixels_are_refused_before_decoding(tmp_path, width, height):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    with pytest.raises(ValueError, match=f"{width * height} pixels, more than the {MAX_PIXELS}"):
        open_picture(path)
    assert kind_of(path) == "image"


def test_too_large_an_image_object_is_refused():
    class Huge(Image.Image):
        size = width, height = 10_001, 10_000

    with pytest.raises(ValueError, match=f"100010000 pixels, more than the {MAX_PIXELS}"):
        open_picture(Huge())


def test_large_files_are_refused(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(2**28 + 1)  # takes no room on disk
    with pytest.raises(ValueError, match=f"{2**28 + 1} bytes, more than the {2**28}"):
        open_picture(path)


@pytest.mark.parametrize("opening", [open_picture, kind_of])
def test_paths_that_are_no_files(tmp_path, opening):
    (tmp_path / "empty.png").touch()
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    for path, message in {
        tmp_path / "missing.png": "does not exist",
        tmp_path: "is a folder",
        tmp_path / "empty.png": "0 bytes",
        tmp_path / "loop.png": "cannot be read",
        tmp_path / "pipe.png": "not a regular file",
        "https://example.org/cat.png": "only local files",
        "data:image/png;base64,AAAA": "only local files",
    }.items():
        with pytest.raises(ValueError, match=message) as failure:
            opening(path)
        assert "\n" not in str(failure.value)


def test_missing_permission_is_a_value_error(tmp_path, corners, monkeypatch):
    path = tmp_path / "private.png"
    corners.save(path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read what its mode forbids
    with pytest.raises(ValueError, match=r"private\.png cannot be read: Permission denied"):
        open_picture(path)


def test_text_named_png_is_refused(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("Not a picture at all.")
    with pytest.raises(ValueError, match="not a picture of a known format"):
        open_picture(path)


def test_postscript_is_not_run():
    with pytest.raises(ValueError, match="PostScript"):
        open_picture(encoded(Image.new("RGB", (4, 4)), "EPS"))


@pytest.mark.parametrize("data", [b"", b"\x00" * 100])
def test_bytes_that_are_no_picture(data):
    with pytest.raises(ValueError, match="the given data"):
        open_picture(data)
