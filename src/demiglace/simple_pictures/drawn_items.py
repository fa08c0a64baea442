"""Items of named forms and colours, drawn in the styles of many programs: filled or not, thin or thick, smooth or not.

A colour name stands for a range of hues, not one value, so that the names also fit other palettes.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from demiglace.typography.ink_colours import Colour
from demiglace.typography.words import pick

SMALLEST_PICTURE, LARGEST_PICTURE = 32, 600  # pixels; ours
PLURALS = {"cross": "crosses", "box": "boxes"}  # others add an s
FAMILIES = (  # a picture has at most one form of each family, because some call every square a rectangle
    ("circle", "circle", "circle", "ellipse"),
    ("square", "rectangle"),
    ("triangle",),
    ("pentagon", "hexagon"),
    ("star",),
    ("cross",),
)

_HUES: dict[str, tuple[tuple[float, float], ...]] = {  # degrees of hue, saturation, value
    "red": ((-8, 6), (0.75, 1), (0.7, 1)),
    "orange": ((20, 36), (0.8, 1), (0.9, 1)),
    "yellow": ((48, 60), (0.75, 1), (0.85, 1)),
    "green": ((95, 145), (0.55, 1), (0.45, 1)),
    "teal": ((168, 186), (0.75, 1), (0.4, 0.6)),
    "blue": ((200, 242), (0.65, 1), (0.65, 1)),
    "purple": ((266, 296), (0.55, 1), (0.45, 0.85)),
    "pink": ((310, 345), (0.35, 0.75), (0.9, 1)),
    "brown": ((0, 28), (0.6, 0.85), (0.35, 0.65)),
    "gray": ((0, 360), (0, 0.05), (0.42, 0.66)),
    "black": ((0, 360), (0, 0.3), (0, 0.12)),
    "white": ((0, 360), (0, 0.03), (0.96, 1)),
}
COLOURS = tuple(_HUES)
_LEAST_CONTRAST = 95  # of 441, the distance between black and white
_TINT = 6  # of 255: how much items of one colour differ


def _regular(corners: int, inner: float = 1.0) -> np.ndarray:
    """Corners (n, 2) of a regular polygon on the unit circle, the first at the top; every second at radius `inner`."""
    turns = 2 * np.pi * np.arange(corners) / corners - np.pi / 2
    return np.stack([np.cos(turns), np.sin(turns)], 1) * np.where(np.arange(corners) % 2, inner, 1)[:, None]


_BOX = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
_ARM = 0.34
_CROSS = [(-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM)]
OUTLINES = {
    "circle": _regular(72),
    "ellipse": _regular(72),
    "square": _BOX,
    "rectangle": _BOX,
    "triangle": np.array([(0, -1), (1, 1), (-1, 1)], float),
    "pentagon": _regular(5),
    "hexagon": _regular(6),
    "star": _regular(10, 0.42),
    "cross": np.array([*_CROSS, *[(-x, -y) for x, y in _CROSS]], float),
}


@dataclass(frozen=True)
class Item:
    """Centre and half extents in pixels, y downwards; turn: rotation in radians."""

    form: str
    colour: str
    rgb: Colour
    x: float
    y: float
    rx: float
    ry: float
    turn: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.colour} {self.form}"

    def corners(self) -> np.ndarray:
        """(corners, 2) in pixels."""
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        turned = OUTLINES[self.form] * (self.rx, self.ry) @ np.array([[cosine, sine], [-sine, cosine]])
        return turned + np.array([self.x, self.y])


@dataclass(frozen=True)
class Look:
    """thickness: of lines, in pixels; smooth: edges are anti-aliased; edge: colour around filled items, if any."""

    filled: bool
    thickness: float
    smooth: int
    edge: Colour | None = None


@dataclass(frozen=True)
class Canvas:
    """size: width and height in pixels; palette: a value for each colour that contrasts with the paper."""

    size: tuple[int, int]
    paper: Colour
    palette: Mapping[str, Colour]
    look: Look

    def rgb(self, rng: np.random.Generator, colour: str) -> Colour:
        return _shifted(rng, self.palette[colour])


def random_canvas(rng: np.random.Generator, largest: int = LARGEST_PICTURE, ratio: float = 1.0) -> Canvas:
    """A canvas of `ratio` (width / height), 32 to `largest` pixels high; the height is log-uniform."""
    height = round(float(np.exp(rng.uniform(np.log(SMALLEST_PICTURE), np.log(largest)))))
    paper = _paper(rng)
    palette = {name: _value(rng, name) for name in COLOURS}
    apart = {name: rgb for name, rgb in palette.items() if _distance(rgb, paper) > _LEAST_CONTRAST}
    filled = bool(rng.random() < 0.75)
    thickness = max(1.0, height * float(np.exp(rng.uniform(np.log(0.006), np.log(0.035)))))
    edge = ((0, 0, 0) if sum(paper) > 300 else (255, 255, 255)) if rng.random() < 0.15 else None
    look = Look(filled, thickness, int(rng.choice((1, 2, 4))) if height < 300 else 1 + int(rng.integers(2)), edge)
    return Canvas((round(height * ratio), height), paper, apart, look)


def draw_items(canvas: Canvas, items: Sequence[Item]) -> Image.Image:
    """An RGB picture of the items, drawn one over the other in their order."""
    scale = canvas.look.smooth
    picture = Image.new("RGB", (canvas.size[0] * scale, canvas.size[1] * scale), canvas.paper)
    pen = ImageDraw.Draw(picture)
    width = max(1, round(canvas.look.thickness * scale))
    for item in items:
        points = [(float(x), float(y)) for x, y in item.corners() * scale]
        if canvas.look.filled:
            pen.polygon(points, fill=item.rgb)
        if not canvas.look.filled or canvas.look.edge:
            around = item.rgb if not canvas.look.filled else canvas.look.edge
            pen.line([*points, *points[:2]], fill=around, width=width, joint="curve")
    return picture.reduce(scale) if scale > 1 else picture


def random_forms(rng: np.random.Generator) -> list[str]:
    """One form of each family, in random order."""
    return rng.permutation([pick(rng, family) for family in FAMILIES]).tolist()


def extents(rng: np.random.Generator, form: str, radius: float) -> tuple[float, float]:
    """Half width and half height of an item: about equal for most forms, mostly not for rectangles and ellipses."""
    if form not in ("rectangle", "ellipse"):
        return radius, radius * (float(rng.uniform(0.85, 1.1)) if form == "triangle" else 1)
    share = float(rng.uniform(0.35, 0.8 if form == "rectangle" else 0.7))
    return (radius, radius * share) if rng.random() < 0.5 else (radius * share, radius)


def plural(form: str) -> str:
    return PLURALS.get(form, form + "s")


def _value(rng: np.random.Generator, name: str) -> Colour:
    hue, saturation, value = (float(rng.uniform(*bounds)) for bounds in _HUES[name])
    red, green, blue = (round(part * 255) for part in colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value))
    return red, green, blue


def _paper(rng: np.random.Generator) -> Colour:
    """White, pastel, grey, black, dark, or of any named colour."""
    kind = int(rng.choice(5, p=(0.3, 0.3, 0.15, 0.15, 0.1)))
    if kind == 0:
        return 255, 255, 255
    if kind == 1:
        red, green, blue = (int(level) for level in rng.integers(215, 256, 3))
        return red, green, blue
    if kind == 2:
        grey = int(rng.integers(90, 235))
        return grey, grey, grey
    if kind == 3:
        return (0, 0, 0) if rng.random() < 0.6 else _value(rng, "black")
    return _value(rng, pick(rng, COLOURS))


def _shifted(rng: np.random.Generator, rgb: Colour) -> Colour:
    red, green, blue = (int(level) for level in (np.array(rgb) + rng.integers(-_TINT, _TINT + 1, 3)).clip(0, 255))
    return red, green, blue


def _distance(one: Colour, other: Colour) -> float:
    return float(np.linalg.norm(np.array(one, float) - other))
