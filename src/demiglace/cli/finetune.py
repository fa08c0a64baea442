"""`demiglace finetune MODEL DATA --out DIR`: fine-tune a finished model on a user's own records."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli import inference_options
from demiglace.cli import training_options as training
from demiglace.cli.training_command import MemoryAdvice, advice_on_rows, run_together

if TYPE_CHECKING:
    from demiglace.data.dataset_statistics import DatasetStatistics
    from demiglace.data.sources.record_files import RecordFile
    from demiglace.jobs.machine import Machine
    from demiglace.model.adapters import Lora
    from demiglace.recipes.finetuning import FinetuningRecipe

MOST_NAMED = 10  # bad records

Data = Annotated[
    list[str],
    typer.Argument(help="Files of chats (JSON, JSON Lines, Parquet, tar), folders, quoted patterns, s3:// and others."),
]
Media = Annotated[str | None, typer.Option(help="Folder that paths in records are relative to, or its address.")]
MediaRoot = Annotated[Path | None, typer.Option(help="Folder in which paths may lead anywhere, by ../ or absolute.")]
Length = Annotated[
    int | None,
    typer.Option(help="Tokens of a row, the limit for a sample. [default: 2048, or the model's positions if fewer]"),
]
HeldOut = Annotated[
    float | None,
    typer.Option(help="Share of the records held out for validation. [default: 0.1, or 0 with --validation]"),
]
ValidationFiles = Annotated[
    list[str] | None,
    typer.Option("--validation", help="Files of chats to validate on, as DATA; for several, repeat the option."),
]
RefuseLong = Annotated[
    bool, typer.Option("--refuse-long", help="Stop at a sample longer than a row instead of leaving it out.")
]


@inference_options.with_options
def finetune(
    model: Annotated[str, typer.Argument(help='Folder or hub id; "nano" and "nano-reader" ship with the package.')],
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and the result.")],
    stores: training.Stores,
    full: Annotated[bool, typer.Option("--full", help="Train all weights of the parts.")] = False,
    lora: Annotated[bool, typer.Option("--lora", help="Train adapters (the default).")] = False,
    qlora: Annotated[bool, typer.Option("--qlora", help="Train adapters on 4-bit weights.")] = False,
    learn: Annotated[str, typer.Option(help="Parts to train, of encoder,resampler,decoder.")] = "decoder",
    media: Media = None,
    media_root: MediaRoot = None,
    fps: inference_options.Fps = None,
    max_packages: inference_options.MaxPackages = None,
    package_frames: inference_options.PackageFrames = None,
    max_slices: inference_options.MaxSlices = None,
    no_upscale: inference_options.NoUpscale = False,
    rank: Annotated[int | None, typer.Option(help="Rank of the adapters. [default: 16]")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate. [default: by size and method]")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the data.")] = 3.0,
    length: Length = None,
    batch_rows: Annotated[int, typer.Option(help="Packed rows per step.")] = 4,
    micro_batch_rows: Annotated[int, typer.Option(help="Rows per forward pass.")] = 1,
    held_out: HeldOut = None,
    validation: ValidationFiles = None,
    patience: Annotated[int, typer.Option(help="Stop after N checkpoints without improvement; 0 is never.")] = 0,
    seed: training.Seed = 0,
    activation_checkpointing: training.ActivationCheckpointing = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Survey the data, estimate the run, and stop.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad records out.")] = False,
    refuse_long: RefuseLong = False,
    workers: training.NumWorkers = 0,
    *,
    computing: training.Computing,
) -> None:
    """Fine-tune a model on your records. Stop it with Ctrl-C; the same command resumes from there.

    torchrun --nproc-per-node 8 -m -- demiglace finetune ... --batch-rows 8 runs it in 8 processes.
    """
    from demiglace.model.hub import folder_of
    from demiglace.model.weights import read_config
    from demiglace.recipes.finetuning import FinetuningRecipe, usual_length

    start = folder_of(model)
    videos = inference_options.Reading(fps=fps, max_packages=max_packages, package_frames=package_frames)
    notices: list[str] = []  # logged once it is known which process is the first
    files, kept, folder = _records(data, validation or [], out, media, media_root, notices.append)
    recipe = FinetuningRecipe(
        start, files, training.finetuning_method(full, lora, qlora),
        tuple(part.strip() for part in learn.split(",") if part.strip()),
        media=folder, media_root=media_root, sampling=videos.sampling(), cache=stores.objects(),
        lora=_lora(rank, full), learning_rate=lr, epochs=epochs,
        length=usual_length(read_config(start)) if length is None else length, batch_rows=batch_rows,
        micro_batch_rows=micro_batch_rows, held_out=_share(held_out, bool(kept)), validation=kept, patience=patience,
        seed=seed,
        activation_checkpointing=activation_checkpointing,
        **inference_options.Slicing(max_slices, no_upscale).changes(),
    )  # fmt: skip
    machine = computing.machine(num_workers=workers, skip_bad=skip_bad, refuse_long=refuse_long)
    job = partial(_survey_and_run, recipe, out, notices, dry_run)
    run_together(job, machine, "result", _memory_advice(recipe, out))


def _survey_and_run(
    recipe: FinetuningRecipe, out: Path, notices: list[str], dry_run: bool, machine: Machine
) -> Path | None:
    """Survey the data, then train: nothing is written before every process has surveyed it. notices: logged first."""
    from demiglace.jobs.finetuning import check_processes, check_usable, survey
    from demiglace.jobs.finetuning import finetune as finetuned
    from demiglace.jobs.machine import measured_peak

    check_processes(recipe, machine.ranks)
    for notice in notices:
        machine.log(notice)
    train, validation = (survey(recipe, held_out, machine.ranks.is_first) for held_out in (False, True))
    _log_statistics(recipe, train, validation, machine)
    peak = measured_peak(machine) if train.samples else None
    if peak is not None:
        _log_estimate(recipe, train, machine, peak)
    bad, too_long = [*train.bad, *validation.bad], [*train.too_long, *validation.too_long]
    if bad and not machine.skip_bad:
        count = "1 bad record" if len(bad) == 1 else f"{len(bad)} bad records, the first"
        raise ValueError(f"{count}: {bad[0]}; --skip-bad leaves bad records out")
    if too_long and machine.refuse_long:
        raise ValueError(f"{len(too_long)} samples longer than {recipe.length} tokens, the first: {too_long[0]}")
    if (recipe.patience or recipe.validation) and not validation.samples:
        option = "--validation" if recipe.validation else f"--patience {recipe.patience}"
        count = f"{validation.num_records} records are held out"
        raise ValueError(f"{option} has no effect: {count}, and none of them can be used")
    if dry_run:
        check_usable(recipe, train)
        raise typer.Exit
    return finetuned(recipe, train, out, machine, peak)


def _records(
    data: list[str],
    validation: list[str],
    out: Path,
    media: str | None,
    media_root: Path | None,
    log: Callable[[str], object],
) -> tuple[tuple[RecordFile, ...], tuple[RecordFile, ...], Path | str | None]:
    """The files of records for training and for validation, and the folder of their media; ValueError if they do not
    go together. log: is told which files are left out."""
    from demiglace.data.object_cache import path_or_address
    from demiglace.data.sources.record_files import check_media, record_files, training_files

    kept, folder = record_files(validation), path_or_address(media) if media else None
    files = training_files(data, log, kept, out)
    check_media((*files, *kept), folder, media_root)
    return files, kept, folder


def _lora(rank: int | None, is_full: bool) -> Lora:
    """Adapters of that rank, or of the default; ValueError if a rank is given and there are none."""
    from demiglace.model.adapters import Lora

    if is_full and rank is not None:
        raise ValueError(f"--rank {rank} has no effect with --full, which trains no adapters")
    size = Lora().rank if rank is None else rank
    return Lora(size, scale=2.0 * size)


def _share(held_out: float | None, is_validated: bool) -> float:
    """The share to hold out: the recipe's, or none where there are files for validation."""
    from demiglace.recipes.finetuning import FinetuningRecipe

    if held_out is not None:
        return held_out
    return 0.0 if is_validated else FinetuningRecipe.held_out


