"""Further font faces for training: all font files of a folder that contain every character of the alphabet."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont

from demiglace.typography.font_families import UNSEEN_FAMILIES, FaceStyle
from demiglace.typography.fonts import Face, face_indices, has_whole_alphabet, load_font

SUFFIXES = (".ttf", ".otf")
_LETTERS = "aebdgnrt"  # in small capitals these look like their capitals
_SAME_SHAPE = 0.6  # correlation (ours): 0.72 to 1 in 15 faces with small capitals, at most 0.51 in 622 others


def sample_folder_face(rng: np.random.Generator, folder: Path) -> Face:
    """A random face; a family is weighted by the square root of its number of faces. ValueError if there is none."""
    faces, cumulative = _faces_and_weights(folder)
    return faces[int(np.searchsorted(cumulative, rng.random(), side="right"))]


@cache
def _faces_and_weights(folder: Path) -> tuple[tuple[Face, ...], np.ndarray]:
    faces = folder_faces(folder)
    families = [face.family for face in faces]
    cumulative = np.cumsum([families.count(family) ** -0.5 for family in families])
    return faces, cumulative / cumulative[-1]


@cache
def folder_faces(folder: Path) -> tuple[Face, ...]:
    """Faces of the folder's files at any depth, ordered by path; families held out of training and small capitals are
    left out, and so are files that FreeType cannot read. ValueError if none is left."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    faces = tuple(face for path in files for face in file_faces(path) if not _is_kept_out(face.family))
    if not faces:
        raise ValueError(f"none of the {len(files)} font files in {folder} has every character of the alphabet")
    return faces


def file_faces(path: Path) -> list[Face]:
    """Faces of one file that contain the whole alphabet, without small capitals; a variable font has several."""
    try:
        named = _named_faces(path)
    except OSError:
        return []
    return [face for face in named if has_whole_alphabet(face) and not has_small_capitals(face)]


def _named_faces(path: Path) -> list[Face]:
    font = ImageFont.truetype(str(path), 64)
    family = font.getname()[0] or path.stem
    style: FaceStyle = "mono" if font.getlength("i") == font.getlength("W") else "sans"
    return [Face(str(path), index, family, style) for index in face_indices(path)]


def _is_kept_out(family: str) -> bool:
    return any(family.casefold().startswith(kept.casefold()) for kept in UNSEEN_FAMILIES)


def has_small_capitals(face: Face) -> bool:
    """Whether lower-case letters are drawn like capitals, so that nobody can tell them apart."""
    pairs = [(_shape(face, letter), _shape(face, letter.upper())) for letter in _LETTERS]
    return float(np.mean([np.corrcoef(small, large)[0, 1] for small, large in pairs])) > _SAME_SHAPE


def _shape(face: Face, letter: str) -> np.ndarray:
    """The letter's ink, resized to a fixed size."""
    mask = load_font(face, 64).getmask(letter)
    return np.asarray(Image.frombytes("L", mask.size, bytes(mask)).resize((24, 24), Image.Resampling.BOX)).ravel()
