"""Clips of moving figures: in which direction, bouncing off which edges, and colliding with each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demiglace.scoring.question import Question
from demiglace.synthesis.clips.clip import Clip, Figure, Waypoint
from demiglace.synthesis.clips.clip_question import (
    ClipQuestion,
    ShapeKind,
    Size,
    full_name,
    random_kinds,
    random_name,
    random_paper,
    random_radius,
    seconds_in_words,
    still,
    tenths,
    timeline,
    times_in_words,
)
from demiglace.typography.words import pick

SIDES = {True: ("left", "right"), False: ("top", "bottom")}  # keys: whether the axis is horizontal
WAYS = {True: ("left", "right"), False: ("up", "down")}
NEEDS_CONTACT = ("circle", "square", "diamond", "cross")  # they touch with their outermost points on one line


def direction(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """One figure crosses the picture; others cross it too or stand still. A single frame shows no direction."""
    horizontal = bool(rng.random() < 0.5)
    moments = timeline([tenths(rng, 0, 0.4), tenths(rng, 0.8, 2.4), tenths(rng, 0.1, 0.5)])
    kinds, radius = random_kinds(rng, int(rng.integers(1, 4))), random_radius(rng, size)
    ways = [int(rng.integers(2)), *(int(way) for way in rng.integers(3, size=len(kinds) - 1))]  # 2: it does not move
    lanes = _lanes(rng, len(kinds), size, horizontal)
    figures = [
        _crossing(rng, kind, radius, size, horizontal, lane, way, moments)
        for kind, lane, way in zip(kinds, lanes, ways, strict=True)
    ]
    name, way = random_name(rng, kinds[0]), WAYS[horizontal][ways[0]]
    first, last = SIDES[horizontal][1 - ways[0]], SIDES[horizontal][ways[0]]
    _, start, stop, seconds = moments
    steps = (
        f"At {seconds_in_words(start)} the {name} is near the {first}.",
        f"At {seconds_in_words(stop)} it is near the {last}.",
        f"From {first} to {last}: it moved {way}.",
        "Check: halfway through it is near the middle, as it should be.",
    )
    text = pick(rng, (f"Which way did the {name} move?", f"Did the {name} move left, right, up or down?"))
    choices = tuple(word for words in WAYS.values() for word in words)
    question = Question("direction", text, way, f"The {name} moved {way}.", steps, choices)
    third = (stop - start) / 3
    evidence_spans = ((0.0, start + third), (stop - third, seconds))
    return ClipQuestion(Clip(*size, seconds, random_paper(rng), _shuffled(rng, figures)), question, evidence_spans)


def _crossing(
    rng: np.random.Generator,
    kind: ShapeKind,
    radius: float,
    size: Size,
    horizontal: bool,
    lane: float,
    way: int,
    moments: Sequence[float],
) -> Figure:
    """Moves from the first third of the axis to the last if `way` is 1, back if 0; stands in the first third if 2."""
    length = size[0] if horizontal else size[1]
    begin, start, stop, end = moments
    near, far = float(rng.uniform(radius, length / 3)), length - float(rng.uniform(radius, length / 3))
    places = {0: (far, near), 1: (near, far), 2: (near, near)}[way]
    before, after = (_point(place, lane, horizontal) for place in places)
    path = [Waypoint(start, *before), Waypoint(stop, *after), Waypoint(end, *after)]
    if start > begin:
        path.insert(0, Waypoint(begin, *before))
    return Figure(kind[0], ((begin, kind[1]),), radius, tuple(path))


def bounce(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """A figure moves back and forth between two edges, perhaps beside a still one. A single frame shows no turn."""
    horizontal, side, count = bool(rng.random() < 0.5), int(rng.integers(2)), int(rng.integers(1, 5))
    radius, leg = random_radius(rng, size), tenths(rng, 0.6, 0.9)
    first, last = (tenths(rng, 0.5, leg - 0.1) for _ in range(2))
    moments = timeline([first, *[leg] * (count - 1), last])
    edges = (radius, (size[0] if horizontal else size[1]) - radius)
    touched = [(side + number) % 2 for number in range(count)]  # edges alternate
    ends = [
        edges[edge] + (edges[1 - edge] - edges[edge]) * seconds / leg
        for edge, seconds in ((touched[0], first), (touched[-1], last))
    ]
    alongs = [ends[0], *(edges[edge] for edge in touched), ends[1]]
    kinds = random_kinds(rng, int(rng.integers(1, 3)))
    lane, *free_lanes = _lanes(rng, len(kinds), size, horizontal)
    path = tuple(Waypoint(time, *_point(x, lane, horizontal)) for time, x in zip(moments, alongs, strict=True))
    standing = (
        still(kind, radius, _point(float(rng.uniform(*edges)), free, horizontal), 0.0, moments[-1])
        for kind, free in zip(kinds[1:], free_lanes, strict=True)
    )
    figures = (Figure(kinds[0][0], ((0.0, kinds[0][1]),), radius, path), *standing)
    turns, names = moments[1:-1], [SIDES[horizontal][edge] for edge in touched]
    question = _bounce_question(rng, random_name(rng, kinds[0]), turns, names)
    at_edges = [(turn - 0.2, turn + 0.2) for turn in turns]
    evidence_spans = ((0.0, turns[0] - 0.2), *at_edges, (turns[-1] + 0.2, moments[-1]))
    return ClipQuestion(Clip(*size, moments[-1], random_paper(rng), figures), question, evidence_spans)


def _bounce_question(rng: np.random.Generator, name: str, turns: Sequence[float], edges: Sequence[str]) -> Question:
    count = len(turns)
    steps = (
        f"The {name} moves towards the {edges[0]} edge.",
        *(
            f"At {seconds_in_words(turn)} it bounces off the {edge} edge."
            for turn, edge in zip(turns, edges, strict=True)
        ),
        f"Check: {', '.join(edges)}: {times_in_words(count)}.",
    )
    text = pick(rng, ("How many times did the {} bounce off an edge?", "How often did the {} bounce?")).format(name)
    return Question("bounce", text, str(count), f"The {name} bounced {times_in_words(count)}.", steps)


def collide(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """Two figures run towards each other: they meet and turn back, turn back before that, or pass at a distance."""
    horizontal, half = bool(rng.random() < 0.5), tenths(rng, 0.6, 1.2)
    length, breadth = size if horizontal else size[::-1]
    radius = random_radius(rng, size)
    shapes = [str(shape) for shape in rng.choice(NEEDS_CONTACT, 2, replace=False)]
    kinds = [(shape, colour) for shape, (_, colour) in zip(shapes, random_kinds(rng, 2), strict=True)]
    end = "collide" if rng.random() < 0.5 else pick(rng, ("turn", "pass"))
    middle = length * float(rng.uniform(0.45, 0.55))
    lane, aside = breadth * float(rng.uniform(0.4, 0.6)), 1.8 * radius if end == "pass" else 0.0
    figures = []
    for sign, (shape, colour) in zip((-1, 1), kinds, strict=True):
        start = length / 2 + sign * (length / 2 - radius)
        turning, stop = {
            "collide": (middle + sign * radius, start),
            "turn": (middle + sign * (radius + 0.08 * length), start),
            "pass": (length / 2, length - start),
        }[end]
        points = [_point(along, lane + sign * aside, horizontal) for along in (start, turning, stop)]
        path = tuple(Waypoint(time, *point) for time, point in zip((0.0, half, 2 * half), points, strict=True))
        figures.append(Figure(shape, ((0.0, colour),), radius, path))
    clip = Clip(*size, round(2 * half, 1), random_paper(rng), _shuffled(rng, figures))
    evidence_spans = ((0.0, half / 2), (half - 0.2, half + 0.2), (1.5 * half, 2 * half))
    return ClipQuestion(clip, _collision_question(rng, [full_name(kind) for kind in kinds], end, half), evidence_spans)


def _collision_question(rng: np.random.Generator, names: Sequence[str], end: str, half: float) -> Question:
    first, second = names if rng.random() < 0.5 else names[::-1]
    answer, event, spoken = {
        "collide": ("yes", "they touch and turn back", "Yes, they collided."),
        "turn": ("no", "both turn back with a gap between them", "No, they turned back before they met."),
        "pass": ("no", "they pass each other at a distance", "No, they passed each other."),
    }[end]
    steps = (
        f"The {first} and the {second} start at opposite edges.",
        f"At {seconds_in_words(half)} {event}.",
        f"Check: the gap between them {'closes' if answer == 'yes' else 'never closes'}, so {answer}.",
    )
    text = pick(rng, ("Did the {} and the {} collide?", "Did the {} hit the {}?")).format(first, second)
    return Question("collide", text, answer, spoken, steps, ("yes", "no"))


def _lanes(rng: np.random.Generator, count: int, size: Size, horizontal: bool) -> list[float]:
    """Coordinates across the axis of motion, far enough apart for figures to pass each other; in random order."""
    breadth = size[1] if horizontal else size[0]
    return [breadth * (float(lane) + 0.5) / count for lane in rng.permutation(count)]


def _point(along: float, across: float, horizontal: bool) -> tuple[float, float]:
    return (along, across) if horizontal else (across, along)


def _shuffled(rng: np.random.Generator, figures: Sequence[Figure]) -> tuple[Figure, ...]:
    return tuple(figures[index] for index in rng.permutation(len(figures)))
