"""Makes corruption.png: a part of one page, all its lines damaged at the same severity, panel by panel.

python docs/pictures/make_corruption.py /usr/share/doc/fontconfig/fontconfig-user.pdf.gz
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from demiglace.documents.corruption.corruption import Target, corrupt
from demiglace.documents.page import Page, regions
from demiglace.documents.text_layer.pdf_pages import read_pdf

PAGE, DPI, SEED = "3", 110, 1
SHOWN = (205, 560, 795, 1080)  # left, top, right, bottom in pixels
SEVERITIES = (0.0, 0.15, 0.33, 0.34, 0.65, 1.0)
COLUMNS, HEADING = 3, 34


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pdf", type=Path, help="fontconfig-user.pdf or fontconfig-user.pdf.gz")
    gallery(page_of(parser.parse_args().pdf)).save(Path(__file__).with_name("corruption.png"), optimize=True)


def page_of(pdf: Path) -> Page:
    with tempfile.NamedTemporaryFile(suffix=".pdf") as unpacked:
        content = pdf.read_bytes()
        Path(unpacked.name).write_bytes(gzip.decompress(content) if pdf.suffix == ".gz" else content)
        (page,) = read_pdf(unpacked.name, PAGE, DPI)
    assert isinstance(page, Page), page.why
    return page


def gallery(page: Page) -> Image.Image:
    width, height = SHOWN[2] - SHOWN[0], SHOWN[3] - SHOWN[1] + HEADING
    rows = -(-len(SEVERITIES) // COLUMNS)
    sheet = Image.new("L", (COLUMNS * width, rows * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    for number, severity in enumerate(SEVERITIES):
        targets = [Target(region, severity) for region in regions(page, "line")]
        left, top = number % COLUMNS * width, number // COLUMNS * height
        sheet.paste(Image.fromarray(corrupt(page.picture, targets, (SEED,))).crop(SHOWN), (left, top + HEADING))
        draw.rectangle((left, top, left + width - 1, top + height - 1), outline="gray")
        draw.text((left + 12, top + HEADING / 2), f"{targets[0].level}, severity {severity:g}", "black", font, "lm")
    return sheet.quantize(32)


if __name__ == "__main__":
    main()
