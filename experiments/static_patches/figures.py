"""Tables and the picture of what the other scripts of this folder measured.

    python experiments/static_patches/figures.py --answers nano=FILE.jsonl off=FILE.jsonl on=FILE.jsonl

The files are those of `accuracy.py`; what they hold goes to accuracy.json, and the picture to static_patches.png.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from clips import FIXED, MOVING
from matplotlib.axes import Axes

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_here, weights_of, write_result

HERE = Path(__file__).parent
PLAIN = -1.0
Record = dict[str, Any]
Clip = tuple[str, int]  # its kind and number


def read(path: str) -> list[Record]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def complete(records: list[Record]) -> set[Clip]:
    """Clips that were asked about at every threshold."""
    thresholds: dict[Clip, set[float]] = {}
    for one in records:
        thresholds.setdefault((one["kind"], one["number"]), set()).add(one["threshold"])
    most = max(map(len, thresholds.values()))
    return {clip for clip, found in thresholds.items() if len(found) == most}


def compared(records: list[Record], clips: set[Clip]) -> dict[str, Any]:
    """Right answers by kind and threshold, and against the plain form the answers that are the same, those that became
    right, and those that became wrong."""
    thresholds, kinds = sorted({one["threshold"] for one in records}), sorted({kind for kind, _ in clips})
    answers = {(one["kind"], one["number"], one["threshold"]): one for one in records}
    found: dict[str, Any] = {}
    for threshold in thresholds:
        for kind in [*kinds, "all"]:
            pairs = [(answers[*clip, threshold], answers[*clip, PLAIN]) for clip in clips if kind in (clip[0], "all")]
            found.setdefault(str(threshold), {})[kind] = {
                "asked": len(pairs),
                "right": sum(one["right"] for one, _ in pairs),
                "kept": round(float(np.mean([one["kept"] for one, _ in pairs])), 3),
                "same": sum(one["said"] == plain["said"] for one, plain in pairs),
                "became_right": sum(one["right"] and not plain["right"] for one, plain in pairs),
                "became_wrong": sum(plain["right"] and not one["right"] for one, plain in pairs),
            }
    return found


def draw(accuracy: dict[str, Any], shares: dict[str, Any], training: list[Record], path: Path) -> None:
    figure, axes = plt.subplots(1, 3, figsize=(15, 4), width_ratios=(4, 6, 3))
    draw_shares(axes[0], shares)
    draw_accuracy(axes[1], accuracy)
    for arm in ("off", "on"):
        losses = [one["loss"] for one in training if one["arm"] == arm]
        axes[2].plot(np.convolve(losses, np.ones(8) / 8, "valid"), label=f"static patches {arm}")
    axes[2].set(xlabel="step", ylabel="loss, mean of 8 steps")
    axes[2].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def draw_shares(axes: Axes, shares: dict[str, Any]) -> None:
    for clip in (*FIXED, *MOVING):
        kept = {
            float(threshold): share for threshold, share in shares[clip]["release"].items() if float(threshold) >= 0
        }
        axes.plot(list(kept), list(kept.values()), "-" if clip in FIXED else "--", marker="o", label=Path(clip).stem)
    axes.axhline(1 / 3, color="grey", linewidth=0.8)
    axes.set(xlabel="threshold, levels of 255", ylabel="share of patches encoded", ylim=(0, 1))
    axes.set_title("448 x 448, packages of 6; dashed: moving camera", fontsize=9)
    axes.legend(fontsize=7)


def draw_accuracy(axes: Axes, accuracy: dict[str, Any]) -> None:
    bars = [(name, threshold) for name, found in accuracy.items() for threshold in found]
    kinds = list(next(iter(next(iter(accuracy.values())).values())))
    for place, (name, threshold) in enumerate(bars):
        rows = accuracy[name][threshold]
        heights = [rows[kind]["right"] / rows[kind]["asked"] if kind in rows else 0 for kind in kinds]
        label = f"{name}, {'plain' if float(threshold) < 0 else f'threshold {float(threshold):g}'}"
        axes.bar(
            np.arange(len(kinds)) + (place - len(bars) / 2) * 0.8 / len(bars), heights, 0.8 / len(bars), label=label
        )
    axes.set_xticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds], fontsize=8)
    axes.set(ylabel="answers that are right", ylim=(0, 1))
    axes.set_title("drawn clips, held out", fontsize=9)
    axes.legend(fontsize=7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", nargs="+", default=[], help="NAME=FILE of each model")
    parser.add_argument("--grainy", help="FILE of nano's answers to grainy clips")
    options = parser.parse_args()
    if options.answers:
        records = {name: read(path) for name, path in (one.split("=", 1) for one in options.answers)}
        clips = set.intersection(*map(complete, records.values()))
        found = {name: compared(held, clips) for name, held in records.items()}
        grainy = read(options.grainy) if options.grainy else []
        of_grainy = compared(grainy, complete(grainy)) if grainy else {}
        why = f"nano ({weights_of(None).sha256[:12]}), and two models that were trained from it and not kept"
        write_result(HERE / "accuracy.json", {"models": found, "grainy": of_grainy}, why, machine_here())
    accuracy, shares = (json.loads((HERE / f"{name}.json").read_text()) for name in ("accuracy", "shares"))
    training = [json.loads(line) for line in (HERE / "training.jsonl").read_text().splitlines()]
    draw(accuracy["models"], shares["clips"], training, HERE / "static_patches.png")


if __name__ == "__main__":
    main()
