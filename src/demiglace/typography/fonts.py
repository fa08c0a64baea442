"""The font faces that texts are drawn in: those of Debian's packages, else those of the extra `train`.

There are two disjoint sets: faces to train on, and families held out to measure reading of unseen fonts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import ImageFont

from demiglace.typography import font_families as families
from demiglace.typography.corpus import ALPHABET
from demiglace.typography.font_families import FaceStyle, FontFamily, PackagedFamily

FEWEST_TRAINING_FACES = 40
FEWEST_UNSEEN_FACES = 8


@dataclass(frozen=True)
class Face:
    """One font face: a file, its index in the file, its family, and its style.

    Named instance n of a variable font has the index n * 2**16, as in FreeType.
    """

    path: str
    index: int
    family: str
    style: FaceStyle


_EXTREME_WEIGHT = re.compile("Thin|Hairline|ExtraLight|Black|Heavy|ExtraBold", re.IGNORECASE)


@cache
def training_faces() -> tuple[Face, ...]:
    """Faces to train on: serif, sans and mono; regular, bold and italic.

    Debian's, if its packages contain at least `FEWEST_TRAINING_FACES`; else those of the extra `train`. If those are
    too few as well, ValueError names the extra.
    """
    return _find(families.SYSTEM_TRAINING, families.PACKAGED_TRAINING, FEWEST_TRAINING_FACES)


@cache
def unseen_faces() -> tuple[Face, ...]:
    """Faces of families held out of training. ValueError as in `training_faces`."""
    return _find(families.SYSTEM_UNSEEN, families.PACKAGED_UNSEEN, FEWEST_UNSEEN_FACES)


def sample_face(rng: np.random.Generator) -> Face:
    """One of `training_faces`; families are weighted by the square root of their numbers of faces: none dominates."""
    return training_faces()[np.searchsorted(_cumulative_weights(), rng.random(), side="right")]


@cache
def _cumulative_weights() -> np.ndarray:
    families = [face.family for face in training_faces()]
    cumulative = np.cumsum([families.count(family) ** -0.5 for family in families])
    return cumulative / cumulative[-1]


@lru_cache(maxsize=2048)
def load_font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """The face at `size` pixels per em, with basic layout: glyph after glyph, without ligatures.

    Pillow 13 applies a 64th of the font's kerning in this layout (findings/pillow_basic_layout_kerning.sh).
    """
    return ImageFont.truetype(face.path, size, index=face.index, layout_engine=ImageFont.Layout.BASIC)


def face_indices(path: Path) -> list[int]:
    """Indices of a font file's faces: 0, or the named instances of a variable font. OSError if it is no font."""
    font = ImageFont.truetype(str(path))
    try:
        return [number << 16 for number in range(1, 1 + len(font.get_variation_names()))]
    except OSError:  # not variable
        return [0]


@dataclass(frozen=True)
class Proportions:
    """Shares of the em: height of a capital, rise of the ascenders and fall of the descenders from the baseline."""

    cap: float
    rise: float
    fall: float


@lru_cache(maxsize=1024)
def proportions(face: Face) -> Proportions:
    """Measured on the letters themselves, because the metrics in font files leave room above and below."""
    font = load_font(face, 200)
    _, top, _, bottom = font.getbbox("bdfhklHgjpqy", anchor="ls")
    return Proportions(-font.getbbox("H", anchor="ls")[1] / 200, -top / 200, bottom / 200)


def _find(system: Iterable[FontFamily], packaged: Iterable[PackagedFamily], fewest: int) -> tuple[Face, ...]:
    for source in (system, packaged):
        faces = tuple(face for family in source for face in _faces(family))
        if len(faces) >= fewest:
            return faces
    raise ValueError(
        f"{len(faces)} font faces found, at least {fewest} are needed; install: pip install 'demiglace[train]'"
    )


def _faces(family: FontFamily | PackagedFamily) -> list[Face]:
    found = [
        Face(str(path), index, family.name, family.style) for path in family.files() for index in face_indices(path)
    ]
    return [face for face in found if has_whole_alphabet(face)]


def has_whole_alphabet(face: Face) -> bool:
    """Whether a face of normal weight draws something for every character of the alphabet."""
    font = load_font(face, 16)
    if _EXTREME_WEIGHT.search(f"{Path(face.path).name} {font.getname()[1] if face.index else ''}"):
        return False
    absent = bytes(font.getmask("\U000f0000"))
    return all(
        font.getbbox(letter)[2] and bytes(font.getmask(letter)) != absent for letter in ALPHABET if letter != " "
    )
