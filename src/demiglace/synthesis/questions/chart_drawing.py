"""Charts and tables -> pictures, as small as is still legible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from demiglace.synthesis.pages.sheet import CAPS_OF_A_SIDE
from demiglace.synthesis.palette import SCENE_COLOURS
from demiglace.synthesis.questions.charts import Chart
from demiglace.typography.fonts import Face, load_font, proportions, sample_face
from demiglace.typography.ink_colours import Colour

_SMALLEST_FONT = 7  # pixels per em
_INK: Colour = (25, 25, 25)
_FAINT: Colour = (185, 185, 185)
_PAPERS: tuple[Colour, ...] = ((255, 255, 255), (255, 255, 255), (243, 243, 243), (251, 246, 232))


@dataclass(frozen=True)
class _ChartSheet:
    """A picture being drawn, its pen, its paper, and the font for its text."""

    picture: Image.Image
    pen: ImageDraw.ImageDraw
    paper: Colour
    font: ImageFont.FreeTypeFont

    @classmethod
    def new(cls, width: float, height: float, paper: Colour, font: ImageFont.FreeTypeFont) -> _ChartSheet:
        picture = Image.new("RGB", (round(width), round(height)), paper)
        return cls(picture, ImageDraw.Draw(picture), paper, font)

    def write(self, x: float, y: float, text: str, anchor: str, ink: Colour = _INK) -> None:
        """The anchor is Pillow's: one of l, m, r and one of a, m, s say which point of the text is at `x` and `y`."""
        self.pen.text((round(x), round(y)), text, fill=ink, font=self.font, anchor=anchor)


def draw_chart(rng: np.random.Generator, chart: Chart, side: int) -> Image.Image:
    """RGB of about `side` by `side` pixels; a table is as large as its cells.

    If fonts are missing, raises ValueError that names the extra to install.
    """
    face, paper = sample_face(rng), _PAPERS[int(rng.integers(len(_PAPERS)))]
    size = max(_SMALLEST_FONT, round(side / CAPS_OF_A_SIDE / proportions(face).cap))
    if chart.style == "table":
        return _table(chart, load_font(face, size), paper, ruled=bool(rng.random() < 0.5))
    width, height = 1.2 * side, side / 1.2
    if chart.style == "pie":
        sheet = _ChartSheet.new(width, height, paper, _fitting(face, size, chart.labels, 0.26 * width))
        _pie(sheet, chart, float(rng.uniform(0, 360)))
    else:
        sheet = _ChartSheet.new(
            width, height, paper, _fitting(face, size, chart.labels, 0.84 * width / len(chart.labels))
        )
        _plot(sheet, chart)
    return sheet.picture


def _fitting(face: Face, size: int, texts: tuple[str, ...], room: float) -> ImageFont.FreeTypeFont:
    """The face at `size` pixels per em, or smaller so that the widest of the texts fits."""
    widest = max(load_font(face, size).getlength(text) for text in texts)
    return load_font(face, max(_SMALLEST_FONT, min(size, int(size * room / widest))))


def _heading(sheet: _ChartSheet, chart: Chart, x: float) -> float:
    """Write the chart's title and return the y below it, where the chart may begin."""
    sheet.write(x, 2, chart.quantities[0], "ma")
    return 1.4 * sheet.font.size + 2


