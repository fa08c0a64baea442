"""Small grids with an item in most cells, and true-or-false claims about neighbouring cells.

In a grid, above, below, left and right mean the next cell in that direction. Two words in a row are two steps: what is
"left of above a square" is left of the cell above it. Steps do not wrap around the border. These are the meanings of
the SHAPES data (Andreas et al. 2016).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL.Image import Image as Picture

from demiglace.scoring.question import Question
from demiglace.simple_pictures.claims import Claim, Sort, ask_count, judge, present, sort_by_number
from demiglace.simple_pictures.drawn_items import Canvas, Item, draw_items, extents, random_canvas, random_forms
from demiglace.typography.words import pick

LARGEST_GRID_PICTURE = 240  # pixels
STEPS = {"left of": (0, -1), "right of": (0, 1), "above": (-1, 0), "below": (1, 0)}  # rows, columns

Cell = tuple[int, int]
Grid = Mapping[Cell, Item]


def random_cells(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A grid of 2 to 4 cells a side, mostly 3; its size in pixels is drawn at random, `side` is not used."""
    rows, columns = (int(rng.choice((2, 3, 3, 3, 3, 4))) for _ in range(2))
    if rng.random() < 0.7:
        columns = rows
    canvas = random_canvas(rng, LARGEST_GRID_PICTURE, columns / rows)
    forms = random_forms(rng)[:3]
    colours = rng.permutation(list(canvas.palette))[: int(rng.integers(2, 5))].tolist()
    share = float(rng.uniform(0.4, 0.95))
    cells = [(row, column) for row in range(rows) for column in range(columns) if rng.random() < share] or [(0, 0)]
    grid = {cell: _item(rng, canvas, cell, rows, columns, pick(rng, forms), pick(rng, colours)) for cell in cells}
    sorts = [Sort(form, None) for form in forms] + [Sort(None, colour) for colour in colours]
    return draw_items(canvas, list(grid.values())), _ask(rng, grid, (rows, columns), sorts)


def _item(
    rng: np.random.Generator, canvas: Canvas, cell: Cell, rows: int, columns: int, form: str, colour: str
) -> Item:
    height, width = canvas.size[1] / rows, canvas.size[0] / columns
    radius = min(height, width) / 2 * float(rng.uniform(0.45, 0.92))
    x, y = (cell[1] + 0.5) * width, (cell[0] + 0.5) * height
    return Item(form, colour, canvas.rgb(rng, colour), x, y, *extents(rng, form, radius))


def _ask(rng: np.random.Generator, grid: Grid, size: Cell, sorts: list[Sort]) -> list[Question]:
    seen = _listing(grid)
    items = list(grid.values())
    there = [sort for sort in sorts if sort.of(items)]
    missing = [sort for sort in sorts if not sort.of(items)]
    shown = there[int(rng.integers(len(there)))]
    counted = sort_by_number(rng, items, sorts)
    presence = [claim for sort in (shown, *missing[:1]) for claim in present(rng, sort, len(sort.of(items)))]
    questions = [
        *(judge(rng, "cells_next", [_next(rng, grid, size, sorts, 1) for _ in range(24)], seen) for _ in range(2)),
        judge(rng, "cells_two_steps", [_next(rng, grid, size, sorts, 2) for _ in range(24)], seen),
        judge(rng, "cells_both", [_both(rng, items, sorts) for _ in range(16)], seen),
        judge(rng, "cells_presence", presence, seen),
        ask_count(rng, "cells_number", counted.many, len(counted.of(items)), seen),
    ]
    return [question for question in questions if question]


def _next(rng: np.random.Generator, grid: Grid, size: Cell, sorts: list[Sort], num_steps: int) -> Claim:
    """The claim that an item of one sort is `num_steps` steps from one of another."""
    one, other = (sorts[int(rng.integers(len(sorts)))] for _ in range(2))
    words = [pick(rng, list(STEPS)) for _ in range(num_steps)]
    truth = any(_walks(grid, size, cell, words, other, one) for cell in grid)
    text = f"{one.a} {{}}{' '.join(words)} {other.a}"
    return Claim(text.format("is "), truth, ("is " + text.format(""),))


def _walks(grid: Grid, size: Cell, cell: Cell, words: list[str], start: Sort, end: Sort) -> bool:
    """Whether the steps, taken from the last word to the first, lead from `cell` with a `start` to an `end`."""
    row, column = cell
    if not start.of([grid[cell]]):
        return False
    for word in reversed(words):
        row, column = row + STEPS[word][0], column + STEPS[word][1]
        if not (0 <= row < size[0] and 0 <= column < size[1]):
            return False
    return (row, column) in grid and bool(end.of([grid[row, column]]))


def _both(rng: np.random.Generator, items: list[Item], sorts: list[Sort]) -> Claim:
    """The claim that some item of one sort is also of another: "a red shape is a circle"."""
    one, other = (sorts[int(rng.integers(len(sorts)))] for _ in range(2))
    said = other.colour or other.a
    truth = any(other.of([item]) for item in one.of(items))
    return Claim(f"{one.a} is {said}", truth, (f"is {one.a} {said}",))


def _listing(grid: Grid) -> str:
    """The grid row by row, such as "row 1: red circle, nothing"."""
    rows, columns = (1 + max(cell[axis] for cell in grid) for axis in range(2))
    lines = (
        ", ".join(grid[row, column].name if (row, column) in grid else "nothing" for column in range(columns))
        for row in range(rows)
    )
    return "; ".join(f"row {number}: {names}" for number, names in enumerate(lines, start=1))
