"""Golden counts of visual tokens: the processors of Qwen2.5-VL and Qwen3-VL as they are installed.

Run it in an environment of its own (Python 3.11):

    pip install torch==2.14.1 torchvision==0.29.1 qwen-vl-utils==0.0.14 transformers==5.23.0
    python tests/golden/make_qwen_counts.py [--compare]

`fetch_video` of qwen-vl-utils runs whole, on frames without content instead of a decoded file. A part of what is drawn
is written. With `--compare`, for which this package must be importable, all of it is compared and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from qwen_vl_utils import vision_process
from transformers import Qwen2VLImageProcessor, Qwen3VLVideoProcessor
from transformers.utils import logging
from transformers.video_utils import VideoMetadata

logging.set_verbosity_error()

SEED = 16
NUM_SIZES, NUM_CLIPS = 20_000, 2_000
KEPT_SIZES, KEPT_CLIPS = 250, 250
# preprocessor_config.json and video_preprocessor_config.json of Qwen/Qwen3-VL-8B-Instruct
RELEASED_PICTURES = {"shortest_edge": 65_536, "longest_edge": 16_777_216}
RELEASED_VIDEOS = {"shortest_edge": 4_096, "longest_edge": 25_165_824}
PICTURES = Qwen2VLImageProcessor(patch_size=16, size=RELEASED_PICTURES)
VIDEOS = Qwen3VLVideoProcessor(size=RELEASED_VIDEOS)
RATES = (1.0, 5.0, 10.0, 12.0, 15.0, 24.0, 24000 / 1001, 25.0, 30.0, 30000 / 1001, 50.0, 60.0)
NAMED_CLIPS = [(448, 448, 5400, 30.0), (1280, 720, 1800, 30.0), (448, 448, 18_000, 30.0), (1280, 720, 18_000, 30.0)]


def qwen_picture(width: int, height: int) -> int:
    rows, columns = vision_process.smart_resize(height, width, factor=28)  # as `fetch_image` calls it
    return rows * columns // 28**2


def qwen3_picture(width: int, height: int) -> int:
    return PICTURES.get_number_of_image_patches(height, width) // 4


def qwen_video(width: int, height: int, frames: int, fps: float) -> int:
    def decoded(asked: dict[str, Any]) -> tuple[torch.Tensor, dict[str, Any], float]:
        taken = vision_process.smart_nframes(asked, total_frames=frames, video_fps=fps)
        return torch.empty(taken, 3, height, width, dtype=torch.uint8, device="meta"), {}, 2.0

    vision_process.get_video_reader_backend = lambda: "torchvision"
    vision_process.VIDEO_READER_BACKENDS["torchvision"] = decoded
    taken, _, rows, columns = vision_process.fetch_video({"video": "clip"}).shape
    return taken // 2 * rows * columns // 28**2


def qwen3_video(width: int, height: int, frames: int, fps: float) -> int:
    taken = VIDEOS.sample_frames(VideoMetadata(total_num_frames=frames, fps=fps))
    return VIDEOS.get_num_of_video_patches(len(taken), height, width) // 4


def count(counted: Callable[..., int], *of: float) -> int | None:
    """None where the model refuses."""
    try:
        return counted(*of)
    except ValueError:
        return None


def drawn_size(draw: random.Random, longest: int) -> tuple[int, int]:
    """Sides of every magnitude, so that small and elongated pictures come too."""
    return round(longest ** draw.random()), round(longest ** draw.uniform(0.3, 1))


def drawn_clip(draw: random.Random) -> tuple[int, int, int, float]:
    """Width, height, frames and their rate; a few frames to two hours."""
    fps = draw.choice(RATES)
    return *drawn_size(draw, 4000), max(1, round(fps * 7200 ** draw.uniform(-0.1, 1))), fps


def grid_of_real_frames(width: int, height: int, frames: int, fps: float) -> int:
    """What Qwen3-VL's processor makes of frames that exist; for clips small enough."""
    video = torch.zeros(frames, 3, height, width, dtype=torch.uint8)
    read = VIDEOS([video], video_metadata=[VideoMetadata(total_num_frames=frames, fps=fps)], return_tensors="pt")
    return int(read["video_grid_thw"][0].prod()) // 4


def compare(sizes: list[list], clips: list[list]) -> None:
    from demiglace.processing.slicing import SlicingConfig
    from demiglace.processing.visual_token_cost import picture_costs, video_costs

    wrong = []
    for width, height, *theirs in sizes:
        ours = {cost.name: cost.tokens for cost in picture_costs(width, height, SlicingConfig())}
        wrong += [] if [ours.get("Qwen2.5-VL"), ours.get("Qwen3-VL")] == theirs else [(width, height, theirs, ours)]
    for width, height, frames, fps, *theirs in clips:
        costs = video_costs(width, height, frames / fps, 1, 1, frames_held=frames)
        ours = {cost.name: cost.tokens for cost in costs}
        wrong += [] if [ours.get("Qwen2.5-VL"), ours.get("Qwen3-VL")] == theirs else [(width, height, frames, fps)]
    print(f"{len(sizes)} sizes and {len(clips)} clips compared, {len(wrong)} differ: {wrong[:10]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", action="store_true")
    draw = random.Random(SEED)
    sizes = [drawn_size(draw, 8000) for _ in range(NUM_SIZES)]
    clips = NAMED_CLIPS + [drawn_clip(draw) for _ in range(NUM_CLIPS)]
    counted_sizes = [[*size, count(qwen_picture, *size), count(qwen3_picture, *size)] for size in sizes]
    counted_clips = [[*clip, count(qwen_video, *clip), count(qwen3_video, *clip)] for clip in clips]
    small = [clip for clip in counted_clips if clip[0] * clip[1] * clip[2] < 3e6 and clip[5] is not None]
    assert all(grid_of_real_frames(*clip[:4]) == clip[5] for clip in small), "get_num_of_video_patches is no guide"
    print(f"{len(small)} clips of frames that exist give the same grids")
    if parser.parse_args().compare:
        compare(counted_sizes, counted_clips)
        return
    versions = {name: metadata.version(name) for name in ("qwen-vl-utils", "transformers", "torchvision")}
    golden = {"versions": versions, "sizes": counted_sizes[:KEPT_SIZES], "clips": counted_clips[:KEPT_CLIPS]}
    Path(__file__).with_name("qwen_counts.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
