"""`demiglace finetune MODEL DATA --out DIR`: a finished model learns a user's own records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli import options
from demiglace.cli.long_run import run_together
from demiglace.cli.terminal import note

if TYPE_CHECKING:
    from demiglace.data.survey import Survey
    from demiglace.recipes.finetuning import FinetuningRecipe, Method
    from demiglace.recipes.run import Machine

MOST_NAMED = 10  # bad records


def finetune(
    model: Annotated[str, typer.Argument(help='Folder or hub id; "nano" is the model inside the package.')],
    data: Annotated[Path, typer.Argument(help="JSON, JSON Lines or Parquet: chats with pictures, pages and videos.")],
    out: Annotated[Path, typer.Option(help="Where checkpoints, metrics and the result go.")],
    full: Annotated[bool, typer.Option("--full", help="All weights of the parts learn.")] = False,
    lora: Annotated[bool, typer.Option("--lora", help="Adapters learn (the default).")] = False,
    qlora: Annotated[bool, typer.Option("--qlora", help="Adapters learn beside weights of 4 bits.")] = False,
    learn: Annotated[str, typer.Option(help="Parts that learn, of encoder,resampler,decoder.")] = "decoder",
    media: Annotated[Path | None, typer.Option(help="Folder of the files that records name.")] = None,
    rank: Annotated[int, typer.Option(help="Of the adapters.")] = 16,
    rate: Annotated[float | None, typer.Option(help="Peak rate. [default: by size and method]")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the data.")] = 3.0,
    length: Annotated[int, typer.Option(help="Tokens of a row, the most of a sample.")] = 2048,
    rows: Annotated[int, typer.Option(help="Rows of a step.")] = 4,
    rows_at_once: Annotated[int, typer.Option(help="Rows that memory must hold.")] = 1,
    held_out: Annotated[float, typer.Option(help="Share of the records that is measured on, not learned from.")] = 0.1,
    patience: Annotated[int, typer.Option(help="Stop after so many checkpoints without progress; 0 is never.")] = 0,
    seed: Annotated[int, typer.Option(help="Another seed is another run.", min=0)] = 0,
    recompute: Annotated[bool, typer.Option("--recompute", help="Less memory, a third more time.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look at the data, say what it takes, and stop.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave wrong records out.")] = False,
    workers: Annotated[int, typer.Option(help="Processes that prepare samples; 0 is none.", min=0)] = 0,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write the curves for TensorBoard too.")] = False,
    device: options.Device = None,
    dtype: options.Dtype = None,
) -> None:
    """Fine-tune a model on your records. Stop it with Ctrl-C; the same command goes on from there.

    torchrun --nproc-per-node 8 -m -- demiglace finetune ... runs it in 8 processes.
    """
    from demiglace.inference.source import device_named, dtype_named, folder_of
    from demiglace.model.adapters import Lora
    from demiglace.recipes.finetuning import FinetuningRecipe
    from demiglace.recipes.run import Machine
    from demiglace.training.distributed import own_device

    recipe = FinetuningRecipe(
        model=folder_of(None if model == "nano" else model),
        data=data,
        method=_method(full, lora, qlora),
        parts=tuple(part.strip() for part in learn.split(",") if part.strip()),
        media=media,
        lora=Lora(rank, scale=2.0 * rank),
        rate=rate,
        epochs=epochs,
        length=length,
        rows=rows,
        rows_per_part=rows_at_once,
        held_out=held_out,
        patience=patience,
        seed=seed,
        recompute=recompute,
    )
    where = own_device(device_named(device))
    machine = Machine(where, dtype_named(dtype, where), num_workers=workers, skip_bad=skip_bad, tensorboard=tensorboard)
    _look_and_run(recipe, out, machine, dry_run)


def _look_and_run(recipe: FinetuningRecipe, out: Path, machine: Machine, dry_run: bool) -> None:
    """Nothing is written before the data was looked at."""
    from demiglace.recipes.finetuning_run import finetune as finetuned
    from demiglace.recipes.finetuning_run import survey

    seen = survey(recipe)
    _tell(recipe, seen, machine)
    if dry_run:
        return
    if seen.bad and not machine.skip_bad:
        raise ValueError(f"{len(seen.bad)} bad records, the first: {seen.bad[0]}; --skip-bad leaves such ones out")
    run_together(lambda own: finetuned(recipe, seen, out, own), machine, "result")


def _method(full: bool, lora: bool, qlora: bool) -> Method:
    if full + lora + qlora > 1:
        raise ValueError("--full, --lora and --qlora exclude each other")
    return "full" if full else "qlora" if qlora else "lora"


def _tell(recipe: FinetuningRecipe, seen: Survey, machine: Machine) -> None:
    """What is in the data, what a run takes, and one sample as the model sees it."""
    from demiglace.data.survey import shown
    from demiglace.processing.processor import Processor
    from demiglace.recipes.finetuning_cost import predict

    note(f"records to learn from: {seen.num_records}, looked at: {seen.looked_at}")
    note(f"samples: {seen.samples}; bad: {len(seen.bad)}; longer than {recipe.length} tokens: {len(seen.too_long)}")
    note(f"slices of images: {seen.slices}; frames: {seen.frames} in {seen.packages} packages")
    note(f"tokens: {seen.tokens}, visual {seen.visual_tokens}, learned {seen.learned_tokens}, most {seen.longest}")
    for problem in [*seen.bad, *seen.too_long][:MOST_NAMED]:
        note(f"  {problem}")
    if seen.first is None:
        return
    cost = predict(recipe, seen, machine)
    note(
        f"steps: {cost.num_steps}; memory: about {cost.memory_bytes / 2**30:.1f} GiB, of which weights "
        f"{cost.weight_bytes / 2**30:.1f}; time: about {cost.seconds / 60:.0f} min"
    )
    note(f"one sample:\n{shown(seen.first, Processor.load(recipe.model).tokenizer)}")
