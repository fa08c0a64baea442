"""Degradation ("wear") of many pictures at once, on any device: the kinds of `degradation` as tensor operations.

Probabilities and strengths are those of `degradation`. Which kinds apply to which picture is drawn beforehand on the
host, so that it never waits for the GPU; noise is sliced from one bank of random numbers, the same on every device.

Levels are float32 (pictures, height, width) from 0 to 255. Tilt, bend and reduced resolution are part of the geometry
(`page_views`, `line_pictures`). For a page larger than its picture, wear is weakened as reducing it would weaken it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from demiglace.typography.resampling import blurred, spread
from demiglace.typography.wear_chances import Chance, NoiseBank, Worn

_LUMINANCE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_FREQUENCIES, _PLACES = torch.arange(8.0)[:, None], torch.arange(8.0)
_DCT = torch.cos((2 * _PLACES + 1) * _FREQUENCIES * torch.pi / 16) * torch.where(_FREQUENCIES == 0, 0.125, 0.25).sqrt()


Wear = Callable[[Tensor, Worn, NoiseBank], Tensor]


def run_ink(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Ink that runs: a blend with the darkest neighbour."""
    return _blended(levels, _extreme(levels, torch.minimum), worn, 0.8)


def thin_strokes(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Strokes worn thin: a blend with the lightest neighbour."""
    return _blended(levels, _extreme(levels, torch.maximum), worn, 0.6)


def lose_spots(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Ink missing in spots, whose size is an eighth to a thirtieth of that of the letters."""
    height, width = levels.shape[1:]
    cell = (worn.bands * worn.ratios / worn.draw(0, 8, 30)).clamp(min=1)
    y, x = (torch.arange(side, device=levels.device) for side in (height, width))
    places = (y[:, None] / cell).long() * width + (x / cell).long()
    missing = (bank.uniform[worn.offsets[:, None, None] + places] < worn.draw(1, 0.05, 0.35)).float()
    return _faded(levels, _smoothed(missing), worn)


def lose_rows(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Rows without ink, as from a worn print head."""
    missing = worn.noise(bank.uniform, levels.shape[1], 1) < worn.draw(1, 0.03, 0.12)
    return _faded(levels, missing.float() * worn.ratios.clamp(max=1), worn)


def lose_dots(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Gaps between the dots of a matrix printer; missing rows, as `lose_rows`, if letters are small."""
    period = worn.bands * worn.ratios / worn.draw(0, 9, 13)
    y, x = (torch.arange(side, device=levels.device) * (2 * torch.pi) for side in levels.shape[1:])
    missing = (0.5 - (torch.cos(y[:, None] / period) + torch.cos(x / period)) / 3).clamp(0, 1)
    return torch.where(period < 2, lose_rows(levels, worn, bank), _faded(levels, missing, worn))


def shade(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Uneven light."""
    return _dimmed(levels, worn.strengths * worn.draw(0, 0.05, 0.4), worn, bank, 2)


def rumple(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Uneven paper."""
    return _dimmed(levels, worn.strengths * worn.draw(0, 0, 0.12), worn, bank, max(3, levels.shape[1] // 8))


def stain(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Blots and folds: one to three soft patches, darker or lighter."""
    height, width = levels.shape[1:]
    y, x = (torch.arange(side, device=levels.device) for side in (height, width))
    cover = torch.zeros_like(levels)
    for blot in range(3):
        across, down = (
            worn.draw(4 * blot + i) * worn.column(Chance.SHARE) * side for i, side in enumerate((width, height))
        )
        radii = [worn.draw(4 * blot + i, 0.2, 2.5) * worn.bands * worn.ratios for i in (2, 3)]
        distance = ((x - across) / radii[0]) ** 2 + ((y[:, None] - down) / radii[1]) ** 2
        cover = torch.maximum(cover, (2 - 2 * distance).clamp(0, 1) * (worn.draw(12) * 3 > blot))
    kind = worn.draw(13) * 3
    target = torch.where(kind < 1, 40.0, torch.where(kind < 2, 120.0, 255.0))
    return levels + (target - levels) * cover * ((0.1 + 0.35 * (kind - kind.floor())) * worn.strengths)


def defocus(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Defocus blur."""
    radii = _blur_radii(worn).clamp(min=0.05)
    return blurred(levels, radii, -torch.ones(len(radii), 2, device=radii.device))


def shake(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Motion blur along rows or columns."""
    radii, along = _blur_radii(worn), (worn.draw(1).flatten() < 0.6).float()
    return blurred(levels, radii.clamp(min=0.05), 1.6 * radii[:, None] * torch.stack([1 - along, along], dim=1))


def add_grain(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Grain of a sensor."""
    scale = worn.draw(0, 3, 28) * worn.strengths * worn.ratios.clamp(max=1)
    return (levels + worn.noise(bank.normal, *levels.shape[1:]) * scale).clamp(0, 255)


def add_specks(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Specks of salt and pepper."""
    specks, share = worn.noise(bank.uniform, *levels.shape[1:]), worn.draw(0, 0.002, 0.03) * worn.strengths
    target = torch.where(specks < share, 0.0, torch.where(specks > 1 - share, 255.0, levels))
    return levels + (target - levels) * worn.ratios.clamp(max=1)


def binarise(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Two levels, with an uneven threshold; a ramp between them if the scan was larger than the picture."""
    contrast = worn.inks - worn.papers
    spread = contrast.abs() * worn.draw(1, 0, 0.18) * worn.strengths
    above = (
        levels + worn.noise(bank.normal, *levels.shape[1:]) * spread - worn.papers - contrast * worn.draw(0, 0.35, 0.6)
    )
    return (above / (contrast.abs() * (1 - worn.ratios).clamp(min=0.02)) + 0.5).clamp(0, 1) * 255


def compress(levels: Tensor, worn: Worn, bank: NoiseBank) -> Tensor:
    """Quantised in blocks of 8 by 8 as by JPEG (ITU T.81, table K.1), at a quality from 95 down to 25."""
    height, width = levels.shape[1:]
    quality = 95 - 70 * worn.strengths * worn.draw(0, 0.3, 1.0)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50) * worn.ratios.clamp(max=1)
    steps = (_LUMINANCE.to(levels.device) * scale).round().clamp(1, 255)[:, None, None]
    padded = F.pad(levels - 128, (0, -width % 8, 0, -height % 8), mode="replicate")
    transform = _DCT.to(levels.device)
    blocks = padded.unflatten(1, (-1, 8)).unflatten(3, (-1, 8)).transpose(2, 3)
    frequencies = transform @ blocks @ transform.T
    restored = transform.T @ ((frequencies / steps).round() * steps) @ transform
    return (restored.transpose(2, 3).flatten(3).flatten(1, 2)[:, :height, :width] + 128).clamp(0, 255)


def _blended(levels: Tensor, other: Tensor, worn: Worn, small: float) -> Tensor:
    most = torch.where(worn.bands > 24, 1.0, worn.bands / 24 * small)
    return levels + (other - levels) * (worn.draw(0, 0.2, 1.0) * worn.strengths * most * worn.ratios.clamp(max=1))


def _extreme(levels: Tensor, of_two: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The darkest or lightest of the 3 by 3 pixels around each pixel."""
    padded = F.pad(levels, (1, 1, 1, 1), mode="replicate")
    rows = of_two(of_two(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    return of_two(of_two(rows[..., :-2], rows[..., 1:-1]), rows[..., 2:])


def _faded(levels: Tensor, missing: Tensor, worn: Worn) -> Tensor:
    return levels + (worn.papers - levels) * missing * (worn.draw(2, 0.3, 0.9) * worn.strengths)


def _dimmed(levels: Tensor, depth: Tensor, worn: Worn, bank: NoiseBank, cells: int) -> Tensor:
    """Darkened by up to `depth`, by smooth random values over `cells` cells of the height."""
    height, width = levels.shape[1:]
    drawn = worn.noise(bank.uniform, max(2, min(height, cells)), max(2, min(width, round(cells * width / height))))
    return levels * spread(1 - depth * drawn, height, width)


def _blur_radii(worn: Worn) -> Tensor:
    radii = worn.draw(0, 0.2, 1.0) * worn.strengths * (worn.bands * 0.055).clamp(0.5, 3.0)
    return (radii * worn.ratios).flatten()


def _smoothed(values: Tensor) -> Tensor:
    """Mean of each pixel and its neighbours, weighted 1, 2, 1 along both axes."""
    padded = F.pad(values, (1, 1, 1, 1), mode="replicate")
    rows = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4


# each with its probability at full strength, in the order of application; probabilities are those of `degradation`
KINDS: tuple[tuple[Wear, float], ...] = (
    *((run_ink, 0.15), (thin_strokes, 0.1), (lose_spots, 0.135), (lose_rows, 0.075), (lose_dots, 0.09)),
    *(
        (shade, 0.35),
        (rumple, 0.175),
        (stain, 0.15),
        (defocus, 0.3),
        (shake, 0.1),
        (add_grain, 0.28),
        (add_specks, 0.12),
    ),
    *((binarise, 0.22), (compress, 0.45)),
)


def draw_kinds(rng: np.random.Generator, strengths: np.ndarray) -> list[np.ndarray]:
    """For each of `KINDS` the pictures that it applies to, int64 ascending; none at strength 0."""
    chances = np.array([chance for _, chance in KINDS])[:, None] * np.minimum(1, 0.3 + strengths) * (strengths > 0)
    return [np.flatnonzero(row) for row in rng.random(chances.shape) < chances]


def wear(levels: Tensor, worn: Worn, chosen: list[Tensor], bank: NoiseBank) -> Tensor:
    """Degrades `levels` in place; chosen: for each of `KINDS` the pictures, int64 on the device.

    Each kind reads a picture's uniform numbers and the bank from a different offset.
    """
    for number, ((kind, _), pictures) in enumerate(zip(KINDS, chosen, strict=True)):
        if len(pictures):
            part = worn.only(pictures).turned(number)
            levels.index_copy_(0, pictures, kind(levels.index_select(0, pictures), part, bank))
    return levels
