"""Pictures, documents and videos are told apart by what they hold."""

import io

import pytest
from PIL import Image
from real_data import DATA, needs_real_data

from demiglace.media.pictures import is_animated, kind_of, open_picture


def still(form: str, **options: object) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, form, **options)
    return data.getvalue()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_animation_gives_its_first_frame(tmp_path, form):
    path = tmp_path / f"clip.{form.lower()}"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(path, form, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    red, green, blue = open_picture(path).getpixel((4, 4))
    assert (red > 240, green < 15, blue < 15) == (True, True, True)
    assert is_animated(path)
    assert kind_of(path) == "animation"


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "JPEG"])
def test_still_pictures_are_not_animated(tmp_path, form):
    assert not is_animated(still(form))
    (tmp_path / "no_extension").write_bytes(still(form))
    assert kind_of(tmp_path / "no_extension") == "image"


def test_pages_of_a_tiff_are_not_an_animation():
    assert not is_animated(still("TIFF", save_all=True, append_images=[Image.new("RGB", (8, 8))]))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7\n", "document"),
        (b"\xef\xbb\xbf junk\n%PDF-1.4\n", "document"),
        (b"\x00\x00\x00\x20ftypisom", "video"),
        (b"\x00\x00\x00\x14ftypqt  ", "video"),
        (b"\x00\x00\x00\x08wide", "video"),
        (b"\x1a\x45\xdf\xa3\x01", "video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video"),
        ((b"G" + bytes(187)) * 3, "video"),
    ],
)
def test_kind_by_content(tmp_path, head, kind):
    path = tmp_path / "misleading.png"
    path.write_bytes(head + bytes(32))
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("name", "kind"), [("a.PDF", "document"), ("a.mp4", "video"), ("a.png", "image"), ("a.tga", "image")]
)
def test_kind_by_extension_where_content_says_nothing(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"\xff" * 64)
    assert kind_of(tmp_path / name) == kind


def test_kind_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(ValueError, match="neither a picture, a PDF nor a video"):
        kind_of(tmp_path / "notes.txt")


@needs_real_data
def test_real_files_are_known_and_open():
    seen = {"image": 0, "animation": 0, "document": 0, "video": 0}
    folders = ("photos", "official_demo", "video_clips", "pdf_pages", "small_ocr_pages")
    for path in (path for folder in folders for path in sorted((DATA / folder).iterdir())):
        if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".pdf", ".mp4"):
            continue
        kind = kind_of(path)
        seen[kind] += 1
        if kind in ("image", "animation"):
            assert open_picture(path).mode == "RGB"
    assert min(seen.values()) >= 1
