"""Plots of training runs: every metric of `metrics.jsonl` over steps, as small multiples (needs the extra `eval`)."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from demiglace.safe_files import atomic_path

METRICS = "metrics.jsonl"
NUM_COLUMNS = 3

_FIRST = ("loss", "lr", "grad_norm")  # panels drawn before all others


@dataclass(frozen=True)
class Point:
    """A line of the metrics; `step` counts from the start of the run, over all its stages."""

    stage: str
    step: int
    figures: dict[str, float]


@dataclass(frozen=True)
class Run:
    """The name of a run, and its points in order."""

    name: str
    points: tuple[Point, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.stage for point in self.points))


def read_run(path: Path) -> Run:
    """The metrics of a run: `path` is a file of metrics, or a folder with one in it or in each stage's folder.

    Stages are ordered by when their files were last modified. An incomplete last line is left out: the run may be
    writing it. ValueError if there are no metrics, and for any other malformed line, with its number.
    """
    files = [path] if path.is_file() else [*path.glob(METRICS), *path.glob(f"*/{METRICS}")]
    points: list[Point] = []
    before = 0
    for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, file)):
        for point in _read_points(file):
            if points and point.stage != points[-1].stage:
                before = points[-1].step
            points.append(Point(point.stage, before + point.step, point.figures))
    if not points:
        raise ValueError(f"0 lines of metrics in {path}: no {METRICS} there or in the folder of a stage")
    return Run(path.resolve().name if path.is_dir() else str(path), tuple(points))


def _read_points(file: Path) -> Iterator[Point]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield _point(json.loads(line))
            except (ValueError, LookupError, TypeError) as error:
                raise ValueError(f"{file}:{number} is not a line of metrics: {error!r}") from error


def _point(line: dict[str, object]) -> Point:
    stage, step = line["stage"], line["step"]
    if not (isinstance(stage, str) and isinstance(step, int)):
        raise TypeError(f"stage {stage!r}, step {step!r}")
    numbers = {name: float(value) for name, value in line.items() if isinstance(value, int | float) and name != "step"}
    return Point(stage, step, {name: value for name, value in numbers.items() if math.isfinite(value)})


def draw_curves(runs: Sequence[Run], path: Path) -> None:
    """Plot a panel for each metric to `path`, in the format of its suffix.

    A single run has a colour for each stage, several runs have a colour each. Losses and norms that are all positive
    have logarithmic axes; the loss of a policy gradient has both signs.
    """
    names = _figure_names(runs)
    num_rows = math.ceil(len(names) / NUM_COLUMNS)
    figure = Figure(figsize=(4 * NUM_COLUMNS, 2.4 * num_rows + 0.6), layout="constrained")
    panels = figure.subplots(num_rows, NUM_COLUMNS, squeeze=False, sharex=True).flatten()
    for name, panel in zip(names, panels, strict=False):
        _draw_panel(panel, name, runs)
    for panel in panels[len(names) :]:
        panel.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, fontsize="small", frameon=False)
    _write(figure, path)


def _figure_names(runs: Sequence[Run]) -> list[str]:
    seen = dict.fromkeys(name for run in runs for point in run.points for name in point.figures)
    return [*(name for name in _FIRST if name in seen), *(name for name in seen if name not in _FIRST)]


def _draw_panel(panel: Axes, name: str, runs: Sequence[Run]) -> None:
    for i, run in enumerate(runs):
        for j, stage in enumerate(run.stages):
            shown = [point for point in run.points if point.stage == stage]
            heights = [point.figures.get(name, math.nan) for point in shown]
            label = stage if len(runs) == 1 else run.name if j == 0 else None
            colour = f"C{j if len(runs) == 1 else i}"
            steps = [point.step for point in shown]
            panel.plot(steps, heights, marker=".", markersize=2, linewidth=0.9, color=colour, label=label)
    panel.set_title(name.replace("_", " "), fontsize="medium")
    panel.tick_params(labelsize="small", labelbottom=True)
    panel.grid(alpha=0.3)
    values = [point.figures[name] for run in runs for point in run.points if name in point.figures]
    if name.endswith(("loss", "norm")) and min(values) > 0:
        panel.set_yscale("log")


def _write(figure: Figure, path: Path) -> None:
    held = io.BytesIO()
    figure.savefig(held, format=path.suffix.removeprefix(".") or "png", dpi=110)
    with atomic_path(path) as aside:
        aside.write_bytes(held.getvalue())
