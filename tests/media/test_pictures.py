"""Pictures of every kind become upright RGB."""

import io

import numpy as np
import pytest
from patterns import encoded
from PIL import Image, ImageCms

from demiglace.media.pictures import open_picture


def pixels(picture: Image.Image) -> list[tuple[int, ...]]:
    return [tuple(pixel) for pixel in np.asarray(picture).reshape(-1, 3).tolist()]


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "TGA", "GIF", "WEBP"])
def test_formats_give_the_same_pixels(tmp_path, corners, form):
    path = tmp_path / f"picture.{form.lower()}"
    corners.save(path, form, **({"lossless": True} if form == "WEBP" else {}))
    opened = open_picture(path)
    assert opened.mode == "RGB"
    np.testing.assert_array_equal(opened, corners)


def test_path_string_bytes_and_image_are_alike(tmp_path, corners):
    path = tmp_path / "picture.png"
    corners.save(path)
    for source in (path, str(path), path.read_bytes(), corners):
        np.testing.assert_array_equal(open_picture(source), corners)


def test_a_given_image_is_left_alone(corners):
    opened = open_picture(corners)
    opened.paste("black", (0, 0, 32, 16))
    assert corners.getpixel((0, 0)) == (255, 0, 0)


STORED = {  # by EXIF orientation, how an upright picture is turned before it is stored
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{}"/></x:xmpmeta>'


def turned_by_tag(picture: Image.Image, form: str, orientation: int, tag: str = "exif") -> bytes:
    """A file of `picture` that stores it turned, with the tag that tells how."""
    turned = picture if orientation == 1 else picture.transpose(STORED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}, "AVIF": {"quality": 100}}
    told = {"exif": exif} if tag == "exif" else {"xmp": XMP.format(orientation).encode()}
    if form == "MPO":
        told |= {"save_all": True, "append_images": [turned.copy()], "quality": 100}
    return encoded(turned, form, **told, **options.get(form, {}))


TAGGED = [
    *((form, "exif") for form in ("PNG", "TIFF", "WEBP", "JPEG", "AVIF", "MPO")),
    ("JPEG", "xmp"),
    ("WEBP", "xmp"),
]


@pytest.mark.parametrize(("form", "tag"), TAGGED)
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_undone(corners, form, tag, orientation):
    opened = open_picture(turned_by_tag(corners, form, orientation, tag))
    assert opened.size == corners.size
    middles = [(x, y) for x in (8, 24) for y in (4, 12)]
    for place in middles:
        np.testing.assert_allclose(opened.getpixel(place), corners.getpixel(place), atol=40)


@pytest.mark.parametrize(("form", "tag"), TAGGED)
@pytest.mark.parametrize("orientation", STORED)
def test_an_upright_picture_is_not_turned_again(corners, form, tag, orientation):
    data = turned_by_tag(corners, form, orientation, tag)
    opened = open_picture(data)
    np.testing.assert_array_equal(open_picture(opened), opened)
    np.testing.assert_array_equal(open_picture(Image.open(io.BytesIO(data))), opened)
    np.testing.assert_array_equal(open_picture(opened.copy()), opened)
    np.testing.assert_array_equal(open_picture(opened.convert("L").convert("RGB")), opened.convert("L").convert("RGB"))
    part = opened.crop((4, 0, 24, 10))
    np.testing.assert_array_equal(open_picture(part), part)
    assert open_picture(encoded(opened, "PNG")).tobytes() == opened.tobytes()


