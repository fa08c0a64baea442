"""The curves of a nano run: what each stage learned, over its steps.

    python experiments/nano/plot.py runs/nano

Copies the run's metrics to `metrics.jsonl` and draws `curves.png`, both beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FOLDER = Path(__file__).parent
STAGES = ("encoder", "decoder", "resampler", "eyes", "whole", "again")
FIGURES = {
    "glyphs": "characters under cells of patches",
    "frames": "characters in visual tokens, by place",
    "tokens": "next bytes of the answer",
}


def collect(run: Path) -> list[dict]:
    """Metrics of all stages, with `total` counting steps over them."""
    lines, before = [], 0
    for stage in STAGES:
        own = [json.loads(line) for line in (run / stage / "metrics.jsonl").read_text().splitlines()]
        lines += [{**line, "total": before + line["step"]} for line in own]
        before += own[-1]["step"]
    return lines


def draw(lines: list[dict]) -> None:
    figure, axes = plt.subplots(figsize=(9, 4))
    for figure_name, meaning in FIGURES.items():
        shown = [
            line for line in lines if figure_name in line and (line["stage"], figure_name) != ("decoder", "frames")
        ]
        points = [(line["total"], line[figure_name]) for line in shown]
        axes.plot(*zip(*points, strict=True), ".", markersize=4, label=meaning)
    for stage in STAGES:
        first = min(line["total"] for line in lines if line["stage"] == stage)
        axes.axvline(first, color="gray", linewidth=0.8)
        axes.text(first, 1.02, f" {stage}", fontsize=8)
    axes.set(xlabel="steps of 48 samples", ylabel="share right", ylim=(0, 1))
    axes.legend(loc="center left", fontsize=8)
    figure.tight_layout()
    figure.savefig(FOLDER / "curves.png", dpi=110)


def main() -> None:
    lines = collect(Path(sys.argv[1]))
    (FOLDER / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    draw(lines)


if __name__ == "__main__":
    main()
