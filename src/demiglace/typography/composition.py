"""Laid-out blocks -> the ink of pictures, as tensors on any device.

The ragged part (which column of which glyph goes where) is computed by numpy as index arrays. The dense part runs on
the device: columns of ink are gathered and added onto one canvas per picture, on which each strip has a band of rows,
and each pixel of the picture samples the canvas once, through tilt and bend.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from demiglace.batch import to_device
from demiglace.typography.block_layout import NONE, Blocks
from demiglace.typography.glyph_columns import LEVEL_CAPS, GlyphColumns, baseline_row, column_rows
from demiglace.typography.page_views import PageViews

PAD = 2  # blank columns of a canvas on both sides
FAR = 1e9  # rows: far below every picture


@dataclass(frozen=True)
class Composition:
    """The inputs from which the pictures of one size are composed. Axes: pictures, strips (the most of any picture).

    canvas_rows: of each strip. num_flat: the first `num_flat` pictures have neither tilt nor bend.
    sources, targets: int32 (columns,), rows of the table of glyphs, and the rows of the flattened canvas
        (pictures, canvas_width, strips) to which they are added.
    maps: float32 (pictures, 3, 3), from the centre of a pixel, shifted by its wave, to canvas column and level row.
    waves: float32 (pictures, 3), as returned by `PageViews.backward`.
    baselines: float32 (pictures, strips), level rows. bounds: (pictures, strips - 1), level rows between two strips.
    pages: float32 (pictures, 2), level rows of the page's top and bottom.
    origins: float32 (pictures,), `baseline_row`.
    rules: float32 (pictures, 4), canvas columns or level rows of the centres of a table's rules, left, top, right and
        bottom, far away if there is none. pens: (pictures, 2), half their thickness in pixels, across and down.
        steps: (pictures, 2), canvas columns and level rows per pixel.
    ruled: int64 (pictures,), indices of pictures with rules.
    """

    height: int
    width: int
    canvas_width: int
    canvas_rows: int
    num_flat: int
    sources: Tensor
    targets: Tensor
    maps: Tensor
    waves: Tensor
    baselines: Tensor
    bounds: Tensor
    pages: Tensor
    origins: Tensor
    rules: Tensor
    pens: Tensor
    steps: Tensor
    ruled: Tensor

    def to(self, device: torch.device | str) -> Composition:
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        tensors: dict[str, Any] = {
            name: to_device(value, device) for name, value in held.items() if torch.is_tensor(value)
        }
        return replace(self, **tensors)


def lay_out(
    blocks: Blocks, views: PageViews, size: tuple[int, int], scales: np.ndarray, glyphs: GlyphColumns
) -> Composition:
    """The composition of blocks into pictures of `size` (height, width) pixels.

    scales: float64 (pictures, 2), picture pixels per page pixel, across and down.
    """
    levels = _levels(blocks.caps * scales)
    to_level = np.array(LEVEL_CAPS)[levels, None] / blocks.caps
    page_widths = np.ceil(blocks.sizes[:, 0] * to_level[:, 0]).astype(np.int64)
    canvas_width = int(page_widths.max()) + 2 * PAD
    slots = np.arange(len(blocks.block_of)) - np.searchsorted(blocks.block_of, blocks.block_of)
    edges = blocks.edges * to_level[blocks.block_of, :1]
    columns = _letter_columns(blocks, edges, levels, glyphs), _underline_columns(blocks, edges, levels, glyphs)
    sources, strips, places = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    kept = (places >= 0) & (places < page_widths[blocks.block_of[strips]])
    sources, strips, places = sources[kept], strips[kept], places[kept]
    targets = (blocks.block_of[strips] * canvas_width + places + PAD) * (slots.max() + 1) + slots[strips]
    baselines = np.full((len(levels), slots.max() + 1), FAR)
    baselines[blocks.block_of, slots] = blocks.baselines * to_level[blocks.block_of, 1]
    bands = blocks.bands * to_level[:, 1:]
    middles = (baselines[:, :-1] + bands[:, 1:] + baselines[:, 1:] - bands[:, :1]) / 2
    backward, waves = views.backward(scales)
    to_canvas = np.eye(3) * np.append(to_level, np.ones((len(levels), 1)), axis=1)[:, None]
    to_canvas[:, 0, 2] = PAD
    pages = np.stack([np.zeros(len(levels)), blocks.sizes[:, 1] * to_level[:, 1]], axis=1)
    origins = np.array([baseline_row(cap) for cap in LEVEL_CAPS], float)[levels]
    rules, pens, steps = _rules(blocks, to_level, scales)
    return Composition(
        *size,
        canvas_width=canvas_width,
        canvas_rows=column_rows(LEVEL_CAPS[levels.min()]),
        num_flat=int(views.are_flat.cumprod().sum()),
        sources=torch.from_numpy(sources.astype(np.int32)),
        targets=torch.from_numpy(targets.astype(np.int32)),
        maps=_single(to_canvas @ backward),
        waves=_single(waves),
        baselines=_single(baselines),
        bounds=_single(middles),
        pages=_single(pages),
        origins=_single(origins),
        rules=_single(rules),
        pens=_single(pens),
        steps=_single(steps),
        ruled=torch.from_numpy(np.flatnonzero(~np.isnan(blocks.rules).all(axis=1))),
    )


def _single(numbers: np.ndarray) -> Tensor:
    return torch.from_numpy(numbers.astype(np.float32))


def _rules(blocks: Blocks, to_level: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`rules`, `pens` and `steps` of the composition."""
    half = blocks.caps / 30 + 0.25  # in pixels of the page
    inwards = np.nan_to_num(blocks.rules * np.tile(blocks.caps, 2) + np.tile(half, 2), nan=-FAR)
    middles = np.concatenate([inwards[:, :2], blocks.sizes - inwards[:, 2:]], axis=1) * np.tile(to_level, 2)
    middles[:, ::2] += PAD
    return middles, half * scales, to_level / scales


