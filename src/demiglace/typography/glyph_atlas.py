"""All characters of all training faces drawn once, so that lines can be composed from them without fonts.

Every face is drawn at the same cap height, `CAP` pixels, from a drawing `SUPERSAMPLING` times as large, so that hinting
moves an outline by an eighth of a pixel at most. An atlas is one file, small enough to be copied to a machine without
fonts. It has no kerning: PIL's basic layout, which `rendering` uses, applies a 64th of a font's kerning, less than
0.004 cap heights in all training faces.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from demiglace.safe_files import atomic_path
from demiglace.typography.corpus import ALPHABET
from demiglace.typography.fonts import Face, proportions

CAP = 32  # ours: cap height in pixels; larger letters are upscaled from it
SUPERSAMPLING = 4  # ours
INK_LEVELS = 16  # ours: two pixels a byte in the file

_REACH = 3 * CAP  # pixels of a drawing on every side of the pen
_TENSORS = ("caps", "bands", "advances", "boxes", "ink")


@dataclass(frozen=True)
class GlyphAtlas:
    """Glyphs and their metrics; lengths in cap heights unless in pixels of the drawing (`CAP` to a cap height).

    caps: float32 (faces,), cap height as a share of the em.
    bands: float32 (faces, 2), rise of the ascenders above and fall of the descenders below the baseline.
    advances: float32 (faces, letters), in the order of `ALPHABET`.
    boxes: int16 (faces, letters, 4), left, top, width and height in pixels of the ink, from the pen on the baseline;
        up is negative.
    ink: uint8 (pixels,), 0 to `INK_LEVELS` - 1, the boxes one after the other, row by row.
    """

    faces: tuple[Face, ...]
    caps: np.ndarray
    bands: np.ndarray
    advances: np.ndarray
    boxes: np.ndarray
    ink: np.ndarray

    @cached_property
    def face_weights(self) -> np.ndarray:
        """float64 (faces,), cumulative: a family weighs the square root of its faces, as in `fonts.sample_face`."""
        families = [face.family for face in self.faces]
        cumulative = np.cumsum([families.count(family) ** -0.5 for family in families])
        return cumulative / cumulative[-1]

    def glyphs(self, face: int) -> list[np.ndarray]:
        """The ink of each letter, uint8 (height, width)."""
        sizes = self.boxes[..., 2:].astype(np.int64).reshape(-1, 2)
        areas = sizes.prod(axis=1)
        first = face * len(ALPHABET)
        ends = areas[:first].sum() + np.cumsum(areas[first : first + len(ALPHABET)])
        pieces = np.split(self.ink[: ends[-1]], [ends[0] - areas[first], *ends[:-1]])[1:]
        return [piece.reshape(sizes[first + i, ::-1]) for i, piece in enumerate(pieces)]

    def save(self, path: Path) -> None:
        """Writes the file atomically, two pixels a byte. The same atlas gives the same bytes.

        Its metadata is one entry, because safetensors writes several in a different order each time.
        """
        even = np.append(self.ink, np.zeros(len(self.ink) % 2, np.uint8)).reshape(-1, 2)
        packed = {name: getattr(self, name) for name in _TENSORS} | {"ink": even[:, 0] * INK_LEVELS + even[:, 1]}
        faces = [asdict(face) | {"path": Path(face.path).name} for face in self.faces]
        with atomic_path(path) as aside:
            save_file(packed, aside, {"atlas": json.dumps({"alphabet": ALPHABET, "cap": CAP, "faces": faces})})

    @classmethod
    def load(cls, path: Path) -> GlyphAtlas:
        """ValueError if the file is no atlas, or one of another alphabet or size."""
        try:
            with safe_open(path, "numpy") as file:
                facts = json.loads((file.metadata() or {})["atlas"])
                held = {name: file.get_tensor(name) for name in _TENSORS}
            drawn = str(facts["alphabet"]), int(facts["cap"])
            faces = tuple(Face(**fields) for fields in facts["faces"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not an atlas of glyphs: {error}") from None
        if drawn != (ALPHABET, CAP):
            raise ValueError(
                f"{path} has {len(drawn[0])} characters at {drawn[1]} pixels, not the {len(ALPHABET)} at {CAP} of here"
            )
        held["ink"] = np.stack(np.divmod(held["ink"], INK_LEVELS), axis=1).reshape(-1)
        return cls(faces=faces, **held)


def draw_atlas(faces: Sequence[Face]) -> GlyphAtlas:
    """The atlas of `faces`, drawn by PIL; takes less than a minute for all training faces."""
    shares = [proportions(face) for face in faces]
    caps = np.array([share.cap for share in shares], np.float32)
    bands = np.array([(share.rise / share.cap, share.fall / share.cap) for share in shares], np.float32)
    fonts = [_enlarged(face, share.cap) for face, share in zip(faces, shares, strict=True)]
    lengths = [[font.getlength(letter) for letter in ALPHABET] for font in fonts]
    advances = np.array(lengths, np.float32) / (SUPERSAMPLING * CAP)
    drawn = [_draw(font, letter) for font in fonts for letter in ALPHABET]
    boxes = np.array([box for box, _ in drawn], np.int16).reshape(len(fonts), len(ALPHABET), 4)
    ink = np.concatenate([ink.flatten() for _, ink in drawn])
    return GlyphAtlas(tuple(faces), caps, bands, advances, boxes, ink)


def _enlarged(face: Face, cap: float) -> ImageFont.FreeTypeFont:
    size = SUPERSAMPLING * CAP / cap
    return ImageFont.truetype(face.path, size, index=face.index, layout_engine=ImageFont.Layout.BASIC)


def _draw(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int, int, int], np.ndarray]:
    """Left, top, width and height of the ink, and the ink itself."""
    canvas = Image.new("L", (2 * _REACH * SUPERSAMPLING,) * 2)
    ImageDraw.Draw(canvas).text((_REACH * SUPERSAMPLING,) * 2, letter, 255, font, anchor="ls")
    ink = np.asarray(canvas.reduce(SUPERSAMPLING), np.float32) * ((INK_LEVELS - 1) / 255)
    levels = ink.round().astype(np.uint8)
    rows, columns = (np.flatnonzero(levels.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return (0, 0, 0, 0), np.zeros((0, 0), np.uint8)
    shown = levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return (int(columns[0]) - _REACH, int(rows[0]) - _REACH, shown.shape[1], shown.shape[0]), shown
