"""How far visual tokens without static patches lie from the plain ones, as built and with one choice made otherwise.

    python experiments/static_patches/choices.py [--data FOLDER] [--thresholds 0 4 8]

The weights are nano's, which were not trained for it. The distance of a package is |tokens - plain| / |plain|.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from clips import DATA, FIXED, MOVING, packages
from speed import pictures
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_here, weights_of, write_result

from demiglace import Demiglace
from demiglace.batch import Visual
from demiglace.model import resampler, siglip
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.siglip import PatchGrids, patch_index

HERE = Path(__file__).parent


def as_built(model: MiniCPMV, visual: Visual) -> Tensor:
    return model.visual_tokens(visual)


def each_tick(model: MiniCPMV, visual: Visual) -> Tensor:
    """The kept feature at every place of its run, with the tick of each: what weighing it stands for."""
    index = patch_index(PatchGrids.of(visual.grids, visual.kept), visual.patches.device)
    features = model.vpm(visual.patches, visual.grids, kept=visual.kept)
    whole = features if index is None else features[index.rows]
    return model.resampler(whole, visual.grids, visual.package_sizes, visual.ticks).flatten(0, 1)


def changed(module: Any, name: str, function: Callable[..., Any]) -> Callable[[MiniCPMV, Visual], Tensor]:
    def tokens(model: MiniCPMV, visual: Visual) -> Tensor:
        with patch.object(module, name, function):
            return model.visual_tokens(visual)

    return tokens


WAYS: dict[str, Callable[[MiniCPMV, Visual], Tensor]] = {
    "as built": as_built,
    "each tick of a run by itself": each_tick,
    "the first tick of a run": changed(resampler, "run_times", lambda times, runs: times[:1].expand(len(runs), -1)),
    "no weight for the length": changed(resampler, "log_run_lengths", lambda *_: None),
    "a frame sees its own patches alone": changed(siglip, "patch_index", lambda *_: None),
}


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0, 4, 8, 16])
    parser.add_argument("--packages", type=int, default=4, help="of a clip, the first")
    options = parser.parse_args()
    model = Demiglace.load(None, "cpu", "float32").model
    found: dict[str, Any] = {}
    for clip in (*FIXED, *MOVING):
        shown = packages(options.data, clip, options.packages)
        plain = model.visual_tokens(pictures(shown, 140, -1))
        for threshold in options.thresholds:
            visual = pictures(shown, 140, threshold)
            rows = {name: distance(way(model, visual), plain) for name, way in WAYS.items()}
            found.setdefault(clip, {})[str(threshold)] = rows
            print(clip, threshold, rows, flush=True)
    write_result(HERE / "choices.json", {"clips": found}, weights_of(None), machine_here())


def distance(tokens: Tensor, plain: Tensor) -> float:
    return round(float((tokens - plain).norm() / plain.norm()), 4)


if __name__ == "__main__":
    main()
