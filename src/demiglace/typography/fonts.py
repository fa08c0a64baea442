"""The font faces that texts are drawn in, found by the Debian packages that bring them.

Two sets that never mix: faces to train on, and families kept back to measure reading in type never seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ImageFont

from demiglace.typography.corpus import ALPHABET

FONTS_FOLDER = Path("/usr/share/fonts")
FEWEST_TRAINING_FACES = 40
FEWEST_UNSEEN_FACES = 8

FaceStyle = Literal["serif", "sans", "mono"]


@dataclass(frozen=True)
class Face:
    """One font face: a file, its index in the file, the family it belongs to and the class of its letters.

    Named instance n of a variable font has the index n * 2**16, as FreeType counts.
    """

    path: str
    index: int
    family: str
    style: FaceStyle


@dataclass(frozen=True)
class _Family:
    package: str
    name: str
    pattern: str  # of the files, below the folder of all fonts
    style: FaceStyle


_TRAINING = (
    _Family("fonts-dejavu-extra", "DejaVu Sans", "truetype/dejavu/DejaVuSans[-C.]*.ttf", "sans"),
    _Family("fonts-dejavu-extra", "DejaVu Serif", "truetype/dejavu/DejaVuSerif*.ttf", "serif"),
    _Family("fonts-dejavu-core", "DejaVu Sans Mono", "truetype/dejavu/DejaVuSansMono*.ttf", "mono"),
    _Family("fonts-liberation2", "Liberation Sans", "truetype/liberation2/LiberationSans-*.ttf", "sans"),
    _Family("fonts-liberation2", "Liberation Serif", "truetype/liberation2/LiberationSerif-*.ttf", "serif"),
    _Family("fonts-liberation2", "Liberation Mono", "truetype/liberation2/LiberationMono-*.ttf", "mono"),
    _Family("fonts-croscore", "Arimo", "truetype/croscore/Arimo-*.ttf", "sans"),
    _Family("fonts-croscore", "Tinos", "truetype/croscore/Tinos-*.ttf", "serif"),
    _Family("fonts-croscore", "Cousine", "truetype/croscore/Cousine-*.ttf", "mono"),
    _Family("fonts-crosextra-carlito", "Carlito", "truetype/crosextra/Carlito-*.ttf", "sans"),
    _Family("fonts-crosextra-caladea", "Caladea", "truetype/crosextra/Caladea-*.ttf", "serif"),
    _Family("fonts-open-sans", "Open Sans", "truetype/open-sans/OpenSans-*.ttf", "sans"),
    _Family("fonts-roboto-unhinted", "Roboto", "truetype/roboto/unhinted/RobotoTTF/Roboto-*.ttf", "sans"),
    _Family("fonts-roboto-unhinted", "Roboto Condensed", "truetype/roboto/unhinted/RobotoCondensed-*.ttf", "sans"),
    _Family("fonts-lato", "Lato", "truetype/lato/Lato-*.ttf", "sans"),
    _Family("fonts-freefont-ttf", "FreeSans", "truetype/freefont/FreeSans*.ttf", "sans"),
    _Family("fonts-freefont-ttf", "FreeSerif", "truetype/freefont/FreeSerif*.ttf", "serif"),
    _Family("fonts-freefont-ttf", "FreeMono", "truetype/freefont/FreeMono*.ttf", "mono"),
    _Family("fonts-cmu", "CMU Serif", "truetype/cmu/cmun[rbts][mxil].ttf", "serif"),
    _Family("fonts-cmu", "CMU Sans", "truetype/cmu/cmuns[sxio].ttf", "sans"),
    _Family("fonts-cmu", "CMU Bright", "truetype/cmu/cmunb[ms][ro].ttf", "sans"),
    _Family("fonts-cmu", "CMU Typewriter", "truetype/cmu/cmun[ti]t.ttf", "mono"),
    _Family("fonts-cmu", "CMU Typewriter", "truetype/cmu/cmunt[bx].ttf", "mono"),
    _Family("fonts-cmu", "CMU Concrete", "truetype/cmu/cmuno*.ttf", "serif"),
    _Family("fonts-quicksand", "Quicksand", "truetype/quicksand/Quicksand-*.ttf", "sans"),
    _Family("fonts-firacode", "Fira Code", "truetype/firacode/FiraCode-*.ttf", "mono"),
    _Family("fonts-mononoki", "Mononoki", "truetype/mononoki/mononoki-*.ttf", "mono"),
)

_UNSEEN = (
    _Family("fonts-vollkorn", "Vollkorn", "truetype/vollkorn/Vollkorn-*.ttf", "serif"),
    _Family("fonts-courier-prime", "Courier Prime", "opentype/courier-prime/Courier Prime*.otf", "mono"),
    _Family("fonts-karla", "Karla", "truetype/karla/Karla-*.otf", "sans"),
    _Family("fonts-cabin", "Cabin", "opentype/cabin/Cabin-*.otf", "sans"),
)

UNSEEN_FAMILIES = tuple(family.name for family in _UNSEEN)

_EXTREME_WEIGHT = re.compile("Thin|Hairline|ExtraLight|Black|Heavy|ExtraBold", re.IGNORECASE)


@cache
def training_faces() -> tuple[Face, ...]:
    """Faces to learn from: serif, sans and mono; regular, bold and italic.

    ValueError names the packages to install where fewer than `FEWEST_TRAINING_FACES` are found.
    """
    return _find(_TRAINING, FEWEST_TRAINING_FACES)


@cache
def unseen_faces() -> tuple[Face, ...]:
    """Faces of families kept out of training. ValueError as in `training_faces`."""
    return _find(_UNSEEN, FEWEST_UNSEEN_FACES)


def sample_face(rng: np.random.Generator) -> Face:
    """One of `training_faces`. A family weighs the square root of its faces, so that none dominates."""
    return training_faces()[np.searchsorted(_cumulative_weights(), rng.random(), side="right")]


@cache
def _cumulative_weights() -> np.ndarray:
    families = [face.family for face in training_faces()]
    cumulative = np.cumsum([families.count(family) ** -0.5 for family in families])
    return cumulative / cumulative[-1]


@lru_cache(maxsize=2048)
def load_font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """The face at `size` pixels per em, laid out glyph after glyph with kerning and without ligatures."""
    return ImageFont.truetype(face.path, size, index=face.index, layout_engine=ImageFont.Layout.BASIC)


def instance_indices(font: ImageFont.FreeTypeFont) -> list[int]:
    """Indices of the faces in a font's file: 0, or those of the named instances where the font is variable."""
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
    """Measured on the letters themselves, for the metrics that fonts announce leave room above and below."""
    font = load_font(face, 200)
    _, top, _, bottom = font.getbbox("bdfhklHgjpqy", anchor="ls")
    return Proportions(-font.getbbox("H", anchor="ls")[1] / 200, -top / 200, bottom / 200)


def _find(families: tuple[_Family, ...], fewest: int) -> tuple[Face, ...]:
    faces, missing = [], []
    for family in families:
        found = [Face(str(path), 0, family.name, family.style) for path in sorted(FONTS_FOLDER.glob(family.pattern))]
        faces += [face for face in found if has_whole_alphabet(face)]
        missing += [] if found else [family.package]
    if len(faces) < fewest:
        packages = " ".join(dict.fromkeys(missing))
        raise ValueError(
            f"{len(faces)} font faces found, at least {fewest} are needed; install: apt-get install {packages}"
        )
    return tuple(faces)


def has_whole_alphabet(face: Face) -> bool:
    """Whether a face of usual weight draws something for every character of the alphabet."""
    font = load_font(face, 16)
    if _EXTREME_WEIGHT.search(f"{Path(face.path).name} {font.getname()[1] if face.index else ''}"):
        return False
    absent = bytes(font.getmask("\U000f0000"))
    return all(
        font.getbbox(letter)[2] and bytes(font.getmask(letter)) != absent for letter in ALPHABET if letter != " "
    )
