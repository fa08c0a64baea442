"""Degradation of an image of text as by print, paper, scanners, cameras and compression; boxes are transformed too.

Every degradation has a strength in 0..1. Sizes scale with the letters, so that small print stays legible.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

SMALLEST_BAND = 10.0  # pixels from ascenders to descenders: `coarsen` does not shrink letters below this


def degrade(
    rng: np.random.Generator, picture: np.ndarray, boxes: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Degrade an image: print, paper, geometry, optics, sensor, bilevel scan and JPEG, each with some probability.

    picture: uint8 (height, width) or (height, width, 3); boxes: float32 (characters, 4) in pixels.
    Returns new arrays; boxes are the axis-aligned hulls of the moved corners. Strength 0 leaves every pixel as it was.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie in 0..1, got {strength}")
    if strength == 0:
        return picture, boxes
    band = float(np.median(boxes[:, 3] - boxes[:, 1])) if len(boxes) else picture.shape[0] / 2
    for degradation, chance in _ON_PAPER:
        if rng.random() < chance * min(1.0, 0.3 + strength):
            picture = degradation(rng, picture, band, strength)
    if rng.random() < 0.5:
        picture, boxes = tilt(rng, picture, boxes, strength)
    if rng.random() < 0.15:
        picture, boxes = bend(rng, picture, boxes, band, strength)
    for degradation, chance in _IN_THE_SCANNER:
        if rng.random() < chance * min(1.0, 0.3 + strength):
            picture = degradation(rng, picture, band, strength)
    return picture, boxes


def spread_ink(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Ink that runs, or strokes worn thin: a blend with the darkest or lightest neighbour."""
    image = Image.fromarray(picture)
    darker = rng.random() < 0.6
    size = 5 if band > 50 and darker else 3
    filtered = image.filter(ImageFilter.MinFilter(size) if darker else ImageFilter.MaxFilter(size))
    most = 1.0 if band > 24 else band / 24 * (0.8 if darker else 0.6)
    return np.asarray(Image.blend(image, filtered, float(rng.uniform(0.2, 1.0) * strength * most)))


