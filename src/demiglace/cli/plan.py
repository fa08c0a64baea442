"""`demiglace plan MODEL DATA`: memory by part, fit, speed, hours, energy and money of a job, by formula."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli import inference_options
from demiglace.cli.plan_options import AnsweringOptions, LearningOptions
from demiglace.cli.planned_jobs import DPO, FINETUNE, JOBS, RL, SERVE
from demiglace.cli.terminal import check_open, note
from demiglace.cli.training_options import Stores

if TYPE_CHECKING:
    from demiglace.data.dataset_statistics import DatasetStatistics
    from demiglace.data.source import Source
    from demiglace.model.minicpmv import MiniCPMVConfig
    from demiglace.planning.accelerator import Accelerator
    from demiglace.planning.job_plan import Change, JobPlan
    from demiglace.planning.training_setup import TrainingSetup
    from demiglace.processing.processor import Processor
    from demiglace.processing.sample import Sample


@inference_options.with_options
def plan_job(
    model: Annotated[str, typer.Argument(help="Folder, hub id or size: nano, nano-reader, small, 8b.")],
    data: Annotated[str, typer.Argument(help="A mixture (TOML), or a file, folder or address of records.")],
    learning: LearningOptions,
    answering: AnsweringOptions,
    stores: Stores,
    job: Annotated[str, typer.Option(help=f"{', '.join(JOBS)}; a stage uses its sources of the mixture.")] = FINETUNE,
    gpu: Annotated[str, typer.Option(help="a100-40gb, a100-80gb, h100-80gb, h200, rtx-4090, cpu.")] = "cpu",
    gpus: Annotated[int, typer.Option(help="Number of GPUs, one process on each.", min=1)] = 1,
    price: Annotated[float | None, typer.Option(help="Price of a device-hour.", min=0)] = None,
    watts: Annotated[float | None, typer.Option(help="Power of a device. [default: its data sheet's]", min=0)] = None,
    media: Annotated[str | None, typer.Option(help="Folder that paths in records are relative to.")] = None,
    max_slices: inference_options.MaxSlices = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the estimate as JSON.")] = False,
) -> None:
    """Estimate a job before it starts: memory by part, whether it fits, time, energy and money."""
    from dataclasses import replace

    from demiglace.planning.accelerator import accelerator
    from demiglace.planning.job_plan import what_fits

    check_open("stdout")
    learning.check(job)
    answering.check(job)
    device = accelerator(gpu, learning.products(gpu))
    device = replace(device, watts=device.watts if watts is None else watts)
    config, processor = _model(model, max_slices)
    numbers = learning.numbers(job, config)
    setup = learning.setup(job, numbers, gpu, gpus)
    config.llm.check_length(setup.length)
    stats = _measure(data, media, stores, job, setup, config, processor)
    num_steps = learning.num_steps(job, numbers, stats)

    def planned(changed: TrainingSetup) -> JobPlan:
        return _planned(job, changed, config, stats, device, answering, num_steps, price)

    plan = planned(setup)
    fits = plan.memory.fits(device)
    is_settled = fits or job == SERVE
    alternatives = [] if is_settled else what_fits(setup, device, lambda one: planned(one).memory, job == FINETUNE)
    if as_json:
        typer.echo(json.dumps(_fields(plan, device, gpus, fits, alternatives), indent=2))
    else:
        _show(plan, device, f"{gpus} x {device.name}, {_describe(job, setup)}", fits, alternatives, job)


def _model(name: str, max_slices: int | None) -> tuple[MiniCPMVConfig, Processor]:
    """Config and processor; for a size without weights, pictures as in the release and text in bytes."""
    from demiglace.model import weights
    from demiglace.model.hub import folder_of
    from demiglace.model.presets import preset
    from demiglace.processing.processor import Processor
    from demiglace.processing.processor_config import ProcessorConfig
    from demiglace.processing.tokenizer import Tokenizer

    if name in ("small", "8b"):
        typer.echo(
            f"{name} has no tokenizer here: a byte of text counts as a token, up to four times too many", err=True
        )
        config, processor = preset(name), Processor(Tokenizer.bytes_only(), ProcessorConfig())
    else:
        folder = folder_of(name)
        config, processor = weights.read_config(folder), Processor.load(folder)
    return config, processor if max_slices is None else processor.sliced(max_slices=max_slices)


def _measure(
    data: str,
    media: str | None,
    stores: Stores,
    job: str,
    setup: TrainingSetup,
    config: MiniCPMVConfig,
    processor: Processor,
) -> DatasetStatistics:
    """Statistics of the data, and the cost of its samples; ValueError if no sample can be read."""
    from demiglace.data.dataset_statistics import measure_dataset, measure_draws
    from demiglace.data.mixture import Mixture
    from demiglace.data.mixture_file import read_mixture
    from demiglace.data.object_cache import path_or_address
    from demiglace.data.sample_builder import PromptBuilder, SampleBuilder
    from demiglace.data.sources.jsonl import JsonFile
    from demiglace.data.sources.object_store import StoredRecords
    from demiglace.data.sources.pair_answers import PairAnswers
    from demiglace.data.sources.record_files import open_records, record_files, training_files
    from demiglace.data.split import Portion
    from demiglace.recipes.finetuning import FinetuningRecipe

    cost = partial(_cost, job, setup, config, processor)
    build = PromptBuilder if job in (RL, SERVE) else SampleBuilder  # their answers are generated
    if data.endswith(".toml"):
        stores.refuse(data)
        if job in (FINETUNE, DPO, SERVE):
            raise ValueError(f"{data} is a mixture: choose its stage with --job, such as --job general")
        stats = measure_draws(build(read_mixture(Path(data)).mixture(job, note), processor, 0, setup.length), cost)
    else:
        folder = path_or_address(media) if media else None
        files = record_files([data]) if job == SERVE else training_files([data], note)
        source: Source = open_records("data", files, folder, cache=stores.objects())
        if job == DPO and isinstance(source, JsonFile | StoredRecords):
            source = PairAnswers(source)
        if job == FINETUNE:
            source = Portion(source, FinetuningRecipe.held_out, FinetuningRecipe.seed, held_out=False)
        mixture = Mixture((source,), (1.0,), (1.0,))
        stats = measure_dataset(build(mixture, processor, 0, setup.length), cost)
    if not stats.samples:
        problems = [*stats.bad, *stats.too_long]
        raise ValueError(f"{data} has no usable sample{': ' + problems[0] if problems else ''}")
    return stats


def _cost(job: str, setup: TrainingSetup, config: MiniCPMVConfig, processor: Processor, sample: Sample) -> float:
    """Operations for training on a sample or a pair of such samples, or only for the forward pass of a sample."""
    from demiglace.planning.duration import pair_flops, training_flops
    from demiglace.processing.packing import pack
    from demiglace.training.flops import Learning, model_flops

    batch = pack([[sample]], len(sample.tokens), processor.tokenizer.special["end_of_text"])
    if job == SERVE:
        return model_flops(config, batch, Learning(False, False, False))
    return (pair_flops if job == DPO else training_flops)(config, batch, setup)


def _planned(
    job: str,
    setup: TrainingSetup,
    config: MiniCPMVConfig,
    stats: DatasetStatistics,
    device: Accelerator,
    answering: AnsweringOptions,
    num_steps: int,
    price: float | None,
) -> JobPlan:
    from demiglace.planning.job_plan import pair_plan, rl_plan, serving_plan, training_plan

    if job == SERVE:
        return serving_plan(config, stats, answering.answers(), device, setup.processes, setup.dtype, price)
    if job == RL:
        answers, group = answering.answers(), answering.num_of_a_prompt
        return rl_plan(setup, config, stats, answers, group, device, num_steps, price)
    if job == DPO:
        return pair_plan(setup, config, stats, device, num_steps, price)
    return training_plan(setup, config, stats, device, num_steps, price)


def _fields(
    plan: JobPlan, device: Accelerator, count: int, fits: bool, alternatives: list[Change]
) -> dict[str, object]:
    memory = {**asdict(plan.memory), "total": plan.memory.total}
    return {
        "device": asdict(device), "devices": count, "memory_bytes": memory, "fits": fits,
        "fits_with": [change.options for change in alternatives], "steps": plan.num_steps,
        "tokens_per_second": plan.tokens_per_second, **asdict(plan.cost),
    }  # fmt: skip


def _describe(job: str, setup: TrainingSetup) -> str:
    """What is trained, and how, in words."""
    if job == SERVE:
        return "answering"
    learning = "all weights" if setup.is_full else f"adapters of rank {setup.lora.rank}"
    return f"{learning} in {', '.join(setup.parts)}, {setup.dtype}"


def _show(plan: JobPlan, device: Accelerator, title: str, fits: bool, alternatives: list[Change], job: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    memory, cost = plan.memory, plan.cost
    typer.echo(title)
    table = Table("memory", "GiB", box=box.SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for name, size in (*asdict(memory).items(), ("together", memory.total), ("there is", device.memory_bytes)):
        table.add_row(name.replace("_", " "), f"{size / 2**30:.2f}")
    Console().print(table)
    verdict = "fits" if fits else "does not fit"
    cure = f"; it fits with {' or with '.join(change.options for change in alternatives)}" if alternatives else ""
    typer.echo(f"it {verdict}{cure}")
    unit = "requests" if job == SERVE else "steps"
    written = "written" if job in (SERVE, RL) else "learned from"
    typer.echo(f"{plan.num_steps} {unit}, {_rate(plan.tokens_per_second)} tokens a second {written}")
    energy = "" if cost.kwh is None else f", {cost.kwh:.3g} kWh"
    money = "" if cost.money is None else f", {cost.money:,.2f} in money"
    typer.echo(f"{cost.seconds / 3600:.3g} hours{energy}{money}; by {device.source}")


def _rate(number: float) -> str:
    """With digits where there are few: a slow device gives less than one token a second."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
