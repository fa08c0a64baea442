"""The media of a conversation's parts, as one picture for people to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import PIL.Image

from demiglace.conversation import Document, Image, Part, Video
from demiglace.media.document_pages import open_pages
from demiglace.media.pictures import open_picture
from demiglace.media.video import read_packages

MOST_PICTURES = 6  # side by side
GAP = 4  # pixels


def picture_of_parts(parts: Iterable[Part]) -> PIL.Image.Image | None:
    """Pictures, pages and frames side by side, evenly sampled if there are many; None if there is nothing to show."""
    shown = [picture for part in parts for picture in _pictures(part)]
    if not shown:
        return None
    count = min(len(shown), MOST_PICTURES)
    chosen = [shown[place * len(shown) // count] for place in range(count)]
    width = sum(picture.width for picture in chosen) + GAP * (count - 1)
    sheet = PIL.Image.new("RGB", (width, max(picture.height for picture in chosen)), "white")
    left = 0
    for picture in chosen:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet


def _pictures(part: Part) -> Iterator[PIL.Image.Image]:
    if isinstance(part, Image):
        yield open_picture(part.source)
    elif isinstance(part, Document):
        yield from islice(open_pages(part.source, part.pages), MOST_PICTURES)
    elif isinstance(part, Video):
        for package in read_packages(part.source, part.sampling):
            yield from package.frames
