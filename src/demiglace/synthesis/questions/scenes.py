"""Scenes of coloured shapes, no two of which touch, and questions about them.

Every shape is in its own cell of a 3 by 3 grid, so that rows, columns and parts of the picture are unambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from demiglace.scoring.question import Question
from demiglace.synthesis.palette import SCENE_COLOURS
from demiglace.typography.ink_colours import Colour
from demiglace.typography.words import pick

FORMS = {"circle": "circles", "square": "squares", "triangle": "triangles", "star": "stars", "cross": "crosses"}
LARGEST_TINT = 12  # of 255: most that a shape differs from its named colour
MOST_SHAPES = 7
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")
PARTS = tuple(f"{row} {column}" if row != column else "centre" for row in ROWS for column in COLUMNS)

_PAPERS: tuple[Colour, ...] = ((255, 255, 255), (255, 255, 255), (226, 226, 226), (247, 238, 218), (219, 232, 245))
_SMALL, _LARGE = 0.42, 0.86  # extent of a shape as a share of its grid cell
_OVERSAMPLING = 4  # drawn larger by this factor, for smooth edges
_TURNS = np.pi * (np.arange(10) / 5 - 0.5)
_STAR = np.stack([np.cos(_TURNS), np.sin(_TURNS)], 1) * np.where(np.arange(10) % 2, 0.42, 1.0)[:, None]
_ARM = 0.34
_CORNERS: dict[str, Sequence[tuple[float, float]]] = {  # polygons within [-1, 1], y downwards
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0, -1), (1, 0.85), (-1, 0.85)),
    "star": [(x, y) for x, y in _STAR.tolist()],
    "cross": tuple(
        (x * a, y * b)
        for x, y in ((1, -1), (1, 1), (-1, 1), (-1, -1))
        for a, b in (((_ARM, 1), (_ARM, _ARM), (1, _ARM)) if x * y < 0 else ((1, _ARM), (_ARM, _ARM), (_ARM, 1)))
    ),
}


@dataclass(frozen=True)
class Shape:
    """place: cell of the 3 by 3 grid, from 0 at the top left, row by row; x, y and radius in pixels, y downwards."""

    form: str
    colour: str
    rgb: Colour
    place: int
    x: float
    y: float
    radius: float
    is_large: bool

    @property
    def row(self) -> int:
        return self.place // 3

    @property
    def column(self) -> int:
        return self.place % 3


@dataclass(frozen=True)
class Scene:
    """size: width and height in pixels; shapes: in order of their places."""

    size: tuple[int, int]
    paper: Colour
    shapes: tuple[Shape, ...]


def random_scene(rng: np.random.Generator, side: int, most_shapes: int = MOST_SHAPES) -> Scene:
    """1 to `most_shapes` shapes of few forms and colours, in a picture of about `side` by `side` pixels."""
    tall = float(np.exp(rng.uniform(-0.25, 0.25)))
    width, height = round(side / tall), round(side * tall)
    forms = rng.permutation(list(FORMS))[: rng.integers(2, 5)].tolist()
    colours = rng.permutation(list(SCENE_COLOURS))[: rng.integers(2, 5)].tolist()
    places = sorted(rng.choice(9, int(rng.integers(1, most_shapes + 1)), replace=False).tolist())
    shapes = (_shape(rng, place, pick(rng, forms), pick(rng, colours), width / 3, height / 3) for place in places)
    return Scene((width, height), _PAPERS[int(rng.integers(len(_PAPERS)))], tuple(shapes))


def draw_scene(scene: Scene) -> Image.Image:
    """An RGB picture of the scene's size."""
    width, height = scene.size
    picture = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING), scene.paper)
    pen = ImageDraw.Draw(picture)
    for shape in scene.shapes:
        corners = np.array(_CORNERS.get(shape.form, ((-1, -1), (1, 1)))) * shape.radius + (shape.x, shape.y)
        points = [(float(x), float(y)) for x, y in corners * _OVERSAMPLING]
        (pen.ellipse if shape.form == "circle" else pen.polygon)(points, fill=shape.rgb)
    return picture.reduce(_OVERSAMPLING)


def ask_scene(rng: np.random.Generator, scene: Scene) -> list[Question]:
    """One question of each kind that the scene allows."""
    asked = (ask(rng, scene) for ask in _QUESTIONS)
    return [question for question in asked if question]


def ask_colours(rng: np.random.Generator, scene: Scene) -> list[Question]:
    """Only the questions whose answers name colours."""
    asked = (ask(rng, scene) for ask in (_colour, _list))
    return [question for question in asked if question]


