"""Shapes anywhere in a picture of any size and style, and questions about what, where and how many they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL.Image import Image as Picture

from demiglace.scoring.question import Question
from demiglace.simple_pictures.arrangement import SIDES, Arrangement, lies, random_arrangement, with_own_names
from demiglace.simple_pictures.claims import (
    PICTURE,
    Claim,
    Sort,
    ask_count,
    ask_word,
    how_many,
    judge,
    listing,
    present,
    sort_by_number,
    with_article,
)
from demiglace.simple_pictures.drawn_items import Canvas, Item, draw_items
from demiglace.typography.words import pick

MOST_LISTED = 4
MOST_PRESENCE = 8
NOUNS = ("shape", "shape", "shape", "object")


def random_shapes(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A picture of one to nine items and its questions of all kinds that it allows; its size is random, not `side`."""
    drawn = random_arrangement(rng)
    return draw_items(drawn.canvas, drawn.items), ask_shapes(rng, drawn)


def random_presence(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A picture as in `random_shapes`, and whether a form or a colour is in it, yes and no equally often.

    There is one wording and one word decides: a model learns to compare picture and question before combining anything.
    """
    drawn = random_arrangement(rng)
    sorts = drawn.single_sorts
    truths = [truth for truth in (True, False) if any(bool(sort.of(drawn.items)) == truth for sort in sorts)]
    drawn_truths = [truths[number] for number in rng.integers(len(truths), size=MOST_PRESENCE)]
    asked = [_ask_presence(rng, drawn.items, sorts, truth) for truth in drawn_truths]
    return draw_items(drawn.canvas, drawn.items), asked


def random_presence_claims(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A picture as in `random_shapes`, and whether a form or a colour is in it, in all wordings."""
    questions: list[Question] = []
    while not questions:  # none if all possible forms and colours are in the picture
        drawn = random_arrangement(rng)
        levels = _sorts(rng, drawn.forms, drawn.colours, pick(rng, NOUNS))
        single = [level for level in levels if not (level[0].form and level[0].colour)]
        seen = listing(drawn.items)
        asked = [
            _judge_presence(rng, drawn.items, [single[int(rng.integers(2))]] * 3, seen) for _ in range(MOST_PRESENCE)
        ]
        questions = [question for question in asked if question]
    return draw_items(drawn.canvas, drawn.items), questions


def _ask_presence(rng: np.random.Generator, items: Sequence[Item], sorts: Sequence[Sort], truth: bool) -> Question:
    fitting = [sort for sort in sorts if bool(sort.of(items)) == truth]
    sort = fitting[int(rng.integers(len(fitting)))]
    answer = "yes" if truth else "no"
    spoken = f"{answer.capitalize()}, there is {sort.a if truth else f'no {sort.one}'}."
    return ask_word(rng, "presence", (f"is there {sort.a}",), answer, spoken, listing(items))


def ask_shapes(rng: np.random.Generator, drawn: Arrangement) -> list[Question]:
    canvas, items, forms, colours = drawn.canvas, drawn.items, drawn.forms, drawn.colours
    seen, noun = listing(items), pick(rng, NOUNS)
    sorts = _sorts(rng, forms, colours, noun)
    questions = [
        *(_judge_presence(rng, items, sorts, seen) for _ in range(3)),
        _form(rng, items, forms, seen),
        _colour(rng, items, colours, seen),
        _relation(rng, canvas, items, seen),
        _direction(rng, canvas, items, seen),
        _any_relation(rng, canvas, items, sorts, seen) if len(items) > 2 else None,
        _number(rng, items, sorts, seen) if len(items) > 1 or rng.random() < 0.3 else None,
        _comparison(rng, items, sorts, seen) if len(items) > 1 else None,
        _sameness(rng, items, seen),
        _list(rng, items) if len(items) <= MOST_LISTED else None,
    ]
    return [question for question in questions if question]


def _sorts(rng: np.random.Generator, forms: Sequence[str], colours: Sequence[str], noun: str) -> list[list[Sort]]:
    """Sorts by form, by colour and by both; these three in random order."""
    levels = [
        [Sort(form, None, noun) for form in forms],
        [Sort(None, colour, noun) for colour in colours],
        [Sort(form, colour, noun) for form in forms for colour in colours],
    ]
    return [levels[number] for number in rng.permutation(3)]


def _judge_presence(
    rng: np.random.Generator, items: Sequence[Item], sorts: Sequence[Sequence[Sort]], seen: str
) -> Question | None:
    level = sorts[int(rng.integers(3))]
    present_sorts = [sort for sort in level if sort.of(items)]
    missing = [sort for sort in level if not sort.of(items)]
    if not present_sorts or not missing:
        return None
    chosen = (present_sorts[rng.integers(len(present_sorts))], missing[rng.integers(len(missing))])
    claims = [claim for sort in chosen for claim in present(rng, sort, len(sort.of(items)))]
    return judge(rng, "shapes_presence", claims, seen)


def _form(rng: np.random.Generator, items: Sequence[Item], forms: Sequence[str], seen: str) -> Question | None:
    single = [item for item in items if len(Sort(None, item.colour).of(items)) == 1]
    if not single:
        return None
    item = single[int(rng.integers(len(single)))]
    asked = [f"what is the {item.colour} shape", f"what shape is the {item.colour} object", f"what is {item.colour}",
             f"which shape is {item.colour}", f"what form does the {item.colour} shape have"]  # fmt: skip
    if len(items) == 1:
        where = f"in the {pick(rng, PICTURE)}"
        asked += [f"what shape is {where}", f"which shape is {where}", "what shape is this", f"what is {where}",
                  "which shape do you see"]  # fmt: skip
    ends = ("", "", "", " Answer with the name of a shape.", " Answer with one word.")
    return ask_word(rng, "shapes_form", asked, item.form, f"It is {Sort(item.form, None).a}.", seen, forms, ends)


def _colour(rng: np.random.Generator, items: Sequence[Item], colours: Sequence[str], seen: str) -> Question | None:
    single = [item for item in items if len(Sort(item.form, None).of(items)) == 1]
    if not single:
        return None
    item = single[int(rng.integers(len(single)))]
    name = item.form if len(items) > 1 or rng.random() < 0.6 else "shape"
    hue = pick(rng, ("color", "colour"))
    asked = (f"what {hue} is the {name}", f"what is the {hue} of the {name}", f"which {hue} does the {name} have",
             f"which {hue} is the {name}")  # fmt: skip
    ends = ("", "", "", f" Answer with a {hue}.", " Answer with one word.")
    return ask_word(rng, "shapes_colour", asked, item.colour, f"It is {item.colour}.", seen, colours, ends)


def _relation(rng: np.random.Generator, canvas: Canvas, items: Sequence[Item], seen: str) -> Question | None:
    named = with_own_names(rng, items)[:2]
    if len(named) < 2:
        return None
    claims = []
    for side, (_, phrases) in SIDES.items():
        for (sort, item), (other_sort, other) in (named, named[::-1]):
            phrase, truth = pick(rng, phrases), lies(canvas, item, other, side)
            if truth is not None:
                text = f"the {sort.one} {{}}{phrase} the {other_sort.one}"
                claims.append(Claim(text.format("is "), truth, ("is " + text.format(""),)))
    return judge(rng, "shapes_relation", claims, seen)


def _direction(rng: np.random.Generator, canvas: Canvas, items: Sequence[Item], seen: str) -> Question | None:
    named = with_own_names(rng, items)[:2]
    if len(named) < 2:
        return None
    (sort, item), (other_sort, other) = named
    pair = ("left", "right") if rng.random() < 0.5 else ("above", "below")
    fits = [side for side in pair if lies(canvas, item, other, side)]
    if not fits:
        return None
    to = "to the {} of" if pair[0] == "left" else "{}"
    either = f"{to.format(pair[0])} or {to.format(pair[1])}"
    asked = (f"is the {sort.one} {either} the {other_sort.one}",)
    spoken = f"It is {to.format(fits[0])} the {other_sort.one}."
    ends = (f" Answer {pair[0]} or {pair[1]}.", f" Answer {pair[0]} or {pair[1]}.", "")
    return ask_word(rng, "shapes_direction", asked, fits[0], spoken, seen, pair, ends)


def _any_relation(
    rng: np.random.Generator, canvas: Canvas, items: Sequence[Item], sorts: Sequence[Sequence[Sort]], seen: str
) -> Question | None:
    """Asks, for two sorts in the picture, whether any item of one is left of, right of, ... any of the other."""
    known = [sort for level in sorts for sort in level if sort.of(items)]
    claims = []
    for _ in range(12):
        one, other = (known[int(rng.integers(len(known)))] for _ in range(2))
        side = pick(rng, list(SIDES))
        pairs = [(a, b) for a in one.of(items) for b in other.of(items) if a is not b]
        found = [lies(canvas, a, b, side) for a, b in pairs]
        if pairs and (True in found or None not in found):
            text = f"{one.a} {{}}{pick(rng, SIDES[side][1])} {other.a}"
            claims.append(Claim(text.format("is "), True in found, ("is " + text.format(""),)))
    return judge(rng, "shapes_any_relation", claims, seen)


def _number(rng: np.random.Generator, items: Sequence[Item], sorts: Sequence[Sequence[Sort]], seen: str) -> Question:
    anything = Sort(None, None, sorts[0][0].noun)
    sort = sort_by_number(rng, items, [anything, *(sort for level in sorts for sort in level)])
    return ask_count(rng, "shapes_number", sort.many, len(sort.of(items)), seen)


def _comparison(
    rng: np.random.Generator, items: Sequence[Item], sorts: Sequence[Sequence[Sort]], seen: str
) -> Question | None:
    level = sorts[0] if rng.random() < 0.7 else [Sort(None, None, sorts[0][0].noun)]
    known = [sort for sort in level if sort.of(items)]
    sort = known[int(rng.integers(len(known)))]
    return judge(rng, "shapes_how_many", how_many(rng, sort.many, sort.one, len(sort.of(items))), seen)


def _list(rng: np.random.Generator, items: Sequence[Item]) -> Question:
    """All items by name, from left to right."""
    names = ", ".join(with_article(item.name) for item in sorted(items, key=lambda item: item.x))
    asked = ("what do you see", "what does the picture show", "which shapes are there, from left to right",
             "what is in the image, from left to right")  # fmt: skip
    question = ask_word(rng, "shapes_list", asked, names, f"From left to right: {names}.", "I go from left to right.")
    return replace(question, steps=(question.steps[0], "Check: no shape is left out and none is named twice."))


def _sameness(rng: np.random.Generator, items: Sequence[Item], seen: str) -> Question | None:
    if len(items) != 2:
        return None
    one, other = items
    hue = pick(rng, ("color", "colour"))
    claims = []
    for word, same in ((hue, one.colour == other.colour), ("form", one.form == other.form)):
        asked = (f"do the two shapes have the same {word}", f"are both shapes of the same {word}")
        claims.append(Claim(f"the two shapes have the same {word}", same, asked))
        claims.append(Claim(f"the two {word}s are different", not same, (f"do the two shapes differ in {word}",)))
    return judge(rng, "shapes_same", claims, seen)
