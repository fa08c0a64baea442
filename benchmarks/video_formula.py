"""The formulas of `video_operations` held to counted operations, Table 2b by it, and what real clips spare.

    python benchmarks/video_formula.py [--clips FOLDER ...]

Nothing here is timed. Counted is what PyTorch's FLOP counter sees of an answer of the small models, attention as plain
products; where a mask hides half of the pairs it counts all, so prompts are short. Table 2b's hours are operations at
full size over 8 A100 at 40 % of their peak, its memory the weights, patches, keys and values of a video. Of real clips:
packages of 6 at 10 frames a second, distinct pictures and patches that differ, each computed once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from results_file import RANDOM, machine_here, versions_here, write_result
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from video_efficiency import PAPER
from video_gpu import VIDEO_MME
from video_operations import full_size_bytes, operations
from video_rows import ARCHITECTURES, DEFAULTS, MAXIMUM, RELEASED, rows_of
from video_sizes import full, reduced
from video_worker import preparation

from demiglace.conversation import VideoSampling
from demiglace.media.video import read_packages
from demiglace.planning.accelerator import ACCELERATORS
from demiglace.planning.duration import UTILISATION
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import Layout
from demiglace.processing.static_patches import without_static_patches

COUNTED_CLIPS = (0.5, 1.0, 1.5)  # seconds
NEW_TOKENS = 4
VIDEOS_OF_A_LENGTH, MME_TOKENS = 300, 1  # of Video-MME; an answer is a letter, subtitles are left out
THRESHOLDS = (0.0, 4.0, 8.0)  # of static patches, in levels of 0 to 255
RESULT = Path(__file__).parent / "results" / "video_formula.json"
Cost = dict[str, object]


def counted_points(clips: Sequence[float]) -> Iterator[Cost]:
    """Of every architecture and policy, operations counted and by formula."""
    torch.manual_seed(0)
    prepare = {name: preparation(name, "reduced", "cpu")[0] for name in ARCHITECTURES}
    for row in (row for seconds in clips for row in rows_of(seconds)):
        if row.policy not in (RELEASED, MAXIMUM, DEFAULTS):
            continue
        answer = prepare[row.architecture](row, NEW_TOKENS)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            list(answer())
        counted, formula = float(counter.get_total_flops()), operations(row, reduced(), NEW_TOKENS).total
        print(f"{row.architecture}, {row.policy}, {row.clip_seconds:g} s: {formula / counted:.3f}", flush=True)
        yield {
            "architecture": row.architecture, "policy": row.policy, "clip_seconds": row.clip_seconds,
            "frames": row.frames, "tokens": row.tokens, "counted": counted, "formula": formula,
            "formula_over_counted": formula / counted,
        }  # fmt: skip


def video_mme() -> list[Cost]:
    """Hours and gigabytes of Video-MME's 900 videos, by architecture and policy."""
    rows = [row for seconds in VIDEO_MME.values() for row in rows_of(seconds)]
    rate = 8 * UTILISATION * ACCELERATORS["a100-80gb"].peak("bfloat16")
    found: list[Cost] = []
    for name, policy in dict.fromkeys((row.architecture, row.policy) for row in rows):
        own = [row for row in rows if (row.architecture, row.policy) == (name, policy)]
        if len(own) == len(VIDEO_MME):
            total = sum(operations(row, full(), MME_TOKENS).total for row in own) * VIDEOS_OF_A_LENGTH
            gigabytes = max(full_size_bytes(row) for row in own) / 1e9
            found.append({"architecture": name, "policy": policy, "hours": total / rate / 3600, "gigabytes": gigabytes})
    return found


def clip_costs(path: Path) -> Cost:
    """Of a clip in packages of 6: the share of pictures that are distinct, and of patches that are kept."""
    config = ProcessorConfig()
    layout = Layout(config.slicing, config.num_queries, config.use_image_id)
    layout.video(read_packages(path, VideoSampling(fps=10, package_frames=6, max_packages=30)))
    visual = layout.visual()
    assert visual is not None
    pictures = visual.patches.split(visual.grids.prod(dim=1).tolist())
    distinct = len({picture.numpy().tobytes() for picture in pictures})
    shares = []
    for threshold in THRESHOLDS:
        kept = len(without_static_patches(visual, threshold).patches)
        shares.append({"threshold": threshold, "patches": kept / len(visual.patches)})
    return {
        "clip": path.name, "pictures": len(pictures), "distinct": distinct / len(pictures), "static": shares,
    }  # fmt: skip


def markdown(told: dict) -> str:
    points = [
        f"| {point['architecture']}, {point['policy']} | {point['clip_seconds']:g} s | {point['tokens']:,} "
        f"| {point['counted'] / 1e9:,.1f} | {point['formula'] / 1e9:,.1f} | {point['formula_over_counted']:.3f} |"
        for point in told["points"]
    ]
    hours = [
        f"| {row['architecture']}, {row['policy']} | {row['hours']:.2f} | {row['gigabytes']:.1f} |"
        for row in told["video_mme"]
    ]
    clips = [
        f"| {row['clip']} | {row['pictures']} | {row['distinct']:.0%} | "
        + " | ".join(f"{share['patches']:.0%}" for share in row["static"]) + " |"
        for row in told["clips"]
    ]  # fmt: skip
    return "\n".join([
        f"By formula; {told['date']}. Operations of small models, counted by PyTorch and by formula, in G:", "",
        "| model, frames taken | clip | visual tokens | counted | formula | ratio |", "|---|---|---:|---:|---:|---:|",
        *points, "",
        "Video-MME's 900 videos at full size: hours on 8 A100 at 40 % of the peak, and the least memory of one video:",
        "", "| model, frames taken | hours | GB |", "|---|---:|---:|", *hours,
        f"| paper, ours over Qwen2.5-VL | {PAPER['seconds']:.1%} | {PAPER['peak_bytes']:.1%} |", "",
        "Real clips at 10 frames a second: distinct pictures, and patches that are kept at each threshold:", "",
        "| clip | pictures | distinct | " + " | ".join(f"patches, {one:g}" for one in THRESHOLDS) + " |",
        "|---|---:|---:|" + "---:|" * len(THRESHOLDS), *clips, "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="folders of real clips, which do not ship")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    kinds = (".mp4", ".gif")
    files = sorted(path for folder in options.clips for path in folder.iterdir() if path.suffix in kinds)
    report = {
        "points": list(counted_points(COUNTED_CLIPS)),
        "video_mme": video_mme(),
        "clips": [clip_costs(path) for path in files],
    }
    told = write_result(options.out, report, RANDOM, machine_here(), versions_here("transformers"))
    options.out.with_suffix(".md").write_text(markdown(told))
    print(json.dumps(told["clips"], indent=2))


if __name__ == "__main__":
    main()
