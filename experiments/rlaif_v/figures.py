"""Held-out answers before and after: result.json and inventions.png beside this file, from the folder of a run.

python experiments/rlaif_v/figures.py FOLDER [--suffix _low_rate]
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_here, weights_of, write_result

HERE = Path(__file__).parent
SHOWN = {  # -> domain, numerator, denominator ("": answers)
    "false claims per answer, pictures": ("pictures", "false", ""),
    "invented of named objects (CHAIR)": ("pictures", "invented", "objects"),
    "named of the objects there": ("pictures", "found", "there"),
    "wholly right, pictures": ("pictures", "right", ""),
    "false claims per answer, clips": ("clips", "false", ""),
}


def counts(lines: list[dict[str, Any]], domain: str, over: str, under: str) -> np.ndarray:
    """(answers, 2)."""
    return np.array([(line[over], line[under] if under else 1) for line in lines if line["domain"] == domain], float)


def ratio(pairs: np.ndarray) -> np.ndarray:
    total = pairs.sum(axis=-2)
    return total[..., 0] / np.maximum(total[..., 1], 1)


def change(before: np.ndarray, after: np.ndarray) -> list[float]:
    """95 % interval of after - before, by a bootstrap over the questions, which are the same."""
    chosen = np.random.default_rng(0).integers(len(before), size=(10_000, len(before)))
    return np.quantile(ratio(after[chosen]) - ratio(before[chosen]), (0.025, 0.975)).round(4).tolist()


def draw(figures: dict[str, dict[str, Any]], path: Path) -> None:
    figure = Figure(figsize=(2.6 * len(figures), 3), layout="constrained")
    for panel, (title, found) in zip(figure.subplots(1, len(figures)), figures.items(), strict=True):
        low, high = found["change"]
        spread = [[found["after"] - found["before"] - low], [high + found["before"] - found["after"]]]
        panel.bar(0, found["before"], color="C0")
        panel.bar(1, found["after"], yerr=spread, color="C1", capsize=3)
        panel.set_title(title, fontsize="small")
        panel.set_xticks([0, 1], ["before", "after"])
    figure.savefig(path, dpi=110)


def main(folder: Path, suffix: str) -> None:
    lines = [
        list(map(json.loads, (folder / f"held_out_{name}.jsonl").read_text().splitlines()))
        for name in ("before", "after")
    ]
    figures = {}
    for title, columns in SHOWN.items():
        before, after = (counts(own, *columns) for own in lines)
        values = {"before": float(ratio(before)), "after": float(ratio(after))}
        figures[title] = {**values, "change": change(before, after)}
    draw(figures, HERE / f"inventions{suffix}.png")
    run = json.loads((folder / "result.json").read_text())
    write_result(HERE / f"result{suffix}.json", {"figures": figures, "run": run}, weights_of(None), machine_here())


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suffix", default="", help="of the names of what is written")
    given = parser.parse_args()
    main(given.folder, given.suffix)