def _levels(caps: np.ndarray) -> np.ndarray:
    """int64 (pictures,): the level with the smallest glyphs not smaller than the letters; caps: (pictures, 2)."""
    octaves = np.log2(LEVEL_CAPS[0] / np.sqrt(caps.prod(axis=1)))
    return np.clip(np.floor(2 * octaves + 0.1), 0, len(LEVEL_CAPS) - 1).astype(np.int64)


def _letter_columns(
    blocks: Blocks, edges: np.ndarray, levels: np.ndarray, glyphs: GlyphColumns
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every column of every glyph: its row in the table, its strip, and its distance from the left of the page."""
    strips, characters = np.nonzero(blocks.letters != NONE)
    block = blocks.block_of[strips]
    glyph = levels[block], blocks.faces[block], blocks.letters[strips, characters]
    widths = glyphs.widths[glyph]
    first = np.round(edges[strips, characters]).astype(np.int64) + glyphs.lefts[glyph]
    which, steps = _ragged(widths)
    return glyphs.starts[glyph][which] + steps, strips[which], first[which] + steps


def _underline_columns(
    blocks: Blocks, edges: np.ndarray, levels: np.ndarray, glyphs: GlyphColumns
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    strips = np.flatnonzero(blocks.underlined)
    first, last = (np.round(edges[strips][:, end]).astype(np.int64) for end in (0, -1))
    which, steps = _ragged(last - first)
    return glyphs.underlines[levels[blocks.block_of[strips]]][which], strips[which], first[which] + steps


def _ragged(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For concatenated pieces of these lengths: the piece that each element belongs to, and its index in the piece."""
    which = np.repeat(np.arange(len(lengths)), lengths)
    return which, np.arange(len(which)) - (np.cumsum(lengths) - lengths)[which]


def ink(composition: Composition, table: Tensor) -> Tensor:
    """Ink coverage of each pixel: float32 (pictures, height, width), 0 to 1; `table` is that of `GlyphColumns`."""
    held = composition
    pictures, strips = held.baselines.shape
    canvas = torch.zeros(pictures * held.canvas_width * strips, held.canvas_rows, device=table.device)
    canvas.index_add_(0, held.targets, table[:, : held.canvas_rows].index_select(0, held.sources).float())
    canvas = canvas.view(pictures, 1, held.canvas_width, strips * held.canvas_rows)
    flat, warped = slice(held.num_flat), slice(held.num_flat, None)
    parts = [(flat, _flat_places(held, flat)), (warped, _warped_places(held, held.maps[warped], held.waves[warped]))]
    shown = [_sampled(held, part, places, canvas[part]) for part, places in parts if len(held.maps[part])]
    cover = torch.cat(shown).mul_(1 / 255).clamp_(max=1)  # letters may overlap
    if len(held.ruled):
        cover[held.ruled] = torch.maximum(cover[held.ruled], _rule_ink(held))
    return cover


def _sampled(composition: Composition, part: slice, places: tuple[Tensor, Tensor], canvas: Tensor) -> Tensor:
    """The ink on the canvas at column and level row of each pixel, (pictures, height, width)."""
    column, row = places[0], _canvas_row(composition, part, places[1])
    found = torch.empty(len(canvas), composition.height, composition.width, 2, device=canvas.device)
    # Canvas pixels have their centres at n + 1/2; with align_corners=False, -1 is the outer border of the first one.
    found[..., 0] = row * (2 / canvas.shape[3]) - 1
    found[..., 1] = column * (2 / canvas.shape[2]) - 1
    return F.grid_sample(canvas, found, align_corners=False)[:, 0]


def _flat_places(composition: Composition, part: slice) -> tuple[Tensor, Tensor]:
    """Canvas columns (pictures, 1, width) and level rows (pictures, height, 1) of the centres of pixels."""
    maps = composition.maps[part]
    x, y = (torch.arange(side, device=maps.device) + 0.5 for side in (composition.width, composition.height))
    column, row = (maps[:, axis, axis, None] * place + maps[:, axis, 2, None] for axis, place in ((0, x), (1, y)))
    return column[:, None], row[:, :, None]


def _warped_places(composition: Composition, maps: Tensor, waves: Tensor) -> tuple[Tensor, Tensor]:
    """Canvas columns and level rows of the centres of pixels, both (pictures, height, width)."""
    x, y = (torch.arange(side, device=maps.device) + 0.5 for side in (composition.width, composition.height))
    height, rate, phase = (column[:, None] for column in waves.unbind(1))
    y = y[:, None] - ((torch.sin(phase + rate * x) + 1) * (height / 2))[:, None]
    a, b, c, d, e, f, g, h, i = (entry[:, None, None] for entry in maps.flatten(1).unbind(1))
    nearness = (h * y).add_(g * x + i).reciprocal_()
    return (b * y).add_(a * x + c).mul_(nearness), (e * y).add_(d * x + f).mul_(nearness)


def _canvas_row(composition: Composition, part: slice, row: Tensor) -> Tensor:
    """The canvas row, in the right strip, of each level row; outside the page a blank row."""
    held, rows = composition, composition.canvas_rows
    origins, baselines, bounds, pages = (
        numbers[part][..., None, None] for numbers in (held.origins, held.baselines, held.bounds, held.pages)
    )
    inside = row - (baselines[:, 0] - origins)
    slot: Tensor | float = 0.0
    for above in range(bounds.shape[1]):
        below = (row > bounds[:, above]).float()
        inside = inside - below * (baselines[:, above + 1] - baselines[:, above])
        slot = slot + below * rows
    return (inside.clamp_(0.5, rows - 0.5) + slot).masked_fill_((row < pages[:, 0]) | (row > pages[:, 1]), 0.5)


def _rule_ink(composition: Composition) -> Tensor:
    """Share of each pixel that the rules of a table cover, for the pictures that have rules."""
    held = composition
    places = _warped_places(held, held.maps[held.ruled], held.waves[held.ruled])
    cover = torch.zeros_like(places[0])
    for side in range(4):
        axis = side % 2
        middle, pen, step = (
            numbers[held.ruled][:, None, None]
            for numbers in (held.rules[:, side], held.pens[:, axis], held.steps[:, axis])
        )
        cover = torch.maximum(cover, (pen + 0.5 - (places[axis] - middle).abs() / step).clamp(0, 1))
    return cover
