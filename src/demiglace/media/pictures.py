"""Turns a path, bytes or a PIL image of any kind into an upright 8-bit RGB picture.

Files are untrusted: sizes are checked before anything is decoded, a damaged file is refused rather than filled with
grey, and every failure is a ValueError of one line. Colour profiles are ignored, as in the released code.
"""

from __future__ import annotations

import io
import re
import stat
import warnings
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from demiglace.media import video_formats
from demiglace.media.page_frames import PAGED_FORMATS, dots, page_frames
from demiglace.media.photo_formats import is_turned_already, open_photo, photo_format
from demiglace.media.pillow_headers import Values, read_values

FileKind = Literal["image", "animation", "document", "video"]
PictureSource = str | PathLike[str] | bytes | Image.Image

MAX_BYTES = 2**28  # ours
MAX_PIXELS = 100_000_000  # ours

_URL = re.compile(r"([a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")  # frames of other formats (TIFF, MPO) are pages or views, not an animation
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_picture(source: str | PathLike[str] | bytes | Image.Image) -> Image.Image:
    """The picture in `source` as RGB; the first frame of an animation, the current frame of a PIL image.

    EXIF orientation is applied, transparency is composited on white, 16-bit and float values are scaled to 8 bit, and
    the dots of a TIFF are made square. The released code drops alpha, clips values above 255 and applies no rotation.
    The result has no metadata: an EXIF orientation in it would be applied a second time.
    Raises ValueError if the file cannot be read or decoded in full, exceeds `MAX_BYTES` or `MAX_PIXELS`, or has
    several pages (`document_pages.open_pages` opens those).
    """
    if isinstance(source, Image.Image):
        return upright_rgb(source, file_name(source))
    name = file_name(source)
    with open_header(source) as image:
        check_pixels(image, name)
        if (num_pages := len(page_frames(image, name))) > 1:
            raise ValueError(f"{name} has {num_pages} pages: it is a document, not one picture")
        return upright_rgb(image, name)


def upright_rgb(image: Image.Image, name: str) -> Image.Image:
    """The current frame of an opened picture, as `open_picture` returns it; messages call it `name`."""
    check_pixels(image, name)
    x, y = dots(image)
    if (pixels := round(image.width * x) * round(image.height * y)) > MAX_PIXELS:
        raise ValueError(f"{name} has {pixels} pixels with square dots, more than the {MAX_PIXELS} taken")
    try:
        values = read_values(image)
        image.load()
        picture = _upright(_to_rgb(image, values), _orientation(image))
    except Exception as error:  # decoders raise nearly anything on damaged bytes
        raise ValueError(f"{name} cannot be decoded: {error}") from error
    if (x, y) != (1, 1):
        picture = picture.resize((round(picture.width * x), round(picture.height * y)), Image.Resampling.BICUBIC)
    picture.info = {}
    return picture


def is_animated(source: str | PathLike[str] | bytes) -> bool:
    """Whether `source` is a GIF, PNG, WebP or AVIF with more than one frame; ValueError if it is not a picture."""
    with open_header(source) as image:
        check_pixels(image, file_name(source))
        return _num_frames(image) > 1


def is_paged(source: str | PathLike[str] | bytes) -> bool:
    """Whether `source` is a picture in a format whose frames are pages; ValueError if it is not a picture."""
    with open_header(source) as image:
        return image.format in PAGED_FORMATS


def has_pages(source: str | PathLike[str] | bytes) -> bool:
    """Whether `source` has pages to choose from: a document, or a TIFF of one page. ValueError as in `kind_of`."""
    kind = kind_of(source)
    return kind == "document" or (kind == "image" and is_paged(source))


def kind_of(source: str | PathLike[str] | bytes) -> FileKind:
    """What kind of file it is, by its first bytes; its extension is used only if these are inconclusive.

    An animation is an image of several frames; a TIFF of several pages is a document, like a PDF. Raises ValueError if
    the file cannot be read or is none of these.
    """
    head = _first_bytes(source)
    if b"%PDF-" in head:
        return "document"
    if video_formats.starts_a_video(head):
        return "video"
    if photo_format(head):
        return _kind_of_picture(source)  # a missing reader is an error, not a reason to guess
    try:
        return _kind_of_picture(source)
    except ValueError:
        kind = None if isinstance(source, bytes) else kind_by_suffix(Path(source).suffix.lower())
    if kind is None:
        raise ValueError(f"{file_name(source)} is neither a picture, a PDF nor a video")
    return kind


def local_file(source: str | PathLike[str], max_bytes: int | None = MAX_BYTES) -> Path:
    """`source` as the path of a regular, non-empty file of at most `max_bytes`; ValueError otherwise."""
    if _URL.match(str(source)):
        raise ValueError(f"{source} is an address; only local files are opened")
    path = Path(source)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null character; its message differs between Python versions
        raise ValueError(f"{str(path)!r} cannot be the name of a file") from error
    if stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{path} is a folder, not a file; name the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is not a regular file")
    _check_bytes(status.st_size, max_bytes, str(path))
    return path


