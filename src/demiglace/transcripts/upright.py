"""A page that was read, in the direction in which it was read."""

from __future__ import annotations

from dataclasses import replace

from demiglace.documents.page import Box
from demiglace.inference.page_turn import turned_back
from demiglace.inference.read_page import ReadLine, ReadPage


def upright(page: ReadPage) -> ReadPage:
    """The page with its boxes as on the page turned by its `turn`, so that lines run from left to right."""
    if not page.turn:
        return page
    width, height = (page.height, page.width) if page.turn in (90, 270) else (page.width, page.height)

    def turned(box: Box) -> Box:
        return turned_back(box, 360 - page.turn, width, height)

    def line_of(line: ReadLine) -> ReadLine:
        return replace(line, box=turned(line.box), words=tuple(replace(w, box=turned(w.box)) for w in line.words))

    regions = tuple(
        replace(region, box=turned(region.box), lines=tuple(map(line_of, region.lines))) for region in page.regions
    )
    return replace(page, width=width, height=height, turn=0, regions=regions)
