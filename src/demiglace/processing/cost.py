"""Visual tokens of an input, here and in two models of the same size: what the paper's efficiency claims compare.

Everything is counted from sizes by each model's published arithmetic; nothing is opened or run.

- Demiglace: 64 tokens for each slice or package (paper, sections 2.1 and 2.2; released code).
- Qwen2.5-VL: `smart_resize`, `smart_nframes` and `fetch_video` of the package qwen-vl-utils (repository
  QwenLM/Qwen2.5-VL): a token for each 28 x 28 pixels, and in a video for each pair of frames.
- InternVL3: `dynamic_preprocess` and `load_video` of the model card (OpenGVLab/InternVL3-8B): 256 tokens for each
  448 x 448 tile; a frame of a video is one tile.

Only visual tokens count: neither the marks around them nor time stamps in the text do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from demiglace.processing.slicing import SlicingConfig, plan

QWEN_CELL = 28  # pixels along the side of a token: patches of 14, merged 2 x 2
QWEN_MAX_ASPECT_RATIO = 200
INTERN_TILE = 448
INTERN_TILE_TOKENS = 256  # 32 x 32 patches, merged 2 x 2
INTERN_MAX_TILES = 12


@dataclass(frozen=True)
class Cost:
    """What a model spends on an input.

    name: the model.
    pictures: crops or frames that pass through its vision encoder.
    packages: groups of pictures that share visual tokens.
    tokens: visual tokens that enter its language model.
    """

    name: str
    pictures: int
    packages: int
    tokens: int


def picture_costs(width: int, height: int, slicing: SlicingConfig, num_queries: int = 64) -> list[Cost]:
    """Ours, Qwen2.5-VL's and InternVL3's cost of a picture of `width` x `height` pixels.

    Qwen2.5-VL is left out where it refuses the picture (longer than 200 : 1).
    """
    slices = plan(width, height, slicing).num_pictures
    ours = Cost("Demiglace", slices, slices, slices * num_queries)
    return [ours, *_qwen_picture(width, height), _intern_picture(width, height)]


def video_costs(
    width: int, height: int, seconds: float, frames: int, package_frames: int, num_queries: int = 64
) -> list[Cost]:
    """Ours, Qwen2.5-VL's and InternVL3's cost of a video of `seconds` and `width` x `height` pixels.

    Ours: `frames` in packages of `package_frames`, unsliced. Qwen2.5-VL: its own sampling, 2 frames a second; left
    out where it refuses the size. InternVL3 names no rate of its own (its examples take 8 to 32 frames): ours is taken.
    """
    if min(width, height, frames, package_frames) < 1:
        raise ValueError(
            f"{frames} frames of {width} x {height} in packages of {package_frames}: all must be at least 1"
        )
    packages = math.ceil(frames / package_frames)
    ours = Cost("Demiglace", frames, packages, packages * num_queries)
    intern = Cost("InternVL3", frames, frames, frames * INTERN_TILE_TOKENS)
    return [ours, *_qwen_video(width, height, seconds), intern]


def _qwen_picture(width: int, height: int) -> list[Cost]:
    """Between 4 and 16,384 tokens."""
    if max(width, height) > QWEN_MAX_ASPECT_RATIO * min(width, height):
        return []
    return [Cost("Qwen2.5-VL", 1, 1, _qwen_tokens(width, height, 4 * QWEN_CELL**2, 16_384 * QWEN_CELL**2))]


def _qwen_video(width: int, height: int, seconds: float) -> list[Cost]:
    """An even number of 4 to 768 frames at 2 a second, in pairs of 128 to 768 tokens that share a budget of 24,576.

    The budget is that of the package's first release; later ones allow 115,200, so this favours Qwen2.5-VL.
    Where it would leave a pair fewer than 134 tokens it is overrun. The file is taken to hold the frames asked for.
    """
    if max(width, height) > QWEN_MAX_ASPECT_RATIO * min(width, height):
        return []
    frames = int(min(max(2 * seconds, 4), 768)) // 2 * 2
    least, budget = 128 * QWEN_CELL**2, 24_576 * QWEN_CELL**2
    most = max(min(768 * QWEN_CELL**2, budget / frames * 2), int(least * 1.05))
    return [Cost("Qwen2.5-VL", frames, frames // 2, frames // 2 * _qwen_tokens(width, height, least, most))]


def _qwen_tokens(width: int, height: int, least: float, most: float) -> int:
    """Cells of 28 x 28 pixels after a resize that keeps the shape and the pixels between `least` and `most`."""
    columns, rows = max(round(width / QWEN_CELL), 1), max(round(height / QWEN_CELL), 1)
    pixels = columns * rows * QWEN_CELL**2
    if pixels > most:
        shrink = math.sqrt(width * height / most)
        columns = max(math.floor(width / shrink / QWEN_CELL), 1)
        rows = max(math.floor(height / shrink / QWEN_CELL), 1)
    elif pixels < least:
        grow = math.sqrt(least / (width * height))
        columns, rows = math.ceil(width * grow / QWEN_CELL), math.ceil(height * grow / QWEN_CELL)
    return columns * rows


def _intern_picture(width: int, height: int) -> Cost:
    """The grid of at most 12 tiles whose shape is nearest, and a thumbnail where it has more than one tile.

    Of grids equally near the largest wins whose area is below twice the picture's.
    """
    best, nearest = 1, math.inf
    for tiles in range(1, INTERN_MAX_TILES + 1):
        for columns in (columns for columns in range(1, tiles + 1) if tiles % columns == 0):
            distance = abs(width / height - columns**2 / tiles)
            fills = 2 * width * height > tiles * INTERN_TILE**2
            if distance < nearest or (distance == nearest and fills):
                best, nearest = tiles, distance
    pictures = best + 1 if best > 1 else 1
    return Cost("InternVL3", pictures, pictures, pictures * INTERN_TILE_TOKENS)
