"""Where an item is, where it is relative to another, how many there are: each in one wording, many times a picture.

A model learns to judge a place or to count first, and then to combine it (as in `shapes`, `cells` and `figures`).
"""

from __future__ import annotations

import numpy as np
from PIL.Image import Image as Picture

from demiglace.scoring.question import Question
from demiglace.simple_pictures.arrangement import SIDES, Arrangement, lies, random_arrangement, with_own_names
from demiglace.simple_pictures.claims import Sort, ask_word, listing, sort_by_number
from demiglace.simple_pictures.drawn_items import Item, draw_items
from demiglace.simple_pictures.figures import draw_outlines
from demiglace.typography.words import pick

MOST_ASKED, MOST_COUNTED = 8, 4  # questions about a picture
PLACES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right")
_NEAR_BORDER = 0.15  # of a third
_TWO_TO_FOUR = (0, 0.5, 0.3, 0.2)  # shares of pictures with 1, 2, ... items; ours
_TWO_TO_NINE = (0, 0.16, 0.16, 0.16, 0.14, 0.12, 0.1, 0.09, 0.07)  # ours


def random_places(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A picture of two to four items, and in which of nine parts one is. Its size is random, `side` is not used."""
    questions: list[Question] = []
    while not questions:  # none if all items are near a border between two parts
        drawn = random_arrangement(rng, _TWO_TO_FOUR)
        seen = listing(drawn.items)
        placed = ((sort, _place(drawn, item)) for sort, item in with_own_names(rng, drawn.items))
        questions = [
            ask_word(rng, "places", (f"where is the {sort.one}",), place, _in_a_sentence(place), seen, PLACES)
            for sort, place in placed if place
        ]  # fmt: skip
    return draw_items(drawn.canvas, drawn.items), questions


def random_relations(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A picture of two to four items, and whether one is left of, right of, above or below another.

    Yes and no are equally likely: the answer is drawn first. The picture's size is random, `side` is not used.
    """
    questions: list[Question] = []
    while not questions:  # none if fewer than two items have an unambiguous name, or no side is clear
        drawn = random_arrangement(rng, _TWO_TO_FOUR)
        asked = (_relation(rng, drawn) for _ in range(MOST_ASKED))
        questions = [question for question in asked if question]
    return draw_items(drawn.canvas, drawn.items), questions


def random_counts(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A picture of up to ten outlines of one form, or of two to nine items, and how many of a sort there are."""
    if rng.random() < 0.5:
        picture, name, count = draw_outlines(rng)
        return picture, [_count(rng, Sort(name, None), count, f"I count the {Sort(name, None).many}: {count}.")]
    drawn = random_arrangement(rng, _TWO_TO_NINE)
    sorts = [*drawn.single_sorts, Sort(None, None)]
    drawn_sorts = {sort_by_number(rng, drawn.items, sorts) for _ in range(MOST_COUNTED)}
    ordered = sorted(drawn_sorts, key=lambda sort: sort.many)  # the iteration order of a set differs between processes
    seen = listing(drawn.items)
    asked = [_count(rng, sort, len(sort.of(drawn.items)), seen) for sort in ordered]
    return draw_items(drawn.canvas, drawn.items), asked


def _place(drawn: Arrangement, item: Item) -> str | None:
    """The part of the picture, by thirds, that contains the item's centre; None near a border between thirds."""
    thirds = [3 * middle / length for middle, length in zip((item.y, item.x), drawn.canvas.size[::-1], strict=True)]
    if any(abs(third - border) < _NEAR_BORDER for third in thirds for border in (1, 2)):
        return None
    row, column = (int(third) for third in thirds)
    return PLACES[3 * row + column]


def _in_a_sentence(place: str) -> str:
    return f"It is {'in' if place == 'middle' else 'on' if place in ('left', 'right') else 'at'} the {place}."


def _relation(rng: np.random.Generator, drawn: Arrangement) -> Question | None:
    wanted = bool(rng.random() < 0.5)
    pair = with_own_names(rng, drawn.items)[:2]
    if len(pair) < 2:
        return None
    (sort, item), (other_sort, other) = pair
    sides = [side for side in SIDES if lies(drawn.canvas, item, other, side) is wanted]
    if not sides:
        return None
    side = pick(rng, sides)
    where = f"{side}{' of' if side in ('left', 'right') else ''} the {other_sort.one}"
    answer = "yes" if wanted else "no"
    spoken = f"{answer.capitalize()}, the {sort.one} is {'' if wanted else 'not '}{where}."
    return ask_word(rng, "relations", (f"is the {sort.one} {where}",), answer, spoken, listing(drawn.items))


def _count(rng: np.random.Generator, sort: Sort, number: int, seen: str) -> Question:
    spoken = f"The number of {sort.many} is {number}."
    return ask_word(rng, "counts", (f"how many {sort.many} are there",), str(number), spoken, seen)
