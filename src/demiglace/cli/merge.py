"""`demiglace merge MODEL ADAPTER --out DIR`: a model and its adapter become one model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    model: Annotated[str, typer.Argument(help='Folder or hub id; "nano" and "nano-reader" ship with the package.')],
    adapter: Annotated[Path, typer.Argument(help="Folder of the adapter, in PEFT's format.")],
    out: Annotated[Path, typer.Option(help="Folder for the new model, in the released layout.")],
) -> None:
    """Merge an adapter into the weights of its model, for programs that do not support adapters."""
    import torch

    from demiglace.jobs.export import export
    from demiglace.model import weights
    from demiglace.model.adapters import merge_adapter
    from demiglace.model.hub import folder_of
    from demiglace.processing.processor import Processor
    from demiglace.safe_files import atomic_path

    if out.exists():
        raise ValueError(f"{out} already exists")
    folder = folder_of(model)
    merged = merge_adapter(weights.load(folder, torch.float32), adapter)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as aside:
        export(merged, Processor.load(folder, adapter), aside, folder)
    typer.echo(f"the model is in {out}")
