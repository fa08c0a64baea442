"""The labels of `glyph_labels` for many pictures of one size at once, from boxes on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from demiglace.batch import IGNORE
from demiglace.bootstrap.collate import PictureLabels
from demiglace.bootstrap.glyph_labels import BLANK, CELL_COLUMNS, CELL_ROWS


def label_pictures(
    classes: Tensor,
    boxes: Tensor,
    grid: tuple[int, int],
    patch_size: int,
    num_places: int,
    num_frames: int,
    frames_per_token: int,
) -> PictureLabels:
    """Labels of pictures of `grid` (height, width) patches, equal to those of `glyph_labels.label`.

    classes: int64 (pictures, characters) from 1, in reading order, 0 after the last; no text may be empty. boxes:
    float32 (pictures, characters, 4) as left, top, right, bottom in pixels, 0 after the last.
    """
    widths = (boxes[..., 2] - boxes[..., 0]).double().clamp(min=1e-3) * (classes > 0)
    ends = widths.cumsum(dim=1)
    cells, halves = _cells(classes, boxes, grid, patch_size)
    frames, frame_halves = _frames(classes, widths, ends, num_frames)
    return PictureLabels(
        cells=cells,
        cell_halves=halves,
        places=_places(boxes, widths, ends, grid, patch_size, num_places),
        frames=frames.view(-1, frames_per_token),
        frame_halves=frame_halves.view(-1, frames_per_token),
    )


def letter_places(classes: Tensor, boxes: Tensor, num_places: int) -> Tensor:
    """uint8 (pictures, characters), as `GlyphLabels.letter_places`; meaningless after the last character."""
    widths = (boxes[..., 2] - boxes[..., 0]).double().clamp(min=1e-3) * (classes > 0)
    ends = widths.cumsum(dim=1)
    centres = ((ends - widths) + ends) / 2 / ends[:, -1:]
    return (centres * num_places).clamp(0, num_places - 1).to(torch.uint8)


def _under(boxes: Tensor, grid: tuple[int, int], patch_size: int, rows: int, columns: int) -> tuple[Tensor, ...]:
    """For the centres of cells: whether a character covers it, which one (the first of several), and how far across.

    A patch has `rows` by `columns` cells; all three are (pictures, patches, cells of a patch).
    """
    (height, width), device = grid, boxes.device
    y = (torch.arange(height * rows, device=device) + 0.5) * (patch_size / rows)
    x = (torch.arange(width * columns, device=device) + 0.5) * (patch_size / columns)
    left, top, right, bottom = (side[..., None] for side in boxes.unbind(2))
    rank = torch.arange(boxes.shape[1], 0, -1, device=device, dtype=torch.int16)[:, None]  # the first is highest
    beside = ((left <= x) & (x < right)) * rank
    below = ((top <= y) & (y < bottom)).to(torch.int16)
    found = (beside[:, :, None] * below[..., None]).amax(dim=1).long()
    which = (boxes.shape[1] - found).clamp(max=boxes.shape[1] - 1).flatten(1)
    start, end = (side.squeeze(2).double().gather(1, which) for side in (left, right))
    across = (x.double().repeat(height * rows) - start) / (end - start).clamp(min=1e-3)
    by_patch = (height, rows, width, columns)
    return tuple(
        values.reshape(-1, *by_patch).transpose(2, 3).reshape(len(boxes), height * width, rows * columns)
        for values in (found > 0, which, across)
    )


def _cells(classes: Tensor, boxes: Tensor, grid: tuple[int, int], patch_size: int) -> tuple[Tensor, Tensor]:
    covered, which, across = _under(boxes, grid, patch_size, CELL_ROWS, CELL_COLUMNS)
    under = classes.gather(1, which.flatten(1)).view_as(which)
    cells, halves = torch.where(covered, under, BLANK), covered & (across >= 0.5)
    return cells.flatten(0, 1), halves.flatten(0, 1).long()


def _places(
    boxes: Tensor, widths: Tensor, ends: Tensor, grid: tuple[int, int], patch_size: int, num_places: int
) -> Tensor:
    covered, which, across = (values.squeeze(2) for values in _under(boxes, grid, patch_size, 1, 1))
    share = ((ends - widths).gather(1, which) + across * widths.gather(1, which)) / ends[:, -1:]
    return torch.where(covered, (share * num_places).clamp(0, num_places - 1).long(), IGNORE).flatten()


def _frames(classes: Tensor, widths: Tensor, ends: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    steps = (torch.arange(num_frames, device=ends.device).double() + 0.5) / num_frames * ends[:, -1:]
    last = (classes > 0).sum(dim=1, keepdim=True) - 1
    which = torch.minimum(torch.searchsorted(ends, steps, right=True), last)
    across = (steps - (ends - widths).gather(1, which)) / widths.gather(1, which)
    return classes.gather(1, which), (across >= 0.5).long()