def break_strokes(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Ink missing in spots, in rows (a worn print head) or between the dots of a matrix printer."""
    height, width = picture.shape[:2]
    kind = rng.random()
    if kind < 0.45:
        cell = max(1.0, band / rng.uniform(8, 30))
        cells = rng.random((max(1, round(height / cell)), max(1, round(width / cell))))
        missing = resized((cells < rng.uniform(0.05, 0.35)).astype(np.float32), width, height)
    elif kind < 0.7 or band < 26:
        rows = np.less(rng.random((height, 1)), rng.uniform(0.03, 0.12))
        missing = np.broadcast_to(rows.astype(np.float32), (height, width))
    else:
        period = band / rng.uniform(9, 13)
        y, x = np.arange(height)[:, None], np.arange(width)[None]
        waves = np.cos(2 * np.pi * y / period) + np.cos(2 * np.pi * x / period)
        missing = (0.5 - waves / 3).clip(0, 1).astype(np.float32)
    return towards(picture, paper_colour(picture), missing * float(rng.uniform(0.3, 0.9)) * strength)


def shade(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Uneven light, and half of the time uneven paper."""
    height, width = picture.shape[:2]
    depth = strength * rng.uniform(0.05, 0.4)
    light = 1 - depth * _field(rng, width, height, 2)
    if rng.random() < 0.5:
        light = light - strength * rng.uniform(0, 0.12) * _field(rng, width, height, max(3, int(height / 4)))
    return (picture * _over_channels(light, picture)).clip(0, 255).astype(np.uint8)


def stain(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Blots and folds: a few soft patches, darker or lighter."""
    height, width = picture.shape[:2]
    y, x = np.ogrid[:height, :width]
    cover = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        centre_x, centre_y = rng.uniform(0, width), rng.uniform(0, height)
        radius_x, radius_y = rng.uniform(0.2, 2.5, 2) * band
        distance = ((x - centre_x) / radius_x) ** 2 + ((y - centre_y) / radius_y) ** 2
        cover = np.maximum(cover, np.clip(2 * (1 - distance), 0, 1))
    target = np.full(3, rng.choice([40.0, 120.0, 255.0]))
    return towards(picture, target, cover * float(rng.uniform(0.1, 0.45)) * strength)


def tilt(
    rng: np.random.Generator, picture: np.ndarray, boxes: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotation by up to 2 degrees, and a slight perspective."""
    height, width = picture.shape[:2]
    angle = np.deg2rad(rng.uniform(-2, 2) * strength)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = corners @ turn
    if rng.random() < 0.35:
        moved = moved + rng.uniform(-0.06, 0.06, (4, 2)) * height * strength
    moved -= moved.min(axis=0)
    size = max(2, int(np.ceil(moved[:, 0].max()))), max(2, int(np.ceil(moved[:, 1].max())))
    backward = _homography(moved, corners)
    image = Image.fromarray(picture)
    warped = image.transform(
        size,
        Image.Transform.PERSPECTIVE,
        backward.flatten()[:8].tolist(),
        Image.Resampling.BICUBIC,
        fillcolor=_fill(picture),
    )
    return np.asarray(warped), _hulls(boxes, _homography(corners, moved), size)


def bend(
    rng: np.random.Generator, picture: np.ndarray, boxes: np.ndarray, band: float, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lines that rise and fall along a wave, as on a curled page."""
    height, width = picture.shape[:2]
    knots = np.linspace(0, width, 17).round()
    phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
    lift = (np.sin(phase + 2 * np.pi * waves * knots / width) + 1) / 2 * rng.uniform(0.05, 0.45) * band * strength
    taller = height + int(np.ceil(lift.max()))
    mesh = []
    for i in range(16):
        left, right = int(knots[i]), int(knots[i + 1])
        if right > left:
            a, b = -lift[i], -lift[i + 1]
            mesh.append(((left, 0, right, taller), (left, a, left, taller + a, right, taller + b, right, b)))
    image = Image.fromarray(picture)
    bent = image.transform(
        (width, taller), Image.Transform.MESH, mesh, Image.Resampling.BICUBIC, fillcolor=_fill(picture)
    )
    shifts = np.interp(boxes[:, [0, 2]], knots, lift)
    moved = boxes.copy()
    moved[:, 1] += shifts.min(axis=1)
    moved[:, 3] += shifts.max(axis=1)
    return np.asarray(bent), moved


def blur(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Defocus or motion blur."""
    radius = float(rng.uniform(0.2, 1.0) * strength * np.clip(band * 0.055, 0.5, 3.0))
    image = Image.fromarray(picture)
    if rng.random() < 0.75:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
    return np.asarray(image.filter(ImageFilter.BoxBlur((radius * 1.6, 0) if rng.random() < 0.6 else (0, radius * 1.6))))


def coarsen(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Reduced resolution: shrunk, then enlarged again."""
    height, width = picture.shape[:2]
    least = min(1.0, max(0.3, SMALLEST_BAND / band))
    factor = 1 - (1 - least) * strength * rng.uniform(0.2, 1.0)
    small = max(2, round(width * factor)), max(2, round(height * factor))
    shrink = (Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.NEAREST)[
        rng.choice(3, p=[0.5, 0.4, 0.1])
    ]
    shrink = shrink if factor > 0.6 else Image.Resampling.BILINEAR
    enlarge = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST)[
        rng.choice(3, p=[0.4, 0.4, 0.2])
    ]
    return np.asarray(Image.fromarray(picture).resize(small, shrink).resize((width, height), enlarge))


def add_noise(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Grain of a sensor, or specks of salt and pepper."""
    height, width = picture.shape[:2]
    if rng.random() < 0.7:
        noise = rng.standard_normal((height, width), np.float32) * np.float32(rng.uniform(3, 28) * strength)
        return (picture + _over_channels(noise, picture)).clip(0, 255).astype(np.uint8)
    specks = rng.random((height, width), np.float32)
    share = rng.uniform(0.002, 0.03) * strength
    worn = picture.copy()
    worn[specks < share] = 0
    worn[specks > 1 - share] = 255
    return worn


def binarise(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """Black and white, as from a fax or a bilevel scan, with an uneven threshold."""
    grey = np.asarray(Image.fromarray(picture).convert("L"), np.float32)
    paper = float(np.median(grey))
    low, high = np.percentile(grey, (1, 99))
    ink = low if paper - low > high - paper else high
    threshold = paper + (ink - paper) * rng.uniform(0.35, 0.6)
    noise = rng.standard_normal(grey.shape, np.float32) * np.float32(abs(ink - paper) * rng.uniform(0, 0.18) * strength)
    return np.where(grey + noise > threshold, 255, 0).astype(np.uint8)


def compress(rng: np.random.Generator, picture: np.ndarray, band: float, strength: float) -> np.ndarray:
    """JPEG, at a quality from 95 down to 25."""
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=round(95 - 70 * strength * rng.uniform(0.3, 1.0)))
    return np.asarray(Image.open(held))


def paper_colour(picture: np.ndarray) -> np.ndarray:
    """The most common colour, (1,) or (3,)."""
    pixels = picture.reshape(-1, 1 if picture.ndim == 2 else 3)
    return np.median(pixels[:: max(1, len(pixels) // 4096)], axis=0)


def _fill(picture: np.ndarray) -> int | tuple[int, ...]:
    levels = tuple(int(level) for level in paper_colour(picture))
    return levels[0] if len(levels) == 1 else levels


def towards(picture: np.ndarray, target: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Each pixel moved by its `share` (height, width) towards one colour."""
    target = target[:1].squeeze() if picture.ndim == 2 else target
    return (picture + (target - picture) * _over_channels(share, picture)).clip(0, 255).astype(np.uint8)


def _over_channels(field: np.ndarray, picture: np.ndarray) -> np.ndarray:
    return field if picture.ndim == 2 else field[:, :, None]


def _field(rng: np.random.Generator, width: int, height: int, cells: int) -> np.ndarray:
    """float32 (height, width): smooth random values in about 0..1, over `cells` cells of the height."""
    columns = max(2, min(width, round(cells * width / height)))
    return resized(rng.random((max(2, min(height, cells)), columns), np.float32), width, height)


def resized(values: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC))


def _homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) projective map that takes four points to four points, both (4, 2)."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    return np.append(np.linalg.solve(np.array(rows), target.flatten()), 1.0).reshape(3, 3)


def _hulls(boxes: np.ndarray, forward: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    moved = np.concatenate([corners, np.ones((len(corners), 1))], axis=1) @ forward.T
    moved = (moved[:, :2] / moved[:, 2:]).reshape(-1, 4, 2).clip(0, size)
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1).astype(np.float32)


Wear = Callable[[np.random.Generator, np.ndarray, float, float], np.ndarray]

# each with its probability at full strength, in the order of application
_ON_PAPER: tuple[tuple[Wear, float], ...] = ((spread_ink, 0.25), (break_strokes, 0.3), (shade, 0.35), (stain, 0.15))
_IN_THE_SCANNER: tuple[tuple[Wear, float], ...] = (
    *((blur, 0.4), (coarsen, 0.4), (add_noise, 0.4), (binarise, 0.22), (compress, 0.45)),
)
