"""Pictures of random lines as tensors on any device, a batch at a time; `rendering.random_sample` draws one by one.

Texts, faces, styles and chances are drawn on the host by the functions that `rendering` uses, and the pages laid out
there by numpy (`draw_lines`). Composing, wearing and enlarging run on the device (`LineDrawing.levels`). Pages are
sorted by shape and dealt out to pictures of given sizes, so that every batch may have the same shapes.

A page smaller than its picture is composed and worn at its own size in the upper left corner, then enlarged, as the
processor enlarges small pictures: print stays as coarse as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from demiglace.documents.corruption.degradation import SMALLEST_BAND
from demiglace.typography import tensor_wear
from demiglace.typography.block_layout import Blocks, set_blocks
from demiglace.typography.composition import Composition, ink, lay_out
from demiglace.typography.glyph_atlas import GlyphAtlas
from demiglace.typography.glyph_columns import GlyphColumns
from demiglace.typography.ink_colours import Colour
from demiglace.typography.page_views import PageViews, draw_views, fitted
from demiglace.typography.rendering import MAX_PIXELS, random_lines
from demiglace.typography.resampling import KERNELS, enlarged
from demiglace.typography.style_samples import random_style
from demiglace.typography.tensor_wear import LAST_OFFSET, NUM_DRAWS, NoiseBank, Worn
from demiglace.typography.typesetting import TextStyle

CLEAN_SHARE = 0.25  # as in `rendering.degraded`
COARSE_CHANCE = 0.4  # as in `degradation`, of a lower resolution
SMALLEST_SHARE = 0.1  # ours: of its side, what a page fills at least before it is enlarged


@dataclass(frozen=True)
class LineDrawing:
    """What the pictures of one size are drawn from.

    chosen: for each of `tensor_wear.KINDS` the pictures that suffer it, int64. small: int64, those that are enlarged;
    shares: float32 (small pictures,), what each fills before; kernels: int64 (small pictures,), as in `resampling`.
    """

    composition: Composition
    worn: Worn
    chosen: list[Tensor]
    small: Tensor
    shares: Tensor
    kernels: Tensor

    def to(self, device: torch.device | str) -> LineDrawing:
        return LineDrawing(
            self.composition.to(device), self.worn.to(device), [chosen.to(device) for chosen in self.chosen],
            self.small.to(device), self.shares.to(device), self.kernels.to(device),
        )  # fmt: skip

    def levels(self, glyphs: GlyphColumns, bank: NoiseBank) -> Tensor:
        """The pictures, float32 (pictures, height, width), grey levels from 0 to 255."""
        cover = ink(self.composition, glyphs.table)
        levels = self.worn.papers + (self.worn.inks - self.worn.papers) * cover
        levels = tensor_wear.wear(levels, self.worn, self.chosen, bank)
        if len(self.small):
            levels[self.small] = enlarged(levels[self.small], self.shares, self.kernels).clamp(0, 255)
        return levels


@dataclass(frozen=True)
class DrawnLines:
    """A batch of pictures before it is rendered.

    texts: of each picture the lines, joined by newlines.
    letters: int64 (pictures, characters), index in `ALPHABET`, padded with `block_layout.NONE`; newlines are none.
    boxes: float32 (pictures, characters, 4), in pixels of the picture; 0 behind the last character.
    sizes: height and width of each picture; drawings: one for each run of pictures of a size.
    """

    texts: list[str]
    letters: Tensor
    boxes: Tensor
    sizes: list[tuple[int, int]]
    drawings: list[LineDrawing]


def draw_lines(
    rng: np.random.Generator,
    sizes: Sequence[tuple[int, int]],
    max_lines: int,
    max_characters: int,
    atlas: GlyphAtlas,
    glyphs: GlyphColumns,
) -> DrawnLines:
    """One picture of each of `sizes`, (height, width) in pixels from narrow to wide, of at most `max_lines` lines.

    Lines have together at most `max_characters` characters. The same state of `rng` gives the same pictures.
    """
    pages = draw_pages(rng, len(sizes), max_lines, max_characters, atlas)
    pages = pages.only(np.argsort(pages.shapes, kind="stable"))
    extents = np.array(sizes, float)[:, ::-1]
    views = fitted(pages.views, extents[:, 0] / extents[:, 1], rng)
    scales = extents / views.sizes
    letters, boxes = pages.blocks.characters
    boxes = np.where((letters >= 0)[..., None], views.boxes(boxes, scales), 0)
    coarseness, kernels = _coarseness(rng, pages)
    page_scale = np.sqrt(scales.prod(axis=1))
    shares = np.clip(coarseness / page_scale, SMALLEST_SHARE, 1)
    drawings = [
        _drawing(rng, pages.only(run), views.only(run), size, scales[run], shares[run], kernels[run], glyphs)
        for size, run in _runs(sizes)
    ]
    return DrawnLines(pages.texts, torch.from_numpy(letters), torch.from_numpy(boxes).float(), list(sizes), drawings)


@dataclass(frozen=True)
class Pages:
    """Pages laid out, and how they are seen. strengths: float64 (pages,); tones: (pages, 2), levels of ink, paper."""

    texts: list[str]
    blocks: Blocks
    views: PageViews
    strengths: np.ndarray
    tones: np.ndarray

    @property
    def shapes(self) -> np.ndarray:
        """float64 (pages,): width to height."""
        return np.asarray(self.views.sizes[:, 0] / self.views.sizes[:, 1])

    def only(self, chosen: np.ndarray) -> Pages:
        return Pages(
            [self.texts[page] for page in chosen], self.blocks.only(chosen), self.views.only(chosen),
            self.strengths[chosen], self.tones[chosen],
        )  # fmt: skip


def draw_pages(rng: np.random.Generator, count: int, max_lines: int, max_characters: int, atlas: GlyphAtlas) -> Pages:
    """Random pages as `rendering.random_sample` has them; their order is random."""
    texts = [random_lines(rng, max_lines, max_characters) for _ in range(count)]
    faces = np.searchsorted(atlas.face_weights, rng.random(count), side="right")
    styles = [random_style(rng, lines, atlas.faces[face], MAX_PIXELS) for lines, face in zip(texts, faces, strict=True)]
    blocks = set_blocks(texts, faces, styles, atlas)
    strengths = np.where(rng.random(count) < CLEAN_SHARE, 0.0, rng.beta(1.2, 1.6, count))
    views = draw_views(rng, blocks.sizes, blocks.bands.sum(axis=1), strengths)
    return Pages(["\n".join(lines) for lines in texts], blocks, views, strengths, _tones(styles))


def _tones(styles: Sequence[TextStyle]) -> np.ndarray:
    return np.array([[_luma(style.ink), _luma(style.paper)] for style in styles])


def _luma(colour: Colour) -> float:
    """Grey level of a colour (ITU-R BT.601), as PIL converts it."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _coarseness(rng: np.random.Generator, pages: Pages) -> tuple[np.ndarray, np.ndarray]:
    """Factor float64 (pages,) by which resolution is lost, and int64 (pages,) the kernel by which it is enlarged."""
    chance = COARSE_CHANCE * np.minimum(1, 0.3 + pages.strengths)
    hit = (rng.random(len(chance)) < chance) * pages.strengths
    least = np.clip(SMALLEST_BAND / pages.blocks.bands.sum(axis=1), 0.3, 1.0)
    factor = 1 - (1 - least) * hit * rng.uniform(0.2, 1.0, len(chance))
    kernels = rng.choice(len(KERNELS), len(chance), p=[0.4, 0.4, 0.2])
    return factor, np.where(hit > 0, kernels, 0)


