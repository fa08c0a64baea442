"""Pages of one word each, and which pages a text has."""

import re
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

PAGES = ("first", "second", "third")


def sheet(text: str) -> PIL.Image.Image:
    picture = PIL.Image.new("RGB", (300, 200), "white")
    PIL.ImageDraw.Draw(picture).text((40, 60), text, "black", PIL.ImageFont.load_default(32))
    return picture


def pages_in(text: Path) -> list[int]:
    return [int(number) for number in re.findall(r"^--- .*, page (\d+) ---$", text.read_text(), re.MULTILINE)]