def _memory_advice(recipe: FinetuningRecipe, out: Path) -> MemoryAdvice:
    """Advice on what takes less memory than `recipe`."""
    method = {"full": ("--lora",), "lora": ("--qlora",), "qlora": ()}[recipe.method]
    return advice_on_rows(recipe, out, method)


def _log_statistics(
    recipe: FinetuningRecipe, train: DatasetStatistics, validation: DatasetStatistics, machine: Machine
) -> None:
    """Logs the statistics of the training and the validation data."""
    log, bad, too_long = machine.log, [*train.bad, *validation.bad], [*train.too_long, *validation.too_long]
    some = validation.num_inspected < validation.num_records
    measured = f", validated on a random {validation.num_inspected} of them" if some else ""
    log(
        f"records to learn from: {train.num_records}, looked at: {train.num_inspected}; "
        f"held out: {validation.num_records}{measured}"
    )
    log(f"samples: {train.samples}; bad: {len(bad)}; longer than {recipe.length} tokens: {len(too_long)}")
    log(f"slices of images: {train.slices}; frames: {train.frames} in {train.packages} packages")
    log(f"tokens: {train.tokens}, visual {train.visual_tokens}, learned {train.learned_tokens}, most {train.longest}")
    if left_out := train.left_out + validation.left_out:
        log(f"answers of earlier turns whose reasoning is left out: {left_out}")
    problems = [*bad, *too_long]
    for problem in problems[:MOST_NAMED]:
        log(f"  {problem}")
    if len(problems) > MOST_NAMED:
        log(f"  and {len(problems) - MOST_NAMED} more")


def _log_estimate(recipe: FinetuningRecipe, train: DatasetStatistics, machine: Machine, peak: float) -> None:
    """Logs the estimated memory and time of a run, and one sample as the model sees it."""
    from demiglace.data.dataset_statistics import shown
    from demiglace.jobs.finetuning_estimate import predict

    assert train.first is not None
    cost = predict(recipe, train, machine, peak)
    each = "" if machine.ranks.count == 1 else " in each process"
    machine.log(
        f"steps: {cost.num_steps}; memory: about {_size(cost.memory_bytes)}{each}, of which weights "
        f"{_size(cost.weight_bytes)}; time: about {_duration(cost.seconds)}"
    )
    machine.log(f"one sample:\n{shown(train.first, recipe.processor().tokenizer)}")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _size(num_bytes: float) -> str:
    return f"{num_bytes / 2**30:.1f} GiB" if num_bytes >= 2**30 else f"{num_bytes / 2**20:.0f} MiB"
