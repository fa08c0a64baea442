"""`demiglace plot RUN`: the curves of a run, or of several for comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or metrics files.", exists=True)],
    out: Annotated[Path | None, typer.Option(help="A .png, .svg or .pdf. [default: curves.png in the run]")] = None,
) -> None:
    """Plot loss, learning rate, gradient norm and other metrics of a run over its steps; several runs are overlaid."""
    if out is None:
        if len(runs) > 1:
            raise ValueError(f"{len(runs)} runs are plotted together: give the file as --out")
        out = (runs[0] if runs[0].is_dir() else runs[0].parent) / "curves.png"
    try:
        from demiglace.training.curves import draw_curves, read_run
    except ModuleNotFoundError as missing:
        raise ValueError("plotting needs matplotlib: pip install 'demiglace[eval]'") from missing

    draw_curves([read_run(run) for run in runs], out)
    typer.echo(f"the curves are in {out}")
