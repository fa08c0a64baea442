"""Pictures enlarged and blurred, each by its own parameters, on any device.

Both are products with one matrix down and one across; only the few entries that are not zero are computed.
"""

from __future__ import annotations

import torch
from torch import Tensor

KERNELS = ("bicubic", "bilinear", "nearest")
BLUR_REACH = 8  # pixels, ours: the widest Gaussian blur, 3 pixels, is cut at 2.7 standard deviations


def enlarged(pictures: Tensor, size: tuple[int, int], shares: Tensor, kernels: Tensor) -> Tensor:
    """The upper left corners of pictures, enlarged to `size` (height, width) as by PIL.

    pictures: float32 (pictures, height, width), at least as large as the corners; shares: float32 (pictures,), sides
    of a corner as a share of `size`; kernels: int64 (pictures,), index in `KERNELS`.
    """
    down, across = (_enlargement(size[axis], pictures.shape[axis + 1], shares, kernels) for axis in (0, 1))
    return down @ (pictures @ across.transpose(1, 2))  # in this order less is computed of wide pictures


def blurred(pictures: Tensor, deviations: Tensor, reaches: Tensor) -> Tensor:
    """Blurred down and across, by a Gaussian or a box.

    deviations: float32 (pictures,), standard deviations of the Gaussian in pixels, above 0. reaches: (pictures, 2),
    radii of the box in pixels, down and across, its middle not counted; below 0 the Gaussian is used.
    """
    offsets = torch.arange(-BLUR_REACH, BLUR_REACH + 1, device=pictures.device)
    curve = torch.exp(-((offsets / deviations[:, None]) ** 2) / 2)
    boxes = [(reaches[:, axis, None] + 1 - offsets.abs()).clamp(0, 1) for axis in (0, 1)]
    weights = [torch.where(reaches[:, axis, None] < 0, curve, boxes[axis]) for axis in (0, 1)]
    down, across = (_blur(pictures.shape[axis + 1], offsets, weights[axis]) for axis in (0, 1))
    return down @ (pictures @ across.transpose(1, 2))  # in this order less is computed of wide pictures


def spread(values: Tensor, height: int, width: int) -> Tensor:
    """(pictures, rows, columns) enlarged to (pictures, height, width) by the bicubic kernel."""
    one, bicubic = torch.ones(1, device=values.device), torch.zeros(1, dtype=torch.int64, device=values.device)
    sides = (height, values.shape[1]), (width, values.shape[2])
    down, across = (_enlargement(side, held, one * (held / side), bicubic)[0] for side, held in sides)
    return down @ values @ across.T


def _enlargement(side: int, held: int, shares: Tensor, kernels: Tensor) -> Tensor:
    """float32 (pictures, side, held): the weight of each of `held` old pixels in a new one."""
    places = (torch.arange(side, device=shares.device) + 0.5) * shares[:, None] - 0.5
    taps = places.floor()[..., None] + torch.arange(-1, 3, device=shares.device)
    distances = (places[..., None] - taps).abs()
    kernels = kernels[:, None, None]
    weights = torch.where(kernels == 0, _bicubic(distances), (1 - distances).clamp(min=0))
    weights = torch.where(kernels == 2, (distances < 0.5).float(), weights)
    weights = weights * ((taps >= 0) & (taps < shares[:, None, None] * side))
    return _banded(weights, taps.long(), held)


def _blur(side: int, offsets: Tensor, weights: Tensor) -> Tensor:
    taps = torch.arange(side, device=weights.device)[:, None] + offsets
    inside = (taps >= 0) & (taps < side)
    return _banded(weights[:, None] * inside, taps.expand(len(weights), -1, -1), side)


def _banded(weights: Tensor, taps: Tensor, columns: int) -> Tensor:
    """(pictures, side, columns) with `weights` (pictures, side, taps) at the columns `taps`, rows normalised to 1.

    Taps outside the matrix get weight 0.
    """
    weights = weights / weights.sum(dim=2, keepdim=True).clamp(min=1e-3)
    matrix = weights.new_zeros(*weights.shape[:2], columns)
    return matrix.scatter_add_(2, taps.clamp(0, columns - 1), weights)


def _bicubic(distance: Tensor) -> Tensor:
    """Keys' kernel with a = -1/2, as in PIL."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))
