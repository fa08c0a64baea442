"""Options that the training commands share, and the parsing of numbers of steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MixturePath = Annotated[Path, typer.Argument(help="TOML file of sources and their weights.")]
Folder = Annotated[Path, typer.Option(help="Where checkpoints, metrics and the model go.")]
Seed = Annotated[int, typer.Option(help="Another seed is another run.", min=0)]
RowLength = Annotated[int | None, typer.Option(help="Tokens of a row. [default: the preset's]")]
BatchRows = Annotated[int | None, typer.Option(help="Packed rows of a step. [default: the preset's]")]
MicroBatchRows = Annotated[int | None, typer.Option(help="Rows in memory at once. [default: the preset's]")]
SaveEvery = Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)]
Keep = Annotated[int, typer.Option(help="Checkpoints of a stage that are kept.", min=1)]
NumWorkers = Annotated[int, typer.Option(help="Processes that prepare samples; 0 is none.", min=0)]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Name and count wrong records and go on.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin anew; the run in the folder is set aside as earlier-1.")
]
TensorBoard = Annotated[bool, typer.Option("--tensorboard", help="Write the curves for TensorBoard too.")]

_WORDS = {2: "two", 3: "three"}


def steps_like(example: str, text: str) -> tuple[int, ...]:
    """ "500,300" -> those, as many as `example` has; ValueError for anything else."""
    parts, count = text.split(","), example.count(",") + 1
    if len(parts) != count or not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"--steps takes {_WORDS[count]} whole numbers such as {example}, got {text!r:.50}")
    return tuple(map(int, parts))
