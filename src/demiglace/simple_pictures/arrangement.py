"""A few shapes anywhere in a picture: their positions, their possible names, and where one is relative to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demiglace.simple_pictures.claims import Sort
from demiglace.simple_pictures.drawn_items import Canvas, Item, extents, random_canvas, random_forms
from demiglace.typography.words import pick

_SHARES = (0.22, 0.34, 0.22, 0.1, 0.05, 0.03, 0.02, 0.01, 0.01)  # of pictures with 1, 2, ... items; ours
_MARGIN = 0.08  # of the picture's side: least distance for one item to count as left of, right of, ... another
SIDES = {
    "left": ((0, -1), ("to the left of", "left of")),
    "right": ((0, 1), ("to the right of", "right of")),
    "above": ((1, -1), ("above", "higher than")),
    "below": ((1, 1), ("below", "lower than", "under")),
}


@dataclass(frozen=True)
class Arrangement:
    """forms, colours: those that the picture was drawn from, so that an absent one is as plausible as the others."""

    canvas: Canvas
    items: Sequence[Item]
    forms: Sequence[str]
    colours: Sequence[str]

    @property
    def single_sorts(self) -> list[Sort]:
        """Sorts by a form or a colour alone."""
        return [Sort(form, None) for form in self.forms] + [Sort(None, colour) for colour in self.colours]


def random_arrangement(rng: np.random.Generator, shares: Sequence[float] = _SHARES) -> Arrangement:
    """One to nine items that do not overlap. shares: of pictures with 1, 2, ... items."""
    ratio = 1.0 if rng.random() < 0.6 else float(np.exp(rng.uniform(-0.5, 0.5)))
    canvas = random_canvas(rng, ratio=ratio)
    forms = random_forms(rng)[: int(rng.choice((3, 3, 4, 6)))]
    colours = rng.permutation(list(canvas.palette))[: int(rng.integers(3, 9))].tolist()
    return Arrangement(canvas, _place(rng, canvas, forms, colours, shares), forms, colours)


def _place(
    rng: np.random.Generator, canvas: Canvas, forms: Sequence[str], colours: Sequence[str], shares: Sequence[float]
) -> list[Item]:
    """Items that do not overlap; as many of the wanted number as fit."""
    width, height = canvas.size
    wanted = 1 + int(rng.choice(len(shares), p=shares))
    largest = min(width, height) * min(0.3, 0.42 / wanted**0.5)
    smallest = max(min(largest, 4.0), largest * 0.35)
    items: list[Item] = []
    for _ in range(wanted * 6):
        form, colour = pick(rng, forms), pick(rng, colours)
        if wanted == 2 and items:  # so that two items often have the same form or colour
            form = items[0].form if rng.random() < 0.4 else form
            colour = items[0].colour if rng.random() < 0.4 else colour
        radius = float(rng.uniform(smallest, largest))
        x, y = (float(rng.uniform(radius + 1, length - radius - 1)) for length in (width, height))
        if all(np.hypot(x - item.x, y - item.y) > 1.25 * (radius + max(item.rx, item.ry)) for item in items):
            items.append(Item(form, colour, canvas.rgb(rng, colour), x, y, *extents(rng, form, radius)))
        if len(items) == wanted:
            break
    return items


def with_own_names(rng: np.random.Generator, items: Sequence[Item]) -> list[tuple[Sort, Item]]:
    """Items with an unambiguous name, by form, colour or both; in random order."""
    found = []
    for number in rng.permutation(len(items)):
        item = items[number]
        sorts = [Sort(item.form, None), Sort(None, item.colour), Sort(item.form, item.colour)]
        fitting = [sort for sort in sorts if len(sort.of(items)) == 1]
        found += [(fitting[int(rng.integers(len(fitting)))], item)] if fitting else []
    return found


def lies(canvas: Canvas, one: Item, other: Item, side: str) -> bool | None:
    """Whether `one` is on that side of the other; None if it is by no more than the margin."""
    axis, sign = SIDES[side][0]
    ahead = sign * ((one.y - other.y) if axis else (one.x - other.x))
    return True if ahead > _MARGIN * canvas.size[axis] else False if ahead <= 0 else None
