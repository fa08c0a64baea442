"""Named colours of drawn shapes, for pictures and for clips."""

from demiglace.typography.ink_colours import Colour

SCENE_COLOURS: dict[str, Colour] = {
    "red": (210, 35, 40),
    "green": (25, 150, 60),
    "blue": (40, 80, 215),
    "yellow": (245, 205, 25),
    "orange": (240, 130, 25),
    "purple": (130, 45, 165),
    "black": (25, 25, 25),
}
CLIP_COLOURS: dict[str, Colour] = {
    "red": (225, 40, 40),
    "green": (40, 165, 60),
    "blue": (45, 90, 230),
    "yellow": (245, 215, 40),
    "purple": (155, 55, 195),
    "orange": (250, 140, 25),
    "cyan": (40, 205, 215),
}