def read_bytes(source: str | PathLike[str] | bytes) -> bytes:
    """The bytes of a local file, or the given ones; ValueError if there are none or more than `MAX_BYTES`."""
    if isinstance(source, bytes):
        _check_bytes(len(source), MAX_BYTES, file_name(source))
        return source
    with _opened(local_file(source)) as file:
        return file.read(MAX_BYTES)


def file_name(source: str | PathLike[str] | bytes | Image.Image) -> str:
    """The name of `source` in messages."""
    if isinstance(source, bytes):
        return "the given data"
    return "the given picture" if isinstance(source, Image.Image) else str(source)


def _first_bytes(source: str | PathLike[str] | bytes) -> bytes:
    if isinstance(source, bytes):
        _check_bytes(len(source), None, file_name(source))
        return source[:1024]
    with _opened(local_file(source, max_bytes=None)) as file:
        return file.read(1024)


def _opened(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _check_bytes(size: int, max_bytes: int | None, name: str) -> None:
    if size == 0:
        raise ValueError(f"{name}: empty, 0 bytes")
    if max_bytes is not None and size > max_bytes:
        raise ValueError(f"{name} has {size} bytes, more than the {max_bytes} taken")


def open_header(source: str | PathLike[str] | bytes) -> Image.Image:
    """The picture file with its header read; pixels are decoded by `load`. ValueError if it is not a picture."""
    name, data = file_name(source), read_bytes(source)
    try:
        if photo := photo_format(data):
            return open_photo(data, photo, MAX_PIXELS)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # callers check our own bound
            image = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:  # PIL's bound is above ours and is checked first
        pixels = re.search(r"\d+", str(error))
        raise ValueError(f"{name} has {pixels and pixels[0]} pixels, more than the {MAX_PIXELS} taken") from error
    except Exception as error:
        raise ValueError(f"{name} is not a picture of a known format") from error
    if image.format == "EPS":
        raise ValueError(f"{name} is PostScript, a program to be run rather than a picture to be read")
    return image


def check_pixels(image: Image.Image, name: str) -> None:
    """Raises ValueError if the picture has no pixels, or more than `MAX_PIXELS`."""
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise ValueError(f"{name} has {pixels} pixels, more than the {MAX_PIXELS} taken")
    if pixels == 0:
        raise ValueError(f"{name} has no pixels: {image.width} x {image.height}")


def _kind_of_picture(source: str | PathLike[str] | bytes) -> FileKind:
    with open_header(source) as image:
        check_pixels(image, file_name(source))
        if len(page_frames(image, file_name(source))) > 1:
            return "document"
        return "animation" if _num_frames(image) > 1 else "image"


def _num_frames(image: Image.Image) -> int:
    try:
        return getattr(image, "n_frames", 1) if image.format in _ANIMATIONS else 1
    except Exception:  # a later frame is damaged; the first one may still be sound
        return 1


def _orientation(image: Image.Image) -> int:
    try:
        if is_turned_already(image):
            return 1
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged metadata does not affect the pixels
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _to_rgb(image: Image.Image, values: Values) -> Image.Image:
    """A new RGB image; the given one is not modified."""
    if image.mode.startswith("I") or image.mode == "F":
        return _to_8_bit(image, values).convert("RGB")
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(*profiles, "LAB", "RGB").apply(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        if values.transparent is not None:
            image = image.copy()
            image.info["transparency"] = values.transparent
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.copy() if image.mode == "RGB" else image.convert("RGB")


def _to_8_bit(image: Image.Image, given: Values) -> Image.Image:
    """Grey from integers of 16 bits (0 to the format's maximum), of 32 bits (0..255 or 0..65535) or floats (also 0..1).

    Of several ranges the smallest that fits is taken. Values outside these ranges, such as heights in metres, are
    scaled from their minimum and maximum to 0..255.
    """
    stored = np.asarray(image)
    stored = stored.view(np.uint32) if given.is_unsigned else stored
    values = np.nan_to_num(stored.astype(np.float32), copy=False, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    tops = (1, 255, 65535) if image.mode == "F" else given.tops
    held = [top for top in tops if low >= 0 and high <= top]
    if not held:
        values -= low
    values *= 255 / (held[0] if held else max(high - low, 1e-30))
    levels = np.rint(values).astype(np.uint8)
    grey = Image.fromarray(255 - levels if given.white_is_zero else levels)
    if "transparency" in image.info:  # in a 16-bit grey PNG, one value means transparent
        grey.paste(255, mask=Image.fromarray(np.asarray(image) == image.info["transparency"]))
    return grey


def kind_by_suffix(suffix: str) -> FileKind | None:
    """The kind of file that a suffix such as ".png" stands for; None if unknown."""
    if suffix == ".pdf":
        return "document"
    if suffix in video_formats.SUFFIXES:
        return "video"
    return "image" if suffix in Image.registered_extensions() else None
