"""Line figures: rows of outlines, nested outlines, two that overlap or do not, lines that cross, ruled tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from demiglace.scoring.question import Question
from demiglace.simple_pictures.claims import Claim, Sort, ask_count, ask_word, how_many, judge
from demiglace.simple_pictures.drawn_items import Canvas, Item, draw_items, plural, random_canvas
from demiglace.typography.words import pick

MOST_COUNTED = 10
MOST_NESTED = 6
_LEAST_GAP = 3.0  # pixels of paper between two separate outlines
MOST_LINES = 10  # rows or columns of a table
_ROWS_FORMS = ("circle", "circle", "circle", "pentagon", "hexagon", "square", "triangle")
_NAMES = {"circle": ("circle", "circle", "ring")}

Figure = tuple[Image.Image, list[Question | None]]


def random_figure(rng: np.random.Generator, side: int) -> tuple[Image.Image, list[Question]]:
    """A figure of a random kind, all equally likely; its size is drawn at random, `side` is not used."""
    make = _KINDS[int(rng.integers(len(_KINDS)))]
    picture, questions = make(rng, random_canvas(rng))
    return picture, [question for question in questions if question]


def _rows(rng: np.random.Generator, canvas: Canvas) -> Figure:
    picture, name, count = _outlines(rng, canvas)
    return picture, _counted(rng, "figures_number", name, count)


def draw_outlines(rng: np.random.Generator) -> tuple[Image.Image, str, int]:
    """A picture of 0 to 10 outlines of one form, the form's name and their number; its size is drawn at random."""
    return _outlines(rng, random_canvas(rng))


