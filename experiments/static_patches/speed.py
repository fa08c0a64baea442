"""Seconds from frames to visual tokens with static patches and without them, in turns, on real clips.

    python experiments/static_patches/speed.py nano [--data FOLDER]
    python experiments/static_patches/speed.py release --layers 4
    python experiments/static_patches/speed.py shares

`nano` has its weights and pictures of 140 x 140 pixels; `release` the release's encoder and resampler with random
weights and pictures of 448 x 448; an encoder of `--layers` of its 27 layers is measured and counted for all. Frames are
decoded before the clock starts; resizing, patches, the comparison, keys, encoder and resampler are inside. Seconds are
those of the processor, the least of `--rounds`. `shares` computes nothing but the share of patches that are encoded, of
real clips and of clips that were made of a photo. Figures go to NAME.json beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from clips import CHANGES, DATA, FIXED, MOVING, made, packages

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import RANDOM, Weights, machine_here, weights_of, write_result

from demiglace import Demiglace
from demiglace.batch import Visual
from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
from demiglace.engine.visual_cache import packages_of
from demiglace.media.video import Package
from demiglace.model.folded_resampler import fold_resampler
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset
from demiglace.processing.prompt_layout import Layout
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.static_patches import without_static_patches

HERE = Path(__file__).parent
THRESHOLDS = (-1.0, 0.0, 2.0, 4.0, 8.0, 12.0, 16.0)
SIDES = {"nano": 140, "release": 448}
PARTS = ("patches", "features", "tokens")
ALL_LAYERS = {448: 27}


def pictures(shown: list[Package], side: int, threshold: float) -> Visual:
    layout = Layout(SlicingConfig(side), 64, use_image_id=False)
    layout.video(shown)
    visual = layout.visual()
    assert visual is not None
    return without_static_patches(visual, threshold)


def kept_share(visual: Visual) -> float:
    return round(len(visual.patches) / int(visual.grids.prod(dim=1).sum()), 4)


@torch.inference_mode()
def seconds(model: MiniCPMV, shown: list[Package], side: int, threshold: float) -> dict[str, float]:
    """Of the processor, by part; `features` are as of an encoder of all its layers."""
    marks = [time.process_time()]
    visual = pictures(shown, side, threshold)
    packages_of(visual)  # keys, as the engine makes them
    marks.append(time.process_time())
    features = model.vpm(visual.patches, visual.grids, MAX_PATCHES_PER_CHUNK, False, visual.kept)
    marks.append(time.process_time())
    given = visual.grids, visual.package_sizes, visual.ticks, MAX_PATCHES_PER_CHUNK, visual.run_lengths
    model.resampler(features, *given)
    marks.append(time.process_time())
    parts = {name: end - start for name, (start, end) in zip(PARTS, pairwise(marks), strict=True)}
    layers = model.config.vision.num_layers
    return parts | {"features": parts["features"] * (ALL_LAYERS.get(side, layers) / layers)}


def model_of(size: str, layers: int) -> MiniCPMV:
    if size == "nano":
        return Demiglace.load(None, "cpu", "float32").model
    config = preset("8b")
    torch.manual_seed(0)
    llm = replace(config.llm, num_layers=1, vocab_size=8)  # is not run
    model = MiniCPMV(replace(config, vision=replace(config.vision, num_layers=layers), llm=llm)).eval()
    return fold_resampler(model)


def timed(size: str, clip: str, model: MiniCPMV, options: argparse.Namespace) -> dict[str, Any]:
    """Of one clip, by threshold."""
    side, shown = SIDES[size], packages(options.data, clip, options.packages)
    took: dict[float, list[dict[str, float]]] = {threshold: [] for threshold in options.thresholds}
    for _ in range(options.rounds):
        for threshold in options.thresholds:
            took[threshold].append(seconds(model, shown, side, threshold))
    least = {threshold: {part: min(one[part] for one in every) for part in PARTS} for threshold, every in took.items()}
    return {
        str(threshold): {
            "frames": sum(len(package.frames) for package in shown),
            "kept": kept_share(pictures(shown, side, threshold)),
            "seconds": {part: round(each, 3) for part, each in parts.items()},
            "times": round(sum(least[-1.0].values()) / sum(parts.values()), 2),
        }
        for threshold, parts in least.items()
    }


def shares(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for size, side in SIDES.items():
        rows = {clip: packages(options.data, clip, options.packages) for clip in options.clips}
        for change in CHANGES:
            video = made(options.data / "photos" / "coffee.png", change)
            rows[change] = [Package(video, list(range(len(video))))]
        for name, shown in rows.items():
            whole = pictures(shown, side, -1)
            found.setdefault(name, {})[size] = {
                str(threshold): kept_share(without_static_patches(whole, threshold)) for threshold in options.thresholds
            }
            print(name, size, found[name][size], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*SIDES, "shares"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--clips", nargs="+", default=[*FIXED, *MOVING])
    parser.add_argument("--thresholds", type=float, nargs="+", default=THRESHOLDS)
    parser.add_argument("--packages", type=int, default=10, help="of a clip, the first")
    parser.add_argument("--layers", type=int, default=27)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    file = HERE / f"{options.what}.json"
    if options.what == "shares":
        write_result(file, {"clips": shares(options)}, "no model is computed", machine_here())
        return
    model = model_of(options.what, options.layers)
    weights: Weights | str = weights_of(None) if options.what == "nano" else RANDOM
    rows: dict[str, Any] = {}
    for clip in options.clips:
        rows[clip] = timed(options.what, clip, model, options)
        print(clip, json.dumps(rows[clip]), flush=True)
        write_result(file, {"layers": model.config.vision.num_layers, "clips": rows}, weights, machine_here())


if __name__ == "__main__":
    main()
