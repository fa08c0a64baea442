"""The restoration task: a request that names regions of a page by position, and their original texts as the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
import PIL.Image

from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.documents.corruption.corruption import LEVELS, SHARE, Target, corrupt, draw_targets
from demiglace.documents.page import Page, Region, Unit, hull, regions
from demiglace.fields import Field, Words
from demiglace.processing.chat_template import END_THINK

REQUEST = (
    "Write the original text of each of these regions of the page, in this order, with a blank line between regions. "
    "Where the page is damaged or hidden, restore what stood there."
)
OPTIONS: Mapping[str, Field] = {"unit": Words(get_args(Unit)), "share": SHARE, "levels": LEVELS}  # of `damage_and_ask`
BETWEEN_REGIONS = "\n\n"
PARTS_OF_A_SIDE = 1000  # positions are in thousandths of the page's width and height (released code: grounding)


def damage_and_ask(
    page: Page, unit: Unit, share: float, levels: Mapping[str, float], chances: tuple[int, ...]
) -> Conversation:
    """A page with a `share` of its regions damaged, each at its own level, and the request to restore them.

    chances: the seed of all random choices. Raises ValueError as `draw_targets` and `ask_regions` do.
    """
    targets = draw_targets(regions(page, unit), np.random.default_rng(chances), share, levels)
    return ask_regions(corrupt(page.picture, targets, chances), targets)


def ask_regions(picture: np.ndarray, targets: Sequence[Target]) -> Conversation:
    """The page with a request that names each target by position, and the answer: their texts, blank lines between.

    picture: uint8 (height, width, 3), corrupted or not; targets: at least one, in reading order.
    Raises ValueError if there is no target, and on a text that would be parsed as the end of reasoning.
    """
    if not targets:
        raise ValueError("a request needs at least one region, got 0")
    height, width = picture.shape[:2]
    request = "\n".join([REQUEST, *(position(target.region, width, height) for target in targets)])
    user = Message("user", (Image(PIL.Image.fromarray(picture)), Text(request)))
    return Conversation((user, Message("assistant", (Text(answer(targets)),))))


def answer(targets: Sequence[Target]) -> str:
    """Texts in order; within a region there are no blank lines, so that a blank line always separates regions."""
    text = BETWEEN_REGIONS.join(_without_blank_lines(target.region.text) for target in targets)
    if END_THINK in text:
        raise ValueError(f"a text of {len(text)} characters holds {END_THINK}, which would end the reasoning")
    return text


def position(region: Region, width: int, height: int) -> str:
    """`<box>x1 y1 x2 y2</box>`: the hull of the region's boxes, in thousandths of the page's width and height."""
    box = hull(np.array(region.boxes, float)) / np.array([width, height, width, height])
    edges = (box * PARTS_OF_A_SIDE).round().clip(0, PARTS_OF_A_SIDE).astype(int)
    return "<box>{} {} {} {}</box>".format(*edges)


def _without_blank_lines(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip())
