"""Files of every kind that a server opens, made anew: pictures, documents and clips, small ones."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from matplotlib.figure import Figure
from PIL import Image as Pillow
from PIL import ImageDraw

CLIPS = {"mp4": "libx264", "webm": "libvpx", "avi": "mpeg4", "mkv": "libx264"}
SIDES = {"width": 96, "height": 64}


@dataclass(frozen=True)
class SampleFile:
    """name: with its suffix. part: the type of the part that shows it to a model."""

    name: str
    part: str
    media_type: str
    content: bytes


def sample_files() -> list[SampleFile]:
    return [*_pictures(), *_documents(), *_clips()]


def picture(number: int, mode: str = "RGB", size: tuple[int, int] = (120, 80)) -> Pillow.Image:
    """A gradient with shapes and a number on it."""
    width, height = size
    ramp = np.linspace(0, 255, width)[None] * np.linspace(0.3, 1, height)[:, None]
    levels = np.stack([ramp, ramp[::-1], np.full_like(ramp, number * 37 % 256)], -1).astype(np.uint8)
    drawn = Pillow.fromarray(levels)
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((10, 10, 50, 50), outline="white", width=3)
    pen.text((60, 30), f"number {number}", fill="black")
    return drawn.convert(mode)


def _saved(shown: Pillow.Image, kind: str, others: Sequence[Pillow.Image] = (), **options: object) -> bytes:
    """Of copies: a picture that was saved as JPEG keeps settings by which Pillow cannot save it as TIFF."""
    file, others = io.BytesIO(), [one.copy() for one in others]
    shown.copy().save(file, kind, **({"save_all": True, "append_images": others} if others else {}), **options)
    return file.getvalue()


def _pictures() -> list[SampleFile]:
    shown, others = picture(0), [picture(number) for number in (1, 2)]
    saved = {
        "plain.png": _saved(shown, "PNG"),
        "palette.png": _saved(shown.quantize(16), "PNG", transparency=3),
        "deep.png": _saved(Pillow.fromarray(np.arange(120 * 80, dtype=np.uint16).reshape(80, 120)), "PNG"),
        "plain.jpeg": _saved(shown, "JPEG", exif=_turned()),
        "progressive.jpeg": _saved(picture(0, "CMYK"), "JPEG", progressive=True),
        "lossy.webp": _saved(shown, "WEBP"),
        "moving.webp": _saved(shown, "WEBP", others),
        "still.gif": _saved(shown, "GIF"),
        "plain.bmp": _saved(shown, "BMP"),
        "packed.tiff": _saved(shown, "TIFF", compression="tiff_lzw"),
    }
    return [
        SampleFile(name, "image_url", f"image/{name.partition('.')[2]}", content) for name, content in saved.items()
    ]


def _turned() -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # orientation
    return exif


def _documents() -> list[SampleFile]:
    others = [picture(1), picture(2)]
    saved = {
        "scans.pdf": _saved(picture(0), "PDF", others),
        "text.pdf": _text_pdf(),
        "pages.tiff": _saved(picture(0), "TIFF", others, compression="tiff_deflate"),
    }
    kinds = {"pdf": "application/pdf", "tiff": "image/tiff"}
    return [SampleFile(name, "file", kinds[name.partition(".")[2]], content) for name, content in saved.items()]


def _text_pdf() -> bytes:
    """Letters, lines and a curve, with a font inside."""
    figure, file = Figure((3, 2)), io.BytesIO()
    axes = figure.add_subplot()
    axes.plot([0, 1, 4, 9], label="squares")
    axes.set_title("A page with text")
    axes.legend()
    figure.savefig(file, format="pdf", metadata={"CreationDate": None})
    return file.getvalue()


def _clips() -> list[SampleFile]:
    frames = [picture(number) for number in range(8)]
    saved = {f"clip.{kind}": clip(kind, codec) for kind, codec in CLIPS.items()}
    saved["clip.gif"] = _saved(frames[0], "GIF", frames[1:], duration=100)
    return [
        SampleFile(name, "video_url", f"video/{name.partition('.')[2]}", content) for name, content in saved.items()
    ]


def clip(container: str, codec: str, num_frames: int = 20) -> bytes:
    """Pictures, ten a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska" if container == "mkv" else container) as output:
        stream = output.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = SIDES["width"], SIDES["height"], "yuv420p"
        for number in range(num_frames):
            shown = picture(number, size=(SIDES["width"], SIDES["height"]))
            frame = av.VideoFrame.from_image(shown)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()
