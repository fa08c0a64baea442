"""Pictures as pages of a PDF, without loss: JPEG files as they are, others deflated."""

from __future__ import annotations

import io
from contextlib import closing

import numpy as np
import PIL.Image
from pypdfium2 import PdfBitmap, PdfDocument, PdfImage, PdfMatrix

from demiglace.media.page_frames import page_frames
from demiglace.media.pictures import file_name, open_header, read_bytes

USUAL_DPI = 200.0  # ours, where a file does not tell
SCREEN_DPI = 72.0  # what cameras and screens write, and no scanner

_EXIF_ORIENTATION = 0x0112


def add_picture(pdf: PdfDocument, file: str, number: int, picture: PIL.Image.Image) -> None:
    """Append a page that shows `picture`, page `number` of `file`, as large as the file says, or at `USUAL_DPI`."""
    with open_header(file) as image:
        image.seek(page_frames(image, file_name(file))[number - 1])
        dpi = round(max(map(float, image.info.get("dpi", (0, 0)))))  # PNG counts dots in a metre
        is_shown_as_stored = (image.format, image.size) == ("JPEG", picture.size) and image.mode in ("L", "RGB")
        is_upright = image.getexif().get(_EXIF_ORIENTATION, 1) == 1
    jpeg = read_bytes(file) if is_shown_as_stored and is_upright else None
    scale = 72 / (dpi if dpi > SCREEN_DPI else USUAL_DPI)
    with closing(_page_of(picture, jpeg, scale)) as source:
        pdf.import_pages(source)


def _page_of(picture: PIL.Image.Image, jpeg: bytes | None, scale: float) -> PdfDocument:
    """A document of one page, written and read again: only then is it compressed, and memory is scarce."""
    width, height = picture.width * scale, picture.height * scale
    with closing(PdfDocument.new()) as pdf:
        page, image = pdf.new_page(width, height), PdfImage.new(pdf)
        if jpeg:
            image.load_jpeg(io.BytesIO(jpeg), inline=True)
        else:
            image.set_bitmap(PdfBitmap.from_pil(_grey_if_so(picture)))
        image.set_matrix(PdfMatrix().scale(width, height))
        page.insert_obj(image)
        page.gen_content()
        written = io.BytesIO()
        pdf.save(written)
    return PdfDocument(written.getvalue())


def _grey_if_so(picture: PIL.Image.Image) -> PIL.Image.Image:
    levels = np.asarray(picture)
    is_grey = (levels[..., 0] == levels[..., 1]).all() and (levels[..., 0] == levels[..., 2]).all()
    return picture.getchannel(0) if is_grey else picture
