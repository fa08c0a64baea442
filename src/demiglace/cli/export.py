"""`demiglace export MODEL --gguf DIR`: a model in the file formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli.terminal import note

if TYPE_CHECKING:
    from demiglace.integrations.gguf.gguf_file import NumberType

NUMBERS: dict[str, NumberType] = {"q8_0": "Q8_0", "f16": "F16"}


def export(
    model: Annotated[str, typer.Argument(help='Folder or hub id; "nano" and "nano-reader" ship with the package.')],
    gguf: Annotated[Path, typer.Option(help="Folder for the new files.")],
    numbers: Annotated[str, typer.Option(help="Number format of the decoder: q8_0 (8-bit) or f16.")] = "q8_0",
) -> None:
    """Write a model for llama.cpp: the decoder with its tokenizer, and the projector (mmproj) for pictures."""
    from demiglace.integrations.gguf.decoder import write_decoder
    from demiglace.integrations.gguf.projector import why_not_computed, write_projector
    from demiglace.model import weights
    from demiglace.model.hub import folder_of
    from demiglace.processing.processor import Processor
    from demiglace.safe_files import atomic_path

    if numbers not in NUMBERS:
        raise ValueError(f"--numbers must be one of {', '.join(NUMBERS)}, got {numbers!r}")
    if gguf.exists():
        raise ValueError(f"{gguf} already exists")
    folder = folder_of(model)
    processor = Processor.load(folder)
    gguf.parent.mkdir(parents=True, exist_ok=True)
    with weights.open_floats(folder) as (config, files), atomic_path(gguf) as aside:
        aside.mkdir()
        write_decoder(aside / f"decoder-{numbers}.gguf", config.llm, processor.tokenizer, files, NUMBERS[numbers])
        why = why_not_computed(config)
        if not why:
            image_size = processor.config.slicing.scale_resolution
            write_projector(aside / "mmproj-f16.gguf", config, image_size, files)
    if why:
        note(f"demiglace: only text for llama.cpp: {why}")
    typer.echo(f"the files are in {gguf}")
