"""The plots of the experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np


def plot_ways(results: dict[str, Any], path: Path) -> None:
    """Mean accuracy of each way by kind, each seed a dot; the commonest answer as a line, the start in grey."""
    ways = {way: runs for way, runs in results["ways"].items() if runs}
    kinds = list(next(iter(ways.values()))[0])
    figure, panel = plt.subplots(figsize=(12, 4))
    width = 0.8 / len(ways)
    for number, (way, runs) in enumerate(ways.items()):
        values = np.array([[run[kind]["right"] for kind in kinds] for run in runs])
        places = np.arange(len(kinds)) + (number - (len(ways) - 1) / 2) * width
        panel.bar(places, values.mean(0), width, yerr=values.std(0), label=way, color=f"C{number}", capsize=2)
        panel.plot(np.tile(places, (len(values), 1)), values, "k.", markersize=3)
        before = [results["before"][way][kind]["right"] for kind in kinds]
        panel.plot(places, before, "_", color="grey", markersize=12, label="before" if number == 0 else None)
    commonest = [ways[next(iter(ways))][0][kind]["commonest"] for kind in kinds]
    panel.hlines(
        commonest, np.arange(len(kinds)) - 0.45, np.arange(len(kinds)) + 0.45, "k", "dotted", label="commonest"
    )
    _finish(figure, panel, kinds, path)


def plot_rates(results: dict[str, Any], path: Path) -> None:
    """Accuracy at each frame rate by kind."""
    rates = results["rates"]
    kinds = list(next(iter(rates.values())))
    figure, panel = plt.subplots(figsize=(12, 4))
    width = 0.8 / len(rates)
    for number, (name, figures) in enumerate(rates.items()):
        places = np.arange(len(kinds)) + (number - (len(rates) - 1) / 2) * width
        panel.bar(places, [figures[kind]["right"] for kind in kinds], width, label=name)
    commonest = [next(iter(rates.values()))[kind]["commonest"] for kind in kinds]
    panel.hlines(
        commonest, np.arange(len(kinds)) - 0.45, np.arange(len(kinds)) + 0.45, "k", "dotted", label="commonest"
    )
    _finish(figure, panel, kinds, path)


def _finish(figure: Any, panel: Any, kinds: list[str], path: Path) -> None:
    panel.set_xticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds], rotation=20)
    panel.set_ylabel("right answers")
    panel.set_ylim(0, 1)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=8, ncols=5)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