def _runs(sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Each size with the pictures that have it one after the other."""
    for size, run in groupby(range(len(sizes)), key=lambda picture: sizes[picture]):
        yield size, np.array(list(run))


def _drawing(
    rng: np.random.Generator,
    pages: Pages,
    views: PageViews,
    size: tuple[int, int],
    scales: np.ndarray,
    shares: np.ndarray,
    kernels: np.ndarray,
    glyphs: GlyphColumns,
) -> LineDrawing:
    composition = lay_out(pages.blocks, views, size, scales * shares[:, None], glyphs)
    ratios = np.sqrt(scales.prod(axis=1)) * shares
    worn = Worn(
        strengths=_per_picture(pages.strengths),
        bands=_per_picture(pages.blocks.bands.sum(axis=1)),
        ratios=_per_picture(ratios),
        inks=_per_picture(pages.tones[:, 0]),
        papers=_per_picture(pages.tones[:, 1]),
        shares=_per_picture(shares),
        draws=torch.from_numpy(rng.random((len(shares), NUM_DRAWS), np.float32)),
        offsets=torch.from_numpy(rng.integers(0, LAST_OFFSET, len(shares))),
    )
    chosen = [torch.from_numpy(pictures) for pictures in tensor_wear.draw_kinds(rng, pages.strengths)]
    small = np.flatnonzero(shares < 1)
    enlarging = small, shares[small].astype(np.float32), kernels[small]
    return LineDrawing(composition, worn, chosen, *(torch.from_numpy(column) for column in enlarging))


def _per_picture(numbers: np.ndarray) -> Tensor:
    """float32 (pictures, 1, 1)."""
    return torch.from_numpy(numbers[:, None, None].astype(np.float32))
