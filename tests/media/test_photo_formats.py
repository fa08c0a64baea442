"""HEIC and JPEG XL open with the extra `photos`, upright; without it the format and the cure are named."""

import io
import sys
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demiglace.media.photo_formats import photo_format
from demiglace.media.pictures import MAX_PIXELS, kind_of, open_picture

HEADS = {
    "HEIC": b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heicmiaf",
    "JPEG XL": b"\x00\x00\x00\x0cJXL \r\n\x87\n",
}
# `corners` turned as a camera does that notes 6, losslessly packed by cjxl 0.7, which notes the 6 in the codestream.
TURNED_BY_HEADER = (
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAA5anhsY/8KB4IFAopLAggCAQCIAEsYk46DhwCoL97FGGO8CwQBICL8"
    "AcC+7N/fYtWvXQ+QvAE="
)


def turned(picture: Image.Image, orientation: int) -> Image.Image:
    """As a camera stores it that notes `orientation`."""
    ways = [
        None,
        "FLIP_LEFT_RIGHT",
        "ROTATE_180",
        "FLIP_TOP_BOTTOM",
        "TRANSPOSE",
        "ROTATE_90",
        "TRANSVERSE",
        "ROTATE_270",
    ]
    way = ways[orientation - 1]
    return picture if way is None else picture.transpose(Image.Transpose[way])


def exif(orientation: int) -> bytes:
    noted = Image.Exif()
    noted[0x0112] = orientation
    return noted.tobytes()


def assert_upright(picture: Image.Image, corners: Image.Image) -> None:
    assert picture.size == corners.size
    for place in [(x, y) for x in (8, 24) for y in (4, 12)]:
        np.testing.assert_allclose(picture.getpixel(place), corners.getpixel(place), atol=40)
    np.testing.assert_array_equal(open_picture(picture), picture)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_comes_upright(corners: Image.Image, orientation: int, tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra `photos` is not installed")
    path = tmp_path / "photo.heic"
    heif.from_pillow(turned(corners, orientation)).save(path, exif=exif(orientation), quality=-1)
    assert kind_of(path) == "image"
    assert_upright(open_picture(path), corners)
    assert_upright(open_picture(path.read_bytes()), corners)
    assert_upright(open_picture(heif.HeifImageFile(path)), corners)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_xl_comes_upright(corners: Image.Image, orientation: int, tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl", reason="the extra `photos` is not installed")
    path = tmp_path / "photo.jxl"
    turned(corners, orientation).save(path, lossless=True, exif=exif(orientation))
    assert kind_of(path) == "image"
    assert_upright(open_picture(path), corners)


@pytest.mark.filterwarnings("ignore:Using JPEG reconstruction")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_packed_as_jpeg_xl_comes_upright(corners: Image.Image, orientation: int, tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl", reason="the extra `photos` is not installed")
    noted = exif(orientation)
    turned(corners, orientation).save(tmp_path / "photo.jpg", quality=100, subsampling=0, exif=noted)
    Image.open(tmp_path / "photo.jpg").save(tmp_path / "photo.jxl")
    assert_upright(open_picture(tmp_path / "photo.jxl"), corners)


def test_the_codestream_of_a_jpeg_xl_counts_before_its_exif(corners: Image.Image, tmp_path: Path) -> None:
    """As encoders write it that note the turn in the picture's header, which decoders obey, and keep the EXIF."""
    jxl = pytest.importorskip("pillow_jxl.JpegXLImagePlugin", reason="the extra `photos` is not installed")
    box = b"Exif" + bytes(4) + exif(6)[6:]
    data = b64decode(TURNED_BY_HEADER) + (len(box) + 4).to_bytes(4) + box
    assert_upright(open_picture(data), corners)
    opened = jxl.JXLImageFile(io.BytesIO(data))
    assert opened.getexif()[0x0112] == 6
    assert_upright(open_picture(opened), corners)


@pytest.mark.parametrize("photo", HEADS)
def test_without_its_reader_format_and_cure_are_named(
    photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pillow_heif", "pillow_jxl", "pillow_jxl.JpegXLImagePlugin"):
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "photo.of_some_kind"
    path.write_bytes(HEADS[photo] + bytes(100))
    for opening in (open_picture, kind_of):
        with pytest.raises(ValueError) as failure:  # noqa: PT011
            opening(path)
        assert str(failure.value) == f"{path} is {photo}, which opens with: pip install 'demiglace[photos]'"


@pytest.mark.parametrize("photo", HEADS)
def test_damaged_photos_are_refused(photo: str) -> None:
    pytest.importorskip("pillow_heif", reason="the extra `photos` is not installed")
    pytest.importorskip("pillow_jxl", reason="the extra `photos` is not installed")
    with pytest.raises(ValueError, match=f"the given data is {photo} that cannot be decoded") as failure:
        open_picture(HEADS[photo] + bytes(100))
    assert "\n" not in str(failure.value)


def test_a_jpeg_xl_of_too_many_pixels_is_not_decoded() -> None:
    pytest.importorskip("pillow_jxl", reason="the extra `photos` is not installed")
    side = 20_000
    bits = 0 | 2 << 1 | (side - 1) << 3 | 1 << 21  # not small, 18 bits of height, as wide as high
    with pytest.raises(ValueError, match=f"has {side * side} pixels, more than the {MAX_PIXELS} taken"):
        open_picture(b"\xff\x0a" + bits.to_bytes(4, "little") + bytes(20))


@pytest.mark.parametrize(
    ("head", "photo"),
    [
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"\x00\x00\x00\x18ftypmsf1\x00\x00\x00\x00hevcmsf1", "HEIC"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif", None),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1miaf", None),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomhevc", None),
        (b"\xff\x0a\x00", "JPEG XL"),
        (b"\xff\xd8\xff", None),
        (b"", None),
    ],
)
def test_formats_by_their_first_bytes(head: bytes, photo: str | None) -> None:
    assert photo_format(head) == photo


def test_a_heic_packed_with_losses_comes_in_its_size(corners: Image.Image, tmp_path: Path) -> None:
    """As phones pack: colours at half the resolution, blocks that reach over the edge of the picture."""
    heif = pytest.importorskip("pillow_heif", reason="the extra `photos` is not installed")
    large = corners.resize((420, 110), Image.Resampling.NEAREST)
    heif.from_pillow(large).save(tmp_path / "photo.heic", quality=50, chroma="420")
    opened = open_picture(tmp_path / "photo.heic")
    assert opened.size == (420, 110)
    for place in [(x, y) for x in (10, 410) for y in (10, 100)]:
        np.testing.assert_allclose(opened.getpixel(place), large.getpixel(place), atol=10)
