"""Visual tokens of an input, here and in three models of the same size, as the paper's efficiency claims compare them.

Everything is computed from sizes by each model's published arithmetic; nothing is opened or run.

- Demiglace: 64 tokens for each slice or package (paper, sections 2.1 and 2.2; released code).
- Qwen2.5-VL: `fetch_image` and `fetch_video` of the package qwen-vl-utils 0.0.14 at their defaults (repository
  QwenLM/Qwen3-VL): a token for each 28 x 28 pixels, and in a video for each pair of frames, 2 frames a second. A
  video's budget is 0.9 of 128,000 tokens; the package's first releases had 24,576.
- Qwen3-VL: `Qwen2VLImageProcessor` and `Qwen3VLVideoProcessor` of transformers 5.23 with the sizes of the released
  preprocessor_config.json and video_preprocessor_config.json: a token for each 32 x 32 pixels, and in a video for each
  pair of frames, 2 frames a second. A video's budget is 12,288 tokens, however short it is. (Frames that qwen-vl-utils
  prepared for it have the budget above instead; the classes' own defaults, which no release uses, have 384 tokens.)
- InternVL3: `dynamic_preprocess` and `load_video` of the model card (OpenGVLab/InternVL3-8B): 256 tokens for each
  448 x 448 tile; a frame of a video is one tile.

Only visual tokens are counted, not the special tokens around them or timestamps in the text (Qwen3-VL writes one before
each pair of frames).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from demiglace.processing.slicing import SlicingConfig, plan

QWEN_CELL = 28  # Qwen2.5-VL: pixels along the side of a token: patches of 14, merged 2 x 2
QWEN_VIDEO_TOKENS = 115_200  # of a whole video: 0.9 of 128,000
QWEN3_CELL = 32  # patches of 16, merged 2 x 2
QWEN3_PICTURE_PIXELS = 65_536, 16_777_216  # least and most; preprocessor_config.json: 64 to 16,384 tokens
QWEN3_VIDEO_PIXELS = 4_096, 25_165_824  # of all frames together; video_preprocessor_config.json
QWEN_MAX_ASPECT_RATIO = 200
QWEN_FPS = 2
QWEN_FRAMES = 4, 768  # least and most of a video
INTERN_TILE = 448
INTERN_TILE_TOKENS = 256  # 32 x 32 patches, merged 2 x 2
INTERN_MAX_TILES = 12

COUNTED_AS = {
    "Qwen2.5-VL": "qwen-vl-utils 0.0.14, 2 frames a second, a video at most 115,200",
    "Qwen3-VL": "transformers 5.23 as released, 2 frames a second, at most 12,288",
    "InternVL3": "its model card, 256 for each tile or frame",
}


@dataclass(frozen=True)
class VisualTokenCost:
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


def picture_costs(width: int, height: int, slicing: SlicingConfig, num_queries: int = 64) -> list[VisualTokenCost]:
    """Ours, Qwen2.5-VL's, Qwen3-VL's and InternVL3's cost of a picture of `width` x `height` pixels.

    A Qwen model is left out if it refuses the picture (longer than 200 : 1).
    """
    slices = plan(width, height, slicing).num_pictures
    ours = VisualTokenCost("Demiglace", slices, slices, slices * num_queries)
    return [ours, *_qwen_picture(width, height), *_qwen3_picture(width, height), _intern_picture(width, height)]


def video_costs(
    width: int,
    height: int,
    seconds: float,
    frames: int,
    package_frames: int,
    num_queries: int = 64,
    frames_held: int | None = None,
) -> list[VisualTokenCost]:
    """Ours, Qwen2.5-VL's, Qwen3-VL's and InternVL3's cost of a video of `seconds` and `width` x `height` pixels.

    Ours: `frames` in packages of `package_frames`, unsliced. The Qwen models: their own sampling, 2 frames a second,
    but no more than the `frames_held` by the file (None: as many as they ask for); left out if they refuse the size or
    have no pair of frames. InternVL3 states no frame rate (its examples take 8 to 32 frames), so it gets our `frames`.
    """
    if min(width, height, frames, package_frames) < 1:
        raise ValueError(
            f"{frames} frames of {width} x {height} in packages of {package_frames}: all must be at least 1"
        )
    packages = math.ceil(frames / package_frames)
    ours = VisualTokenCost("Demiglace", frames, packages, packages * num_queries)
    held = QWEN_FRAMES[1] if frames_held is None else min(frames_held, QWEN_FRAMES[1])
    qwens = [*_qwen_video(width, height, seconds, held), *_qwen3_video(width, height, seconds, held)]
    return [ours, *qwens, VisualTokenCost("InternVL3", frames, frames, frames * INTERN_TILE_TOKENS)]


def _qwen_picture(width: int, height: int) -> list[VisualTokenCost]:
    """Between 4 and 16,384 tokens."""
    if _is_too_long(width, height):
        return []
    tokens = _cells(width, height, QWEN_CELL, 4 * QWEN_CELL**2, 16_384 * QWEN_CELL**2)
    return [VisualTokenCost("Qwen2.5-VL", 1, 1, tokens)]


def _qwen_video(width: int, height: int, seconds: float, held: int) -> list[VisualTokenCost]:
    """An even number of 4 to 768 frames, in pairs of 128 to 768 tokens that share the budget equally."""
    frames = int(min(max(QWEN_FPS * seconds, QWEN_FRAMES[0]), held // 2 * 2)) // 2 * 2
    if frames < 2 or _is_too_long(width, height):
        return []
    least = 128 * QWEN_CELL**2
    most = max(min(768 * QWEN_CELL**2, QWEN_VIDEO_TOKENS * QWEN_CELL**2 / frames * 2), int(least * 1.05))
    return [
        VisualTokenCost("Qwen2.5-VL", frames, frames // 2, frames // 2 * _cells(width, height, QWEN_CELL, least, most))
    ]


def _qwen3_picture(width: int, height: int) -> list[VisualTokenCost]:
    """Between 64 and 16,384 tokens, but a side shorter than half a token counts as 0 before the picture is enlarged."""
    if _is_too_long(width, height):
        return []
    return [VisualTokenCost("Qwen3-VL", 1, 1, _cells(width, height, QWEN3_CELL, *QWEN3_PICTURE_PIXELS, shortest=0))]


def _qwen3_video(width: int, height: int, seconds: float, held: int) -> list[VisualTokenCost]:
    """4 to 768 frames in pairs, the last one single if their number is odd; together they have at most the budget.

    Frames with a side below one token are enlarged first. An odd number of frames counts as 2 * round(frames / 2), with
    Python's rounding.
    """
    frames = min(max(int(QWEN_FPS * seconds), QWEN_FRAMES[0]), held)
    if min(width, height) < QWEN3_CELL:
        scale = max(QWEN3_CELL / height, QWEN3_CELL / width)
        width, height = int(width * scale), int(height * scale)
    if frames < 2 or _is_too_long(width, height):
        return []
    cells = _cells(width, height, QWEN3_CELL, *QWEN3_VIDEO_PIXELS, frames=frames, frames_counted=round(frames / 2) * 2)
    pairs = math.ceil(frames / 2)
    return [VisualTokenCost("Qwen3-VL", frames, pairs, pairs * cells)]


def _is_too_long(width: int, height: int) -> bool:
    return max(width, height) / min(width, height) > QWEN_MAX_ASPECT_RATIO


def _cells(
    width: int,
    height: int,
    cell: int,
    least: float,
    most: float,
    *,
    shortest: int = 1,
    frames: int = 1,
    frames_counted: int = 1,
) -> int:
    """Cells of a frame after a resize that keeps its shape, and the pixels of all frames between `least` and `most`.

    shortest: least cells along a side, before pixels are counted. `frames_counted` decides whether frames are too large
    or too small, `frames` how far they are resized.
    """
    columns, rows = max(round(width / cell), shortest), max(round(height / cell), shortest)
    pixels = frames_counted * columns * rows * cell**2
    if pixels > most:
        shrink = math.sqrt(frames * width * height / most)
        columns, rows = (max(math.floor(side / shrink / cell), 1) for side in (width, height))
    elif pixels < least:
        grow = math.sqrt(least / (frames * width * height))
        columns, rows = (math.ceil(side * grow / cell) for side in (width, height))
    return columns * rows


def _intern_picture(width: int, height: int) -> VisualTokenCost:
    """The grid of at most 12 tiles with the nearest shape, and a thumbnail if it has more than one tile.

    Of equally near grids, the largest whose area is below twice the picture's wins.
    """
    best, nearest = 1, math.inf
    for tiles in range(1, INTERN_MAX_TILES + 1):
        for columns in (columns for columns in range(1, tiles + 1) if tiles % columns == 0):
            distance = abs(width / height - columns**2 / tiles)
            fills = 2 * width * height > tiles * INTERN_TILE**2
            if distance < nearest or (distance == nearest and fills):
                best, nearest = tiles, distance
    pictures = best + 1 if best > 1 else 1
    return VisualTokenCost("InternVL3", pictures, pictures, pictures * INTERN_TILE_TOKENS)
