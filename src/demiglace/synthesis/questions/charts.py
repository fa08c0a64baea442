"""Small bar, line and pie charts and tables, and questions about their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from demiglace.scoring.question import Question
from demiglace.synthesis.palette import SCENE_COLOURS
from demiglace.typography.words import pick, plain_words

Style = Literal["bar", "line", "pie", "table"]

_STYLES: tuple[Style, ...] = ("bar", "line", "pie", "table")
_THEMES = (  # labels, and quantities that each of them may have
    ("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", "sales cost rain sun"),
    ("Ann Bob Cem Eva Ida Kim Leo Max Noa Tim Zoe", "score age wins size"),
    ("Rome Oslo Bern Lima Cork Nice Bonn Kiel Riga", "rain wind sun heat"),
    ("plum pear fig kiwi lime milk tea rice bean salt", "price stock sales mass"),
)
_WORD_SHARE = 0.4  # of charts have random dictionary words as labels, so that the labels must be read
_LONGEST_LABEL = 5
_MOST_LINES = 5  # of an axis, above its zero
_SLICE_STEP, _SMALLEST_SLICE = 5, 10  # percent


@dataclass(frozen=True)
class Chart:
    """quantities: one, or the columns of a table; values: by quantity, then by label; no two of a quantity are equal.

    colours: names, by label. step: between the lines of the axis, which all values are on; None if values are printed.
    """

    style: Style
    labels: tuple[str, ...]
    quantities: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    colours: tuple[str, ...]
    step: int | None


def random_chart(rng: np.random.Generator) -> Chart:
    """A chart of 3 to 5 values, or a table of 2 to 4 rows; ValueError if no dictionary is installed."""
    style = _STYLES[int(rng.integers(len(_STYLES)))]
    known, quantities = (names.split() for names in _THEMES[int(rng.integers(len(_THEMES)))])
    num_labels = int(rng.integers(2, 5) if style == "table" else rng.integers(3, 5 if style == "pie" else 6))
    quantities = rng.permutation(quantities)[: rng.integers(1, 4) if style == "table" else 1].tolist()
    if rng.random() < _WORD_SHARE:
        known = [word for word in plain_words(rng, num_labels + 4, _LONGEST_LABEL) if word not in quantities]
    labels = rng.permutation(known)[:num_labels].tolist()
    step = None
    if style in ("bar", "line") and num_labels < _MOST_LINES and rng.random() < 0.5:
        step = int(rng.choice([1, 2, 5, 10]))
    values = tuple(
        _percentages(rng, num_labels) if style == "pie" else _numbers(rng, num_labels, step) for _ in quantities
    )
    colours = rng.permutation(list(SCENE_COLOURS))[:num_labels].tolist()
    if style == "line" or (style == "bar" and rng.random() < 0.5):
        colours = colours[:1] * num_labels
    return Chart(style, tuple(labels), tuple(quantities), values, tuple(colours), step)


def ask_chart(rng: np.random.Generator, chart: Chart) -> list[Question]:
    """One question each: read a value, add two, compare two, find the highest or the lowest."""
    number = int(rng.integers(len(chart.quantities)))
    column = _Column(chart, chart.quantities[number], dict(zip(chart.labels, chart.values[number], strict=True)))
    one, other = rng.permutation(chart.labels)[:2].tolist()
    return [
        _read(rng, column, one),
        _add(column, one, other),
        _compare(rng, column, one, other),
        _extreme(rng, column),
    ]


def _numbers(rng: np.random.Generator, count: int, step: int | None) -> tuple[int, ...]:
    """Distinct numbers, on the lines of the axis if there is one."""
    most = int(rng.choice([9, 20, 99])) if step is None else _MOST_LINES
    return tuple(((step or 1) * rng.choice(np.arange(1, most + 1), count, replace=False)).tolist())


def _percentages(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    """Distinct percentages that add up to 100."""
    while True:
        parts = rng.choice(np.arange(_SMALLEST_SLICE, 80, _SLICE_STEP), count - 1, replace=False).tolist()
        rest = 100 - sum(parts)
        if rest >= _SMALLEST_SLICE and rest not in parts:
            return (*parts, rest)


@dataclass(frozen=True)
class _Column:
    """The values of one quantity, by label."""

    chart: Chart
    quantity: str
    values: dict[str, int]

    @property
    def topic(self) -> str:
        return "table" if self.chart.style == "table" else "chart"

    @property
    def listing(self) -> str:
        return ", ".join(f"{label} {value}" for label, value in self.values.items())

    def where(self, label: str) -> str:
        """The reasoning step that finds the value."""
        value, colour = self.values[label], self.chart.colours[self.chart.labels.index(label)]
        mark = f"is marked {value}" if self.chart.step is None else f"reaches the line of {value}"
        return {
            "bar": f"The bar of {label} {mark}.",
            "line": f"The point of {label} {mark}.",
            "pie": f"{label} is {colour} in the legend, and the {colour} slice says {value}.",
            "table": f"In the row {label}, below {self.quantity}, stands {value}.",
        }[self.chart.style]


def _read(rng: np.random.Generator, column: _Column, label: str) -> Question:
    value = column.values[label]
    asked = pick(rng, (f"What is the {column.quantity} of {label}?", f"Read the {column.quantity} of {label}."))
    steps = (column.where(label), f"Check: of all values, {column.listing}, that of {label} is {value}.")
    spoken = f"The {column.quantity} of {label} is {value}."
    return Question(f"{column.topic}_read", f"{asked} Answer with a number.", str(value), spoken, steps)


def _add(column: _Column, one: str, other: str) -> Question:
    first, second = column.values[one], column.values[other]
    total = first + second
    steps = (
        column.where(one),
        column.where(other),
        f"{first} + {second} = {total}",
        f"Check: {total} - {second} = {first}, the {column.quantity} of {one}, so the answer is {total}.",
    )
    asked = f"What is the {column.quantity} of {one} and {other} together? Answer with a number."
    return Question(f"{column.topic}_add", asked, str(total), f"Together it is {total}.", steps)


def _compare(rng: np.random.Generator, column: _Column, one: str, other: str) -> Question:
    first, second = column.values[one], column.values[other]
    wanted = pick(rng, ("higher", "lower"))
    answer = one if (first > second) == (wanted == "higher") else other
    more, less = max(first, second), min(first, second)
    steps = (
        column.where(one),
        column.where(other),
        f"{first} {'>' if first > second else '<'} {second}",
        f"Check: {more} - {less} = {more - less}, above 0, and the {wanted} one is {answer}.",
    )
    asked = f"Which has the {wanted} {column.quantity}, {one} or {other}? Answer with its label."
    return Question(f"{column.topic}_compare", asked, answer, f"It is {answer}.", steps, (one, other))


def _extreme(rng: np.random.Generator, column: _Column) -> Question:
    wanted, best, sign = ("highest", max, ">") if rng.random() < 0.6 else ("lowest", min, "<")
    answer = best(column.values, key=lambda label: column.values[label])
    value = column.values[answer]
    others = ", ".join(f"{value} {sign} {other}" for other in column.values.values() if other != value)
    steps = (
        f"The values: {column.listing}.",
        f"The {wanted} is {value}, of {answer}.",
        f"Check: {others}, so the answer is {answer}.",
    )
    asked = f"Which has the {wanted} {column.quantity}? Answer with its label."
    return Question(f"{column.topic}_largest", asked, answer, f"It is {answer}.", steps, tuple(column.values))
