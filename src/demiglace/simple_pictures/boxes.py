"""A few boxes side by side, each with scattered items or a tower of blocks, and sentences that are true or false.

A sentence puts a condition on boxes ("with exactly two blue items") and says how many boxes meet it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from PIL.Image import Image as Picture

from demiglace.scoring.question import Question
from demiglace.simple_pictures.claims import NUMBERS, Claim, Sort, ask_count, how_many, judge, sort_by_number
from demiglace.simple_pictures.drawn_items import Canvas, Item, draw_items, random_canvas
from demiglace.typography.words import pick

LARGEST_BOXES = 200  # pixels: maximum height of the picture
MOST_BLOCKS, MOST_SCATTERED = 4, 8
_FORMS = ("circle", "square", "triangle")
_WALL = 1.5  # pixels from the border that still count as touching it
CLAIMS = 30  # number drawn, to choose from


@dataclass(frozen=True)
class Box:
    """left and width in pixels; items from the bottom to the top if they are a tower."""

    left: float
    width: float
    height: float
    items: tuple[Item, ...]

    def touching(self, place: str) -> list[Item]:
        """Items that touch the bottom, the top or any wall."""
        gaps = {"bottom": lambda item: self.height - item.y - item.ry, "top": lambda item: item.y - item.ry}
        sides = {"left": lambda item: item.x - item.rx - self.left, "right": self._right_gap}
        known = {**gaps, **sides} if place == "wall" else {place: gaps[place]}
        return [item for item in self.items if any(gap(item) < _WALL for gap in known.values())]

    def _right_gap(self, item: Item) -> float:
        return self.left + self.width - item.x - item.rx


def random_boxes(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """Two to four boxes, mostly three; the size of the picture is drawn here."""
    count = int(rng.choice((2, 3, 3, 3, 3, 4)))
    gap = float(rng.uniform(0.1, 0.5))  # of a box's width
    canvas = random_canvas(rng, LARGEST_BOXES, count + gap * (count - 1))
    canvas = replace(canvas, look=replace(canvas.look, filled=True))
    colours = rng.permutation(list(canvas.palette))[:3].tolist()
    is_tower = bool(rng.random() < 0.5)
    fill = _tower if is_tower else _scattered
    height = canvas.size[1]
    lefts = [number * (1 + gap) * height for number in range(count)]
    boxes = [Box(left, height, height, tuple(fill(rng, canvas, left, colours))) for left in lefts]
    walls = [
        Item("rectangle", "gray", _between(canvas), left - gap * height / 2, height / 2, gap * height / 2, height / 2)
        for left in lefts[1:]
    ]
    picture = draw_items(canvas, [*walls, *(item for box in boxes for item in box.items)])
    return picture, _ask(rng, boxes, colours, is_tower)


def _between(canvas: Canvas) -> tuple[int, int, int]:
    """Colour of the gaps: the paper colour, darker or lighter."""
    red, green, blue = (level - 60 if level > 127 else level + 60 for level in canvas.paper)
    return red, green, blue


def _tower(rng: np.random.Generator, canvas: Canvas, left: float, colours: Sequence[str]) -> list[Item]:
    height = canvas.size[1]
    radius = height * float(rng.uniform(0.09, 0.115))
    drawn = rng.choice(colours, int(rng.integers(1, MOST_BLOCKS + 1))).tolist()
    x = left + height / 2
    return [
        Item("square", colour, canvas.rgb(rng, colour), x, height - 1 - (2 * number + 1) * radius, radius, radius - 0.5)
        for number, colour in enumerate(drawn)
    ]


def _scattered(rng: np.random.Generator, canvas: Canvas, left: float, colours: Sequence[str]) -> list[Item]:
    """Items that do not touch each other; about one in three is placed at a border."""
    height, items = canvas.size[1], list[Item]()
    for _ in range(int(rng.integers(1, MOST_SCATTERED + 1)) * 2):
        radius = height * float(rng.choice((0.05, 0.1, 0.15)))
        x, y = (float(rng.uniform(radius, height - radius)) for _ in range(2))
        if rng.random() < 0.33:
            x, y = ((radius, y), (height - radius, y), (x, height - radius), (x, radius))[int(rng.integers(4))]
        if all(np.hypot(left + x - item.x, y - item.y) > 1.3 * (radius + item.rx) for item in items):
            form, colour = pick(rng, _FORMS), pick(rng, colours)
            items.append(Item(form, colour, canvas.rgb(rng, colour), left + x, y, radius, radius))
        if len(items) == MOST_SCATTERED:
            break
    return items


def _ask(rng: np.random.Generator, boxes: Sequence[Box], colours: Sequence[str], is_tower: bool) -> list[Question]:
    seen = "; ".join(f"box {number}: {_inside(box)}" for number, box in enumerate(boxes, start=1))
    noun, item = ("tower", "block") if is_tower else ("box", pick(rng, ("item", "object")))
    kind = "boxes_towers" if is_tower else "boxes_items"
    everything = [one for box in boxes for one in box.items]
    sort = Sort(None if is_tower or rng.random() < 0.5 else pick(rng, _FORMS), pick(rng, colours), item)
    counted = sort_by_number(
        rng, everything, [sort, *(Sort(None, colour, item) for colour in colours), Sort(None, None, item)]
    )
    make = _tower_condition if is_tower else _item_condition
    drawn = (claim for _ in range(CLAIMS) for claim in _about_boxes(rng, boxes, noun, *make(rng, boxes, colours, item)))
    claims = list(drawn)
    questions = [
        *(judge(rng, kind, claims, seen) for _ in range(3)),
        ask_count(rng, "boxes_number", counted.many, len(counted.of(everything)), seen),
        judge(rng, "boxes_how_many", how_many(rng, sort.many, sort.one, len(sort.of(everything))), seen),
    ]
    return [question for question in questions if question]


def _inside(box: Box) -> str:
    return ", ".join(item.name for item in box.items)


def _about_boxes(
    rng: np.random.Generator, boxes: Sequence[Box], noun: str, condition: str, met: Sequence[bool]
) -> list[Claim]:
    """Claims about how many boxes meet a condition, such as "with a red item"."""
    number, nouns = sum(met), "boxes" if noun == "box" else "towers"
    claimed = int(rng.integers(1, len(boxes) + 1))
    word = str(claimed) if rng.random() < 0.5 else NUMBERS[claimed]
    exactly = pick(rng, ("exactly ", "only ", ""))
    forms = [
        (f"there is a {noun} {condition}", number > 0, (f"is there a {noun} {condition}",)),
        (f"there is no {noun} {condition}", number == 0, (f"is there no {noun} {condition}",)),
        (f"there is at least one {noun} {condition}", number > 0, ()),
    ]
    if claimed == 1:
        forms.append((f"there is exactly {word} {noun} {condition}", number == 1, ()))
    else:
        forms.append((f"there are {exactly}{word} {nouns} {condition}", number == claimed, ()))
        forms.append((f"there are at least {word} {nouns} {condition}", number >= claimed, ()))
    if condition.startswith("with "):
        forms.append((f"each {noun} has {condition[5:]}", number == len(boxes), ()))
    text, truth, asked = forms[int(rng.integers(len(forms)))]
    return [Claim(text, truth, asked)]


def _tower_condition(
    rng: np.random.Generator, boxes: Sequence[Box], colours: Sequence[str], item: str
) -> tuple[str, list[bool]]:
    colour, other = pick(rng, colours), pick(rng, colours)
    number = int(rng.integers(1, MOST_BLOCKS + 1))
    word, blocks = (str(number) if rng.random() < 0.3 else NUMBERS[number]), "block" if number == 1 else "blocks"
    named = [[one.colour for one in box.items] for box in boxes]
    over = pick(rng, ("over", "above", "on top of", "on"))
    top = pick(rng, ("at the top", "on top", "as its top"))
    base = pick(rng, ("at the base", "as its base", "at the bottom"))
    options = (
        (f"with a {colour} block {top}", [names[-1] == colour for names in named]),
        (f"with a {colour} block {base}", [names[0] == colour for names in named]),
        (f"with {pick(rng, ('', 'exactly ', 'only '))}{word} {blocks}", [len(names) == number for names in named]),
        (f"with {word} {blocks} and a {colour} block {top}",
         [len(names) == number and names[-1] == colour for names in named]),
        (f"with a {colour} block {over} a {other} block",
         [any(high == colour and low == other for low, high in pairwise(names)) for names in named]),
        (f"with only {colour} blocks", [set(names) == {colour} for names in named]),
        (f"with at least one {colour} block", [colour in names for names in named]),
        ("with blocks of one colour only", [len(set(names)) == 1 for names in named]),
    )  # fmt: skip
    return options[int(rng.integers(len(options)))]


def _item_condition(
    rng: np.random.Generator, boxes: Sequence[Box], colours: Sequence[str], item: str
) -> tuple[str, list[bool]]:
    form = pick(rng, _FORMS) if rng.random() < 0.5 else None
    sort = Sort(form, pick(rng, colours) if form is None or rng.random() < 0.5 else None, item)
    other = Sort(pick(rng, _FORMS), pick(rng, colours), item)
    number = int(rng.integers(1, 5))
    word = str(number) if rng.random() < 0.3 else NUMBERS[number]
    counts = [len(sort.of(box.items)) for box in boxes]
    place, name = (("bottom", "the base"), ("top", "the top"), ("wall", "the wall"))[int(rng.integers(3))]
    things = sort.one if number == 1 else sort.many
    options = (
        (f"with {sort.a}", [count > 0 for count in counts]),
        (f"with {pick(rng, ('', 'exactly '))}{word} {things}", [count == number for count in counts]),
        (f"with at least {word} {things}", [count >= number for count in counts]),
        (f"with {sort.a} and {other.a}",
         [count > 0 and bool(other.of(box.items)) for count, box in zip(counts, boxes, strict=True)]),
        (f"with {sort.a} touching {name}", [bool(sort.of(box.touching(place))) for box in boxes]),
        (f"with only {sort.many}", [count == len(box.items) for count, box in zip(counts, boxes, strict=True)]),
        (f"with {word} {item if number == 1 else item + 's'}", [len(box.items) == number for box in boxes]),
        (f"with items of {word} different colours" if number > 1 else "with items of one colour",
         [len({one.colour for one in box.items}) == number for box in boxes]),
    )  # fmt: skip
    return options[int(rng.integers(len(options)))]