@pytest.mark.parametrize(
    ("mode", "told"),
    [("RGB", {"transparency": (255, 0, 0)}), ("L", {"transparency": 76}), ("P", {"transparency": 0}), ("RGBA", {})],
)
def test_an_opened_picture_opens_as_itself(corners, mode, told):
    source = corners.convert(mode)
    source.info |= told
    opened = open_picture(source)
    np.testing.assert_array_equal(open_picture(opened), opened)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_does_not_spoil_the_picture(corners):
    assert open_picture(encoded(corners, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff junk")).size == (32, 16)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "La", "RGBa"])
def test_transparency_lies_on_white(mode):
    grey = Image.new("LA", (2, 1), (100, 255))
    grey.putpixel((0, 0), (0, 0))
    source = {
        "RGBA": lambda: grey.convert("RGBA"),
        "LA": lambda: grey,
        "PA": lambda: grey.convert("RGBA").convert("PA"),
        "La": lambda: grey.convert("La"),
        "RGBa": lambda: grey.convert("RGBA").convert("RGBa"),
    }[mode]()
    assert source.mode == mode
    assert pixels(open_picture(source)) == [(255, 255, 255), (100, 100, 100)]


def test_half_transparent_black_is_mid_grey():
    assert open_picture(Image.new("RGBA", (1, 1), (0, 0, 0, 128))).getpixel((0, 0)) == (127, 127, 127)


def test_transparent_palette_entry_is_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.putpixel((1, 0), 1)
    data = encoded(palette, "PNG", transparency=0)
    assert pixels(open_picture(data)) == [(255, 255, 255), (10, 20, 30)]


def test_transparent_value_of_a_16_bit_png_is_white():
    deep = Image.fromarray(np.array([[0, 65535 // 2]], dtype=np.uint16))
    assert open_picture(encoded(deep, "PNG")).getpixel((0, 0)) == (0, 0, 0)
    deep.info["transparency"] = 0
    assert pixels(open_picture(deep)) == [(255, 255, 255), (127, 127, 127)]


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4"])
def test_16_bit_keeps_its_range(dtype):
    deep = Image.fromarray(np.array([[0, 257, 32896, 65535]], dtype=dtype))
    assert deep.mode.startswith("I")
    assert [pixel[0] for pixel in pixels(open_picture(deep))] == [0, 1, 128, 255]


def test_16_bit_png_is_scaled_not_cut():
    data = encoded(Image.fromarray(np.array([[0, 25700]], dtype=np.uint16)), "PNG")
    assert open_picture(data).getpixel((1, 0)) == (100, 100, 100)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 25700.0, 65535.0], [0, 100, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([np.nan, np.inf, 1.0], [0, 0, 255]),
        ([-7.0, -7.0, -7.0], [0, 0, 0]),
    ],
)
def test_floats_find_their_range(values, expected):
    opened = open_picture(Image.fromarray(np.array([values], dtype=np.float32)))
    assert [pixel[0] for pixel in pixels(opened)] == expected


@pytest.mark.parametrize("kind", ["picture", "TIFF"])
@pytest.mark.parametrize(("most", "expected"), [(255, [0, 100, 255]), (256, [0, 0, 1])])
def test_integers_of_32_bits_may_be_levels_of_8(kind, most, expected):
    wide = Image.fromarray(np.array([[0, 100, most]], dtype=np.int32))
    opened = open_picture(wide if kind == "picture" else encoded(wide, "TIFF"))
    assert [pixel[0] for pixel in pixels(opened)] == expected


def test_a_dark_picture_of_16_bits_stays_dark():
    dark = Image.fromarray(np.array([[0, 255]], dtype=np.uint16))
    assert [open_picture(encoded(dark, kind)).getpixel((1, 0))[0] for kind in ("PNG", "TIFF")] == [1, 1]


def test_large_integers_are_stretched():
    opened = open_picture(Image.fromarray(np.array([[-1000, 0, 1_000_000]], dtype=np.int32)))
    assert [pixel[0] for pixel in pixels(opened)] == [0, 0, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX"])
def test_other_modes_become_rgb(mode):
    source = Image.new("RGB", (4, 4), "white").convert(mode)
    assert source.mode == mode
    assert open_picture(source).getpixel((2, 2)) == (255, 255, 255)


def test_cmyk_jpeg_keeps_its_colours():
    red, _, blue = open_picture(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")).getpixel((8, 8))
    assert (red > 240, blue < 15) == (True, True)


def test_lab_becomes_rgb():
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.buildTransform(*profiles, "RGB", "LAB").apply(Image.new("RGB", (4, 4), (100, 150, 200)))
    assert lab.mode == "LAB"
    opened = open_picture(encoded(lab, "TIFF"))
    np.testing.assert_allclose(opened.getpixel((2, 2)), (100, 150, 200), atol=2)
