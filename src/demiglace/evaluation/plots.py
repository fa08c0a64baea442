"""Scores as bars with intervals, with lines for the most common answer and chance (needs the extra `eval`)."""

from __future__ import annotations

import io
import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from demiglace.evaluation.intervals import Share
from demiglace.evaluation.report import Report
from demiglace.evaluation.scores import BenchmarkScore
from demiglace.safe_files import atomic_path

WIDTH, PANEL_HEIGHT, BAR_HEIGHT = 7.0, 0.9, 0.22  # inches
DPI = 120


def plot_report(report: Report, path: Path) -> bool:
    """A panel for each benchmark with a score: overall, then by category. Without any, False and no file."""
    shown = [(name, score) for name, (_, score) in report.scores.items() if score.figures]
    if not shown:
        path.unlink(missing_ok=True)  # of an earlier report
        return False
    heights = [PANEL_HEIGHT + BAR_HEIGHT * len(_bars(score)) for _, score in shown]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)
    for (name, score), (panel,) in zip(shown, panels, strict=True):
        _draw(panel, name, score)
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=DPI)
    with atomic_path(path) as aside:
        aside.write_bytes(held.getvalue())
    return True


def _bars(score: BenchmarkScore) -> dict[str, Share]:
    categories = score.categories if len(score.categories) > 1 else {}
    return {f"all {score.figures[0].share.count}": score.figures[0].share, **categories}


def _errors(share: Share) -> tuple[float, float]:
    """Lengths of the error bar below and above the value; NaN, which is not drawn, without an interval."""
    if share.interval is None:
        return math.nan, math.nan
    low, high = share.interval
    return max(0.0, share.value - low), max(0.0, high - share.value)


def _draw(panel: Axes, name: str, score: BenchmarkScore) -> None:
    bars = _bars(score)
    values = [share.value for share in bars.values()]
    errors = zip(*map(_errors, bars.values()), strict=True)
    panel.barh(list(bars), values, xerr=tuple(errors), color="#7aa6c2", ecolor="#334455", capsize=2)
    for value, style, label in ((score.commonest, "--", "commonest answer"), (score.chance, ":", "chance")):
        if value is not None:
            panel.axvline(value, linestyle=style, color="#aa3333", linewidth=1, label=label)
    panel.invert_yaxis()
    panel.set_title(f"{name}, {score.figures[0].figure.name}", loc="left", fontsize=9)
    panel.tick_params(labelsize=7)
    panel.set_xlim(left=0)
    if panel.get_legend_handles_labels()[1]:
        panel.legend(fontsize=7, loc="lower right")