def _plot(sheet: _ChartSheet, chart: Chart) -> None:
    """Draw bars, or points on a line, above their labels; with an axis, or with the value at each."""
    values, em = chart.values[0], sheet.font.size
    width, height = sheet.picture.size
    marks = [] if chart.step is None else list(range(0, max(values) + 1, chart.step))
    left = max((sheet.font.getlength(str(mark)) + 4 for mark in marks), default=0.0) + 2
    top, bottom = _heading(sheet, chart, width / 2) + (em / 2 if marks else 1.2 * em), height - 1.4 * em
    rise = (bottom - top) / max(values)
    for mark in marks:
        level = round(bottom - mark * rise)
        sheet.write(left - 3, level, str(mark), "rm")
        sheet.pen.line([(left, level), (width - 3, level)], fill=_FAINT)
    slot = (width - 3 - left) / len(values)
    points = [(left + slot * (number + 0.5), bottom - value * rise) for number, value in enumerate(values)]
    if chart.style == "line":
        sheet.pen.line(points, fill=SCENE_COLOURS[chart.colours[0]], width=2)
    for (x, y), value, label, colour in zip(points, values, chart.labels, chart.colours, strict=True):
        box = (x - 2, y - 2, x + 2, y + 2) if chart.style == "line" else (x - 0.3 * slot, y, x + 0.3 * slot, bottom)
        sheet.pen.rectangle([round(edge) for edge in box], fill=SCENE_COLOURS[colour])
        sheet.write(x, height - 2 - 0.2 * em, label, "ms")
        if not marks:
            _print_value(sheet, x, y - 3, str(value))
    sheet.pen.line([(left, bottom), (width - 3, bottom)], fill=_INK)


def _print_value(sheet: _ChartSheet, x: float, y: float, text: str) -> None:
    """Print a value on a patch of paper, so that a line behind it does not hide it."""
    left, top, right, bottom = sheet.font.getbbox(text, anchor="ms")
    sheet.pen.rectangle([round(x + left), round(y + top), round(x + right), round(y + bottom)], fill=sheet.paper)
    sheet.write(x, y, text, "ms")


def _pie(sheet: _ChartSheet, chart: Chart, start: float) -> None:
    """Draw slices with their values inside, and a legend on the right."""
    width, height = sheet.picture.size
    em, top = sheet.font.size, _heading(sheet, chart, width / 2)
    radius = min((height - top) / 2 - 2, 0.3 * width)
    x, y = radius + 4, top + radius
    for value, colour in zip(chart.values[0], chart.colours, strict=True):
        end = start + 3.6 * value
        sheet.pen.pieslice([x - radius, y - radius, x + radius, y + radius], start, end, fill=SCENE_COLOURS[colour])
        middle = np.deg2rad((start + end) / 2)
        ink: Colour = _INK if np.dot(SCENE_COLOURS[colour], (0.3, 0.6, 0.1)) > 110 else (255, 255, 255)
        sheet.write(x + 0.68 * radius * np.cos(middle), y + 0.68 * radius * np.sin(middle), str(value), "mm", ink)
        start = end
    left, pitch = 2 * radius + 0.06 * width, min(2 * em, (height - top) / len(chart.labels))
    for number, (label, colour) in enumerate(zip(chart.labels, chart.colours, strict=True)):
        middle = y + (number + 0.5 - len(chart.labels) / 2) * pitch
        sheet.pen.rectangle([left, middle - 0.35 * em, left + 0.7 * em, middle + 0.35 * em], fill=SCENE_COLOURS[colour])
        sheet.write(left + em, middle, label, "lm")


def _table(chart: Chart, font: ImageFont.FreeTypeFont, paper: Colour, ruled: bool) -> Image.Image:
    """Labels on the left, numbers under headings; rules between all cells if `ruled`, else below the headings only."""
    columns = [["", *chart.labels]]
    columns += [[name, *map(str, column)] for name, column in zip(chart.quantities, chart.values, strict=True)]
    pitch, space = round(1.7 * font.size), 0.6 * font.size
    widths = [max(font.getlength(cell) for cell in column) + 2 * space for column in columns]
    lefts = [2 + round(sum(widths[:number])) for number in range(len(widths) + 1)]
    bottom = 2 + pitch * len(columns[0])
    sheet = _ChartSheet.new(lefts[-1] + 3, bottom + 3, paper, font)
    for number, column in enumerate(columns):
        for row, cell in enumerate(column):
            x, anchor = (lefts[number + 1] - space, "rm") if number else (2 + space, "lm")
            sheet.write(x, 2 + pitch * (row + 0.5), cell, anchor)
    for row in range(len(columns[0]) + 1) if ruled else (1,):
        sheet.pen.line([(2, 2 + pitch * row), (lefts[-1], 2 + pitch * row)], fill=_INK)
    for x in lefts if ruled else ():
        sheet.pen.line([(x, 2), (x, bottom)], fill=_INK)
    return sheet.picture
