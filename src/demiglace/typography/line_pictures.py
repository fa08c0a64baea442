"""Pictures of random lines as tensors on any device, a batch at a time; `rendering.random_sample` draws one by one.

Texts, faces, styles and random numbers are drawn on the host by the functions that `rendering` uses; pages are laid
out there by numpy (`draw_lines`). Composing, degrading and enlarging run on the device (`LineDrawing.levels`). Pages
are sorted by aspect ratio and assigned to pictures of given sizes, so that every batch can have the same shapes.

A page smaller than its picture is composed and degraded at its own size in the upper left corner, then enlarged, as the
processor enlarges small pictures: print stays as coarse as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from demiglace.batch import to_device
from demiglace.documents.corruption.degradation import SMALLEST_BAND
from demiglace.typography import tensor_wear
from demiglace.typography.block_layout import NONE, Blocks, set_blocks
from demiglace.typography.composition import Composition, ink, lay_out
from demiglace.typography.glyph_atlas import GlyphAtlas
from demiglace.typography.glyph_columns import GlyphColumns
from demiglace.typography.ink_colours import Colour
from demiglace.typography.page_views import PageViews, draw_views, fitted
from demiglace.typography.rendering import MAX_PIXELS, random_lines
from demiglace.typography.resampling import KERNELS, enlarged
from demiglace.typography.style_samples import USUAL_GAPS, WordGaps, random_style
from demiglace.typography.typesetting import TextStyle
from demiglace.typography.wear_chances import LAST_OFFSET, NUM_DRAWS, NoiseBank, Worn

CLEAN_SHARE = 0.25  # as in `rendering.degraded`
COARSE_CHANCE = 0.4  # probability of reduced resolution, as in `degradation`
TINTED_SHARE = 0.3  # ours, as are the shares by which black and white are tinted
SHARE_STEPS = (0.55, 1.0)  # ours: pages that fill less than this share of their side, more, or all, are drawn apart
SMALLEST_SHARE = 0.1  # ours: least share of its side that a page fills before it is enlarged


@dataclass(frozen=True)
class LineDrawing:
    """The inputs for drawing pictures of one size that are enlarged by similar factors.

    size: height and width. is_enlarged: whether pictures are enlarged.
    chosen: for each of `tensor_wear.KINDS` the pictures that it applies to, int64.
    shares: float32 (pictures,), share of its sides that a page fills before it is enlarged; kernels: int64
        (pictures,), as in `resampling`.
    """

    size: tuple[int, int]
    is_enlarged: bool
    composition: Composition
    worn: Worn
    chosen: list[Tensor]
    shares: Tensor
    kernels: Tensor

    def to(self, device: torch.device | str) -> LineDrawing:
        return replace(
            self,
            composition=self.composition.to(device),
            worn=self.worn.to(device),
            chosen=[to_device(pictures, device) for pictures in self.chosen],
            shares=to_device(self.shares, device),
            kernels=to_device(self.kernels, device),
        )

    def levels(self, table: Tensor, bank: NoiseBank) -> Tensor:
        """The pictures, float32 (pictures, height, width), grey levels from 0 to 255; table: of `GlyphColumns`."""
        levels = ink(self.composition, table).mul_(self.worn.inks - self.worn.papers).add_(self.worn.papers)
        levels = tensor_wear.wear(levels, self.worn, self.chosen, bank)
        if self.is_enlarged:
            levels = enlarged(levels, self.size, self.shares, self.kernels)
        return levels.clamp_(0, 255)


@dataclass(frozen=True)
class DrawnLines:
    """Pictures of one size before they are rendered.

    size: height and width. texts: the lines of each picture, joined by newlines.
    letters: int64 (pictures, characters), index in `ALPHABET`, padded with `block_layout.NONE`; without newlines.
    boxes: float32 (pictures, characters, 4), in pixels of the picture; 0 after the last character.
    tints: float32 (pictures, 2, 3), the colours that black and white have, as shares of red, green and blue.
    drawings: one for each run of pictures that are enlarged by similar factors, in order.
    """

    size: tuple[int, int]
    texts: list[str]
    letters: Tensor
    boxes: Tensor
    tints: Tensor
    drawings: list[LineDrawing]


def draw_lines(
    rng: np.random.Generator,
    sizes: Sequence[tuple[int, int]],
    run: int,
    max_lines: int,
    max_characters: int,
    atlas: GlyphAtlas,
    glyphs: GlyphColumns,
    gaps: WordGaps = USUAL_GAPS,
) -> list[DrawnLines]:
    """`run` pictures of each of `sizes`, (height, width) in pixels from narrow to wide, of at most `max_lines` lines.

    The lines of a picture have at most `max_characters` characters. The same state of `rng` gives the same pictures.
    """
    pages = draw_pages(rng, run * len(sizes), max_lines, max_characters, atlas, gaps)
    pages = pages.only(np.argsort(pages.shapes, kind="stable"))
    return [
        _draw_run(rng, pages.only(np.arange(run * number, run * (number + 1))), size, glyphs)
        for number, size in enumerate(sizes)
    ]


def _draw_run(rng: np.random.Generator, pages: Pages, size: tuple[int, int], glyphs: GlyphColumns) -> DrawnLines:
    """Pages as pictures of one size, reordered: pages that fill the smallest share, and are enlarged most, first."""
    pages = replace(pages, views=fitted(pages.views, size[1] / size[0], rng))
    scales = np.array(size[::-1]) / pages.views.sizes
    coarseness, kernels = _coarseness(rng, pages)
    shares = np.clip(coarseness / np.sqrt(scales.prod(axis=1)), SMALLEST_SHARE, 1)
    steps = np.searchsorted(SHARE_STEPS, shares, side="right")
    order = np.lexsort((~pages.views.are_flat, steps))
    pages, scales, shares, kernels = pages.only(order), scales[order], shares[order], kernels[order]
    letters, boxes = pages.blocks.characters
    boxes = np.where((letters != NONE)[..., None], pages.views.boxes(boxes, scales), 0).astype(np.float32)
    alike = np.split(np.arange(len(order)), np.flatnonzero(np.diff(steps[order])) + 1)
    drawings = [
        _drawing(rng, pages.only(part), size, scales[part], shares[part], kernels[part], glyphs) for part in alike
    ]
    tints = torch.from_numpy(_tints(rng, len(order)))
    return DrawnLines(size, pages.texts, torch.from_numpy(letters), torch.from_numpy(boxes), tints, drawings)


@dataclass(frozen=True)
class Pages:
    """Laid-out pages and their views. strengths: float64 (pages,); tones: (pages, 2), levels of ink and paper."""

    texts: list[str]
    blocks: Blocks
    views: PageViews
    strengths: np.ndarray
    tones: np.ndarray

    @property
    def shapes(self) -> np.ndarray:
        """float64 (pages,): width / height."""
        return np.asarray(self.views.sizes[:, 0] / self.views.sizes[:, 1])

    def only(self, chosen: np.ndarray) -> Pages:
        return Pages(
            [self.texts[page] for page in chosen], self.blocks.only(chosen), self.views.only(chosen),
            self.strengths[chosen], self.tones[chosen],
        )  # fmt: skip


def draw_pages(
    rng: np.random.Generator,
    count: int,
    max_lines: int,
    max_characters: int,
    atlas: GlyphAtlas,
    gaps: WordGaps = USUAL_GAPS,
) -> Pages:
    """Random pages, distributed as in `rendering.random_sample`, in random order."""
    texts = [random_lines(rng, max_lines, max_characters) for _ in range(count)]
    faces = np.searchsorted(atlas.face_weights, rng.random(count), side="right")
    styles = [
        random_style(rng, lines, atlas.faces[face], MAX_PIXELS, gaps) for lines, face in zip(texts, faces, strict=True)
    ]
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


def _tints(rng: np.random.Generator, count: int) -> np.ndarray:
    """float32 (pictures, 2, 3): the colours for black and white, tinted in some pictures."""
    tinted = (rng.random((count, 1, 1)) < TINTED_SHARE) * rng.random((count, 2, 3)) * np.array([[0.25], [0.15]])
    return np.abs(tinted - np.array([[0.0], [1.0]])).astype(np.float32)


def _coarseness(rng: np.random.Generator, pages: Pages) -> tuple[np.ndarray, np.ndarray]:
    """float64 (pages,), the factor by which resolution is reduced, and int64 (pages,), the kernel for enlarging."""
    chance = COARSE_CHANCE * np.minimum(1, 0.3 + pages.strengths)
    hit = (rng.random(len(chance)) < chance) * pages.strengths
    least = np.clip(SMALLEST_BAND / pages.blocks.bands.sum(axis=1), 0.3, 1.0)
    factor = 1 - (1 - least) * hit * rng.uniform(0.2, 1.0, len(chance))
    kernels = rng.choice(len(KERNELS), len(chance), p=[0.4, 0.4, 0.2])
    return factor, np.where(hit > 0, kernels, 0)


def _drawing(
    rng: np.random.Generator,
    pages: Pages,
    size: tuple[int, int],
    scales: np.ndarray,
    shares: np.ndarray,
    kernels: np.ndarray,
    glyphs: GlyphColumns,
) -> LineDrawing:
    height, width = (int(np.ceil(side * shares.max())) for side in size)
    composition = lay_out(pages.blocks, pages.views, (height, width), scales * shares[:, None], glyphs)
    count = len(shares)
    known = [
        *(pages.strengths, pages.blocks.bands.sum(axis=1), np.sqrt(scales.prod(axis=1)) * shares),
        *(pages.tones[:, 0], pages.tones[:, 1], shares / shares.max()),
    ]
    numbers = np.concatenate([np.stack(known, axis=1), rng.random((count, NUM_DRAWS))], axis=1).astype(np.float32)
    worn = Worn(torch.from_numpy(numbers), torch.from_numpy(rng.integers(0, LAST_OFFSET, count)))
    chosen = [torch.from_numpy(pictures) for pictures in tensor_wear.draw_kinds(rng, pages.strengths)]
    enlarging = torch.from_numpy(shares.astype(np.float32)), torch.from_numpy(kernels)
    return LineDrawing(size, bool(shares.min() < 1), composition, worn, chosen, *enlarging)