def _outlines(rng: np.random.Generator, canvas: Canvas) -> tuple[Image.Image, str, int]:
    """Outlines in one row, in two interlocking rows, in a block or anywhere; they may overlap."""
    count = int(rng.integers(0 if rng.random() < 0.3 else 1, MOST_COUNTED + 1))
    form, size = pick(rng, _ROWS_FORMS), canvas.size[1]
    step = float(rng.uniform(0.9, 1.35))  # of a diameter
    layout = int(rng.integers(4))
    if layout == 0:
        places = np.array([(number * step, 0.0) for number in range(count)])
    elif layout == 1:
        places = np.array([(number * step / 2, number % 2 * float(rng.uniform(0.45, 0.6))) for number in range(count)])
    elif layout == 2:
        across = max(1, round(count**0.5))
        places = np.array([(number % across * step, number // across * step) for number in range(count)])
    else:
        places = _anywhere(rng, count)
    places = places.reshape(count, 2)
    spread = places.max(0) - places.min(0) if count else np.zeros(2)
    radius = size * float(rng.uniform(0.4, 0.95)) / (float(spread.max()) + 1) / 2
    radius = min(radius, size * 0.2)
    offset = (size - (spread + 1) * 2 * radius) * rng.uniform(0.1, 0.9, 2)
    one_colour = pick(rng, list(canvas.palette)) if rng.random() < 0.5 else None
    items = []
    for place in places:
        x, y = offset + (place - places.min(0) + 0.5) * 2 * radius
        colour = one_colour or pick(rng, list(canvas.palette))
        items.append(Item(form, colour, canvas.rgb(rng, colour), float(x), float(y), radius, radius))
    if rng.random() < 0.8 or layout < 2:
        canvas = replace(canvas, look=replace(canvas.look, filled=False))
    name = pick(rng, _NAMES.get(form, (form,)))
    return draw_items(canvas, items), name, count


def _anywhere(rng: np.random.Generator, count: int) -> np.ndarray:
    """Centres (count, 2) in diameters, far enough apart not to touch."""
    places: list[np.ndarray] = []
    while len(places) < count:
        place = rng.uniform(0, 2.2 * max(1, count) ** 0.5, 2)
        if all(np.hypot(*(place - other)) > 1.15 for other in places):
            places.append(place)
    return np.array(places)


def _counted(rng: np.random.Generator, kind: str, name: str, count: int) -> list[Question | None]:
    seen = f"I count the {plural(name)}: {count}."
    claims = how_many(rng, plural(name), name, count)
    return [ask_count(rng, kind, plural(name), count, seen), judge(rng, f"{kind}_claim", claims, seen)]


def _nested(rng: np.random.Generator, canvas: Canvas) -> Figure:
    """Outlines one inside the other, each 0.6 to 0.85 times as large as the last."""
    count, form = int(rng.integers(1, MOST_NESTED + 1)), pick(rng, ("square", "square", "circle", "triangle"))
    colour = pick(rng, list(canvas.palette))
    size = canvas.size[1]
    radius = size * float(rng.uniform(0.15, 0.4))
    x, y = (float(rng.uniform(radius + 2, size - radius - 2)) for _ in range(2))
    items = []
    for _ in range(count):
        items.append(Item(form, colour, canvas.rgb(rng, colour), x, y, radius, radius))
        inner = radius * float(rng.uniform(0.6, 0.85))
        room = (radius - inner) * (0.3 if form == "triangle" else 0.6)
        x, y, radius = x + float(rng.uniform(-room, room)), y + float(rng.uniform(-room, room)), inner
    look = replace(canvas.look, filled=False, thickness=min(canvas.look.thickness, size * 0.012))
    return draw_items(replace(canvas, look=look), items), _counted(rng, "figures_nested", form, count)


def _pair(rng: np.random.Generator, canvas: Canvas) -> Figure:
    """Two circles or squares that overlap, are one inside the other, or are apart by a small or large distance."""
    form, size = pick(rng, ("circle", "circle", "square")), canvas.size[1]
    first, second = rng.permutation(list(canvas.palette))[:2].tolist()
    radius = size * float(rng.uniform(0.08, 0.16))
    other = radius if rng.random() < 0.6 else radius * float(rng.uniform(0.4, 0.9))
    kind = int(rng.choice(3, p=(0.25, 0.5, 0.25)))  # overlapping, apart, inside
    other = other if kind < 2 else min(other, radius * 0.6)
    stroke = canvas.look.thickness if canvas.look.edge or not canvas.look.filled else 0.0  # half on either side
    gap = max(float(rng.uniform(0.03, 0.5)) * 2 * radius, stroke + _LEAST_GAP if kind == 1 else 0.0)
    apart = (radius + other - min(gap, 1.2 * other), radius + other + gap, (radius - other) * 0.6)[kind]
    angle = float(rng.uniform(0, 2 * np.pi)) if form == "circle" else float(rng.integers(4)) * np.pi / 2
    shift = np.array([np.cos(angle), np.sin(angle)]) * apart
    low = np.maximum(np.maximum(radius, other - shift), 0) + 1
    high = size - 1 - np.maximum(radius, other + shift)
    x, y = (float(value) for value in rng.uniform(np.minimum(low, high), np.maximum(low, high)))
    items = [
        Item(form, first, canvas.rgb(rng, first), x, y, radius, radius),
        Item(form, second, canvas.rgb(rng, second), x + float(shift[0]), y + float(shift[1]), other, other),
    ]
    many, overlap = plural(form), kind != 1
    seen = f"The {first} and the {second} {form} are {('partly on each other', 'apart', 'one inside the other')[kind]}."
    claims = [
        Claim(f"the two {many} overlap", overlap, (f"are the two {many} overlapping", f"do the two {many} overlap")),
        Claim(f"the {many} are apart", not overlap, (f"are the two {many} apart",)),
    ]
    if kind < 2:  # an outline inside the other may not touch it
        claims.append(Claim(f"the two {many} touch each other", overlap, (f"are the two {many} touching each other",)))
    return draw_items(canvas, items), [
        judge(rng, "figures_overlap", claims, seen),
        judge(rng, "figures_inside", _inside_claims(first, second, form, kind == 2), seen)
        if kind == 2 or rng.random() < 1 / 3
        else None,
        ask_count(rng, "figures_number", many, 2, seen) if rng.random() < 0.2 else None,
    ]


def _inside_claims(outer: str, inner: str, form: str, is_inside: bool) -> list[Claim]:
    one, other = (Sort(form, colour).one for colour in (inner, outer))
    return [
        Claim(f"the {one} is inside the {other}", is_inside, (f"is the {one} inside the {other}",)),
        Claim(f"the {one} is not inside the {other}", not is_inside, (f"is the {one} outside the {other}",)),
    ]


def _crossing(rng: np.random.Generator, canvas: Canvas) -> Figure:
    """Two polylines of one to three segments from left to right, which cross 0 to 2 times."""
    scale, size = canvas.look.smooth, canvas.size[1]
    wanted = int(rng.integers(3))
    places = np.linspace(0, 1, max(wanted + 1, int(rng.integers(2, 5))))
    for _ in range(60):
        heights = rng.uniform(0.05, 0.95, (2, len(places)))
        ahead = heights[0] - heights[1]
        if abs(ahead).min() > 0.06 and int((np.diff(np.sign(ahead)) != 0).sum()) == wanted:
            break
    count = int((np.diff(np.sign(ahead)) != 0).sum())
    first, second = rng.permutation(list(canvas.palette))[:2].tolist()
    picture = Image.new("RGB", (size * scale, size * scale), canvas.paper)
    pen = ImageDraw.Draw(picture)
    for colour, line in zip((first, second), heights, strict=True):
        points = [(float(x), float(y)) for x, y in np.stack([places, line], 1) * size * scale]
        pen.line(points, fill=canvas.palette[colour], width=max(1, round(canvas.look.thickness * scale)))
    seen = f"The {first} line and the {second} line cross {count} times."
    both = f"the {first} and {second} lines" if rng.random() < 0.6 else "the two lines"
    asked = [f"how many times do {both} {verb}" for verb in ("cross", "touch each other", "cross each other", "meet")]
    ends = ("", " Answer with a number.", " Answer with only the number.")
    claims = [
        Claim(f"{both} cross", count > 0, (f"do {both} cross", f"do {both} touch each other")),
        Claim(f"{both} do not cross", count == 0, (f"do {both} stay apart",)),
    ]
    return picture.reduce(scale), [
        ask_word(rng, "figures_crossings", asked, str(count), f"They cross {count} times.", seen, ends=ends),
        judge(rng, "figures_cross", claims, seen),
    ]


def _table(rng: np.random.Generator, canvas: Canvas) -> Figure:
    """A ruled table with or without marks in its cells."""
    rows = int(rng.integers(1, MOST_LINES + 1))
    columns = int(np.clip(rows + rng.integers(-3, 4), 1, MOST_LINES))
    size, width = canvas.size[1], max(1, round(min(canvas.look.thickness, canvas.size[1] * 0.012)))
    picture = Image.new("RGB", (size, size), canvas.paper)
    pen = ImageDraw.Draw(picture)
    margin = float(rng.uniform(0, 0.12)) * size
    ink = canvas.palette[pick(rng, list(canvas.palette))]
    xs, ys = (np.linspace(margin, size - margin - width, count + 1) for count in (columns, rows))
    for x in xs:
        pen.line([(x, ys[0]), (x, ys[-1])], fill=ink, width=width)
    for y in ys:
        pen.line([(xs[0], y), (xs[-1], y)], fill=ink, width=width)
    answer = f"({rows}, {columns})"
    seen = f"The table has {rows} rows and {columns} columns."
    both = ("how many rows and columns are in the table", "how many rows and columns does the table have")
    return picture, [
        ask_word(rng, "figures_table", both, answer, answer, seen, ends=(" Answer with (row, column).",)),
        ask_count(rng, "figures_rows", "rows", rows, seen),
        ask_count(rng, "figures_columns", "columns", columns, seen),
    ]


_KINDS: Sequence[Callable[[np.random.Generator, Canvas], Figure]] = (_rows, _rows, _nested, _pair, _crossing, _table)
