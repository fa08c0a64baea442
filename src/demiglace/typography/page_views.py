"""Pages tilted, bent and fitted into the pictures of a batch: maps from page to picture, and boxes moved with them.

A point of a page is tilted by a projective map, shifted along a wave (both as in `degradation`), moved by the margin
that makes the page fit its picture, and scaled to it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

TILT_SHARE, SIDE_SHARE, BEND_SHARE = 0.5, 0.35, 0.15  # as in `degradation.degrade`
MOST_DISTORTION = 1.1  # ours: allowed change of the aspect ratio; rounding to whole patches changes it by up to 1.2


@dataclass(frozen=True)
class PageViews:
    """The geometry of each page's view.

    forward: float64 (pages, 3, 3), page pixels to tilted ones. tilted: float64 (pages, 2), width and height after that.
    lifts: float64 (pages, 3), the wave of the bend: height in pixels, radians a pixel, phase.
    sizes: float64 (pages, 2), width and height of the view.
    offsets: float64 (pages, 2), position of the page in the view, after `fitted`.
    """

    forward: np.ndarray
    tilted: np.ndarray
    lifts: np.ndarray
    sizes: np.ndarray
    offsets: np.ndarray

    @property
    def are_flat(self) -> np.ndarray:
        """bool (pages,): neither tilted nor bent."""
        return (self.lifts[:, 0] == 0) & (self.forward == np.eye(3)).all(axis=(1, 2))

    def only(self, chosen: np.ndarray) -> PageViews:
        """The pages `chosen` (pages,), in that order."""
        return PageViews(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def boxes(self, boxes: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """Boxes float64 (pages, characters, 4) in page pixels -> hulls of the moved boxes, at `scales` (pages, 2)."""
        corners = boxes[..., [0, 1, 2, 1, 2, 3, 0, 3]].reshape(len(boxes), -1, 2)
        moved = np.concatenate([corners, np.ones((*corners.shape[:2], 1))], axis=2) @ self.forward.transpose(0, 2, 1)
        moved = np.clip(moved[..., :2] / moved[..., 2:], 0, self.tilted[:, None]).reshape(*boxes.shape[:2], 4, 2)
        hulls = np.concatenate([moved.min(axis=2), moved.max(axis=2)], axis=2)
        shifts = self._lift(hulls[..., [0, 2]])
        hulls[..., 1] += shifts.min(axis=2)
        hulls[..., 3] += shifts.max(axis=2)
        return (hulls + np.tile(self.offsets, 2)[:, None]) * np.tile(scales, 2)[:, None]

    def backward(self, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inverse at `scales` (pages, 2): float64 (pages, 3, 3), from picture pixels minus the wave to page pixels.

        Second: (pages, 3), the wave to subtract from y, as `lifts` but in pixels of the picture.
        """
        shrink = np.zeros((len(scales), 3, 3))
        shrink[:, 0, 0], shrink[:, 1, 1], shrink[:, 2, 2] = 1 / scales[:, 0], 1 / scales[:, 1], 1
        shrink[:, :2, 2] = -self.offsets
        height, rate, phase = self.lifts.T
        wave = np.stack([height * scales[:, 1], rate / scales[:, 0], phase - rate * self.offsets[:, 0]], axis=1)
        return np.linalg.inv(self.forward) @ shrink, wave

    def _lift(self, x: np.ndarray) -> np.ndarray:
        height, rate, phase = (column[:, None, None] for column in self.lifts.T)
        return (np.sin(phase + rate * x) + 1) / 2 * height


def draw_views(rng: np.random.Generator, sizes: np.ndarray, bands: np.ndarray, strengths: np.ndarray) -> PageViews:
    """Tilts some pages and bends some; sizes: (pages, 2); bands: (pages,), height from ascenders to descenders."""
    forward, tilted = _tilts(rng, sizes, strengths * (rng.random(len(sizes)) < TILT_SHARE))
    bent = strengths * (rng.random(len(sizes)) < BEND_SHARE)
    height = rng.uniform(0.05, 0.45, len(sizes)) * bands * bent
    rate = 2 * np.pi * rng.uniform(0.2, 0.8, len(sizes)) / tilted[:, 0]
    lifts = np.stack([height, rate, rng.uniform(0, 2 * np.pi, len(sizes))], axis=1)
    return PageViews(forward, tilted, lifts, tilted + np.stack([0 * height, height], axis=1), np.zeros_like(sizes))


def fitted(views: PageViews, shape: float, rng: np.random.Generator) -> PageViews:
    """Adds margins to pages whose aspect ratio differs from that of their picture by more than `MOST_DISTORTION`."""
    excess = views.sizes[:, 0] / views.sizes[:, 1] / shape
    wider, taller = np.maximum(1, 1 / (excess * MOST_DISTORTION)), np.maximum(1, excess / MOST_DISTORTION)
    sizes = views.sizes * np.stack([wider, taller], axis=1)
    offsets = (sizes - views.sizes) * rng.random((len(sizes), 2))
    return PageViews(views.forward, views.tilted, views.lifts, sizes, offsets)


def _tilts(rng: np.random.Generator, sizes: np.ndarray, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps and sizes of pages rotated by up to 2 degrees, some of them with a slight perspective."""
    angle = np.deg2rad(rng.uniform(-2, 2, len(sizes)) * strengths)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * sizes[:, None]
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    aside = strengths * (rng.random(len(sizes)) < SIDE_SHARE)
    jitter = rng.uniform(-0.06, 0.06, (len(sizes), 4, 2)) * (sizes[:, 1] * aside)[:, None, None]
    moved = corners @ turn + jitter
    moved -= moved.min(axis=1, keepdims=True)
    forward = np.where(
        (strengths > 0)[:, None, None], _homographies(corners, moved), np.eye(3)
    )  # exactly the identity at strength 0
    return forward, moved.max(axis=1)


def _homographies(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """float64 (maps, 3, 3): projective maps that each take four points to four points, both (maps, 4, 2)."""
    x, y = source[..., 0], source[..., 1]
    rows = np.zeros((len(source), 4, 2, 8))
    for axis in (0, 1):
        rows[:, :, axis, 3 * axis : 3 * axis + 3] = np.stack([x, y, np.ones_like(x)], axis=-1)
        rows[:, :, axis, 6:] = -target[..., axis, None] * source
    solved = np.linalg.solve(rows.reshape(-1, 8, 8), target.reshape(-1, 8, 1))[..., 0]
    return np.concatenate([solved, np.ones((len(solved), 1))], axis=1).reshape(-1, 3, 3)