def _shape(rng: np.random.Generator, place: int, form: str, colour: str, width: float, height: float) -> Shape:
    """A shape inside its grid cell of `width` by `height` pixels, clear of the cell's borders."""
    is_large = bool(rng.random() < 0.5)
    radius = min(width, height) / 2 * (_LARGE if is_large else _SMALL) * float(rng.uniform(0.92, 1))
    x, y = (float(rng.uniform(radius + 1.5, length - radius - 1.5)) for length in (width, height))
    red, green, blue = (np.array(SCENE_COLOURS[colour]) + rng.integers(-LARGEST_TINT, LARGEST_TINT + 1, 3)).clip(0, 255)
    rgb = int(red), int(green), int(blue)
    return Shape(form, colour, rgb, place, place % 3 * width + x, place // 3 * height + y, radius, is_large)


@dataclass(frozen=True)
class _Sort:
    """Shapes of a form, a colour or both; None stands for any."""

    form: str | None
    colour: str | None

    def of(self, shapes: Sequence[Shape]) -> list[Shape]:
        return [shape for shape in shapes if self.form in (None, shape.form) and self.colour in (None, shape.colour)]

    @property
    def one(self) -> str:
        return " ".join(word for word in (self.colour, self.form or "shape") if word)

    @property
    def many(self) -> str:
        return " ".join(word for word in (self.colour, FORMS[self.form] if self.form else "shapes") if word)


def _singles(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[tuple[_Sort, Shape]]:
    """Shapes with an unambiguous name, in random order; named by form alone if that is enough."""
    named = []
    for number in rng.permutation(len(shapes)):
        shape = shapes[number]
        sorts = (_Sort(shape.form, None), _Sort(shape.form, shape.colour))
        named += [(sort, shape) for sort in sorts if len(sort.of(shapes)) == 1][:1]
    return named


def _listing(scene: Scene) -> list[str]:
    """The shapes in the scene, one line for each row."""
    rows = [[shape for shape in scene.shapes if shape.row == row] for row in range(3)]
    contents = [", ".join(f"{shape.colour} {shape.form}" for shape in row) or "nothing" for row in rows]
    return [f"{name}: {shapes}" for name, shapes in zip(ROWS, contents, strict=True)]


def _tally(sort: _Sort, scene: Scene, by: Callable[[Shape], int]) -> str:
    """The sum over rows or columns, such as "1 + 0 + 2 = 3"."""
    found = sort.of(scene.shapes)
    counts = np.bincount([by(shape) for shape in found], minlength=3)
    return " + ".join(map(str, counts)) + f" = {len(found)}"


def _place(shape: Shape) -> str:
    return PARTS[shape.place]


def _count(rng: np.random.Generator, scene: Scene) -> Question:
    forms, colours = ([None, *names] for names in (FORMS, SCENE_COLOURS))
    sort = _Sort(forms[rng.integers(len(forms))], colours[rng.integers(len(colours))])  # usually absent
    if rng.random() < 0.9:
        shape = scene.shapes[rng.integers(len(scene.shapes))]
        sort = (_Sort(shape.form, None), _Sort(None, shape.colour), _Sort(shape.form, shape.colour), _Sort(None, None))[
            rng.choice(4, p=(0.35, 0.25, 0.25, 0.15))
        ]
    number = len(sort.of(scene.shapes))
    steps = (
        *_listing(scene),
        f"{sort.many}, row by row: {_tally(sort, scene, lambda shape: shape.row)}",
        f"Check, column by column: {_tally(sort, scene, lambda shape: shape.column)}, so the answer is {number}.",
    )
    asked = pick(
        rng, (f"How many {sort.many} are there?", f"Count the {sort.many}.", f"How many {sort.many} do you see?")
    )
    spoken = f"There is {number} {sort.one}." if number == 1 else f"There are {number} {sort.many}."
    return Question("scene_count", f"{asked} Answer with a number.", str(number), spoken, steps)


def _compare(rng: np.random.Generator, scene: Scene) -> Question | None:
    forms = list(dict.fromkeys(shape.form for shape in scene.shapes))
    if len(forms) < 2:
        return None
    one, other = (_Sort(form, None) for form in rng.permutation(forms)[:2].tolist())
    first, second = len(one.of(scene.shapes)), len(other.of(scene.shapes))
    sign, answer = ("=", "equal") if first == second else (">", one.many) if first > second else ("<", other.many)
    rows, columns = (
        [f"{sort.many}: {_tally(sort, scene, by)}" for sort in (one, other)]
        for by in (lambda shape: shape.row, lambda shape: shape.column)
    )
    steps = (*_listing(scene), *rows, f"{first} {sign} {second}")
    check = f"Check, column by column: {'; '.join(columns)}, so the answer is {answer}."
    asked = f"Are there more {one.many} or more {other.many}? Answer {one.many}, {other.many} or equal."
    spoken = "Their numbers are equal." if first == second else f"There are more {answer}."
    return Question("scene_compare", asked, answer, spoken, (*steps, check), (one.many, other.many, "equal"))


def _locate(rng: np.random.Generator, scene: Scene) -> Question | None:
    singles = _singles(rng, scene.shapes)
    if len(singles) > 1 and rng.random() < 0.5:
        return _relation(rng, *singles[:2])
    if not singles:
        return None
    sort, shape = singles[0]
    steps = (
        *_listing(scene),
        f"The {sort.one} stands in row {shape.row + 1} of 3 and column {shape.column + 1} of 3.",
        f"Check: there is no other {sort.one}, so the answer is {_place(shape)}.",
    )
    asked = f"In which part of the picture is the {sort.one}? Answer with one of: {', '.join(PARTS)}."
    return Question("scene_locate", asked, _place(shape), f"The {sort.one} is in the {_place(shape)}.", steps, PARTS)


def _relation(rng: np.random.Generator, one: tuple[_Sort, Shape], other: tuple[_Sort, Shape]) -> Question:
    (sort, shape), (other_sort, other_shape) = one, other
    upright = shape.column == other_shape.column or (shape.row != other_shape.row and rng.random() < 0.5)
    before, after, axis = ("above", "below", "rows") if upright else ("left", "right", "columns")
    first, second = (1 + (one.row if upright else one.column) for one in (shape, other_shape))
    sign, answer, opposite = ("<", before, after) if first < second else (">", after, before)
    steps = (
        f"The {sort.one} is in the {_place(shape)}, the {other_sort.one} in the {_place(other_shape)}.",
        f"Their {axis}: {first} {sign} {second}",
        f"Check the other way round: the {other_sort.one} is {opposite}, so the answer is {answer}.",
    )
    if upright:
        asked = f"Is the {sort.one} above or below the {other_sort.one}? Answer above or below."
        return Question("scene_locate", asked, answer, f"It is {answer} the {other_sort.one}.", steps, (before, after))
    asked = f"Is the {sort.one} to the left or to the right of the {other_sort.one}? Answer left or right."
    spoken = f"It is to the {answer} of the {other_sort.one}."
    return Question("scene_locate", asked, answer, spoken, steps, (before, after))


def _colour(rng: np.random.Generator, scene: Scene) -> Question | None:
    singles = [(sort, shape) for sort, shape in _singles(rng, scene.shapes) if sort.colour is None]
    if not singles:
        return None
    sort, shape = singles[0]
    steps = (
        *_listing(scene),
        f"Check: the only {sort.one} is in the {_place(shape)}, and it is {shape.colour}.",
    )
    asked = pick(rng, (f"What colour is the {sort.one}?", f"Which colour does the {sort.one} have?"))
    asked, spoken = f"{asked} Answer with a colour.", f"The {sort.one} is {shape.colour}."
    return Question("scene_colour", asked, shape.colour, spoken, steps, tuple(SCENE_COLOURS))


def _size(rng: np.random.Generator, scene: Scene) -> Question | None:
    singles = _singles(rng, scene.shapes)
    large = [sort.one for sort, shape in singles if shape.is_large]
    small = [sort.one for sort, shape in singles if not shape.is_large]
    if not large or not small:
        return None
    wanted, answer = ("larger", large[0]) if rng.random() < 0.5 else ("smaller", small[0])
    one, other = rng.permutation([large[0], small[0]]).tolist()
    steps = (
        f"The {large[0]} is large.",
        f"The {small[0]} is small.",
        f"Check: the {small[0]} is about half as wide as the {large[0]}, so the answer is {answer}.",
    )
    asked = f"Which is {wanted}, the {one} or the {other}? Answer with its name."
    return Question("scene_size", asked, answer, f"The {answer} is {wanted}.", steps, (one, other))


def _list(rng: np.random.Generator, scene: Scene) -> Question:
    listed = "; ".join(_listing(scene))
    asked = pick(rng, ("Which shapes are there?", "What do you see?", "List the shapes."))
    return Question(
        "scene_list", f"{asked} Answer row by row, each from left to right.", listed, f"Row by row, {listed}."
    )


_QUESTIONS = (_count, _compare, _locate, _colour, _size, _list)
