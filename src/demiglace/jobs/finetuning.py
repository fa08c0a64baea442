"""Fine-tuning, from statistics of the data to the best checkpoint; resumes where it stopped.

    demiglace finetune MODEL DATA --out OUT

OUT holds `run.json` (the settings that determine the run), `finetune` (checkpoints, metrics, `validation.jsonl`, the
best checkpoint) and at the end `adapter`, in PEFT's format, or `model`, in the released layout.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from demiglace.batch import Batch
from demiglace.data.dataset_statistics import MOST_RECORDS, DatasetStatistics, measure_dataset
from demiglace.data.sample_builder import SampleBuilder
from demiglace.data.sources.record_files import place_of
from demiglace.jobs.export import export
from demiglace.jobs.finetuning_estimate import setup_of
from demiglace.jobs.machine import Machine, check_dtype, measured_peak
from demiglace.jobs.run_folder import open_folder
from demiglace.jobs.run_record import inputs_of
from demiglace.jobs.supervised_stage import open_loader, supervised_objective
from demiglace.model import adapters, weights
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.quantisation import nf4_for_training
from demiglace.planning.duration import training_flops
from demiglace.processing.packing import pack
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.recipes.finetuning import PARTS, STAGE, FinetuningRecipe
from demiglace.records.bad_record import BadRecord
from demiglace.safe_files import atomic_path
from demiglace.training import checkpoint
from demiglace.training.distributed import ProcessGroup
from demiglace.training.flops import Learning
from demiglace.training.stage import Stage
from demiglace.training.supervised import LanguageLearner
from demiglace.training.trainer import Trainer, freeze_all_but
from demiglace.training.validation import BEST, Validation

MODEL, ADAPTER = "model", "adapter"  # the result: one of the two
MOST_HELD_OUT = 200  # maximum number of validation samples (ours)


def survey(recipe: FinetuningRecipe, held_out: bool = False, shows: bool = True) -> DatasetStatistics:
    """Statistics of the records for training, or for validation; ValueError if the data has none at all, or if rows are
    longer than the model has positions."""
    processor, config = recipe.processor(), weights.read_config(recipe.model)
    config.llm.check_length(recipe.length)
    if held_out and not sum(recipe.portion(held_out).blocks or ()):
        return DatasetStatistics(num_records=0)
    builder = SampleBuilder(recipe.mixture(held_out), processor, recipe.seed, recipe.length)
    most = MOST_HELD_OUT if held_out else MOST_RECORDS
    return measure_dataset(builder, partial(_flops, recipe, processor, config), most, shows)


def finetune(
    recipe: FinetuningRecipe, stats: DatasetStatistics, folder: Path, machine: Machine, peak: float | None = None
) -> Path | None:
    """Run or resume the recipe in `folder`; returns the path of the result, or None if a signal stopped it.

    stats: the survey of the same data. peak: operations per second of all processes; None measures it here.
    Raises ValueError if there is nothing to train on, the folder holds a run with other settings, or peft is missing;
    BadRecord for a bad record unless they are skipped; OSError if the result cannot be written.
    """
    ranks = machine.ranks
    check_dtype(machine.dtype)
    check_processes(recipe, ranks)
    check_usable(recipe, stats)
    settings = _settings(recipe, stats) | {"dtype": machine.dtype_name}
    made, inputs = [STAGE, ADAPTER, MODEL], partial(inputs_of, recipe.sources(), recipe.model)
    with open_folder(folder, settings, inputs, made, ranks, machine.log, machine.restart):
        return learn(recipe, stats, folder, machine, peak)


def check_processes(recipe: FinetuningRecipe, ranks: ProcessGroup) -> None:
    """ValueError if the recipe cannot be run in so many processes."""
    if recipe.method == "qlora" and ranks.count > 1:
        raise ValueError(f"4-bit weights are trained in one process, got {ranks.count}: --lora allows any number")
    ranks.share(recipe.batch_rows)


def check_usable(recipe: FinetuningRecipe, stats: DatasetStatistics) -> None:
    """ValueError if there is nothing to train on."""
    if not stats.samples:
        count = f"{stats.num_records} records to learn from"
        raise ValueError(f"{recipe.data_named} has {count}, and none of them can be used")


def learn(
    recipe: FinetuningRecipe, stats: DatasetStatistics, folder: Path, machine: Machine, peak: float | None
) -> Path | None:
    """The run itself, in a folder that it has locked; as `finetune`."""
    ranks = machine.ranks
    processor = recipe.processor()
    learner, adapter = initial_learner(recipe, machine)
    trainable = adapters.learned_names(learner) if adapter else tuple(PARTS[part] for part in recipe.parts)
    num_parameters = sum(value.numel() for value in learner.parameters())
    stage = recipe.stage(trainable, recipe.num_steps(stats.lengths), recipe.peak_learning_rate(num_parameters))
    if not run(recipe, stage, learner, processor, folder, machine, peak or measured_peak(machine)):
        return None
    target = folder / (MODEL if adapter is None else ADAPTER)

    def finish() -> None:
        left = (learner, adapter) if ranks.count == 1 else gathered(recipe, trainable)
        checkpoint.restore_learner(best(folder / STAGE), left[0], with_frozen=False)
        with checkpoint.write_errors(folder / STAGE):
            write_result(*left, processor, target, recipe.model)

    ranks.first(finish)
    return target


def write_result(
    learner: LanguageLearner, adapter: adapters.PeftModel | None, processor: Processor, target: Path, start: Path
) -> None:
    """Write the adapters and the image settings for them, or without adapters the model, with the sampling of the model
    in `start`; OSError if they cannot be written."""
    if adapter is None:
        export(learner.model, processor, target, start)
    else:
        with atomic_path(target) as aside:
            adapters.save_adapter(adapter, aside)
            processor.save_config(aside)


def initial_learner(recipe: FinetuningRecipe, machine: Machine) -> tuple[LanguageLearner, adapters.PeftModel | None]:
    """The learner with the model to start from, and the adapters, if any."""
    torch.manual_seed(recipe.seed)
    if recipe.method == "full":
        return LanguageLearner(weights.load(recipe.model, torch.float32), recipe.activation_checkpointing).to(
            machine.device
        ), None
    model = weights.load(recipe.model, machine.dtype)
    if recipe.method == "qlora":
        nf4_for_training(model, machine.dtype)
    adapter = adapters.add_adapters(model.to(machine.device), recipe.parts, recipe.lora)
    return LanguageLearner(model, recipe.activation_checkpointing), adapter


def gathered(recipe: FinetuningRecipe, trainable: tuple[str, ...]) -> tuple[LanguageLearner, adapters.PeftModel | None]:
    """The model to start from, loaded again as a whole: a single process cannot write a sharded model."""
    learner, adapter = initial_learner(recipe, Machine(torch.device("cpu"), torch.float32))
    freeze_all_but(learner, trainable)
    return learner, adapter


def run(
    recipe: FinetuningRecipe,
    stage: Stage,
    learner: LanguageLearner,
    processor: Processor,
    folder: Path,
    machine: Machine,
    peak: float,
) -> bool:
    """False if a signal stopped it."""
    ranks, stage_folder = machine.ranks, folder / STAGE
    loader = open_loader(
        recipe.mixture(held_out=False),
        processor,
        machine,
        length=recipe.length,
        batch_rows=recipe.batch_rows,
        seed=recipe.seed,
    )
    objective = supervised_objective(
        loader, processor, stage, machine, stage_folder,
        length=recipe.length, micro_batch_rows=recipe.micro_batch_rows, learning=learning(recipe),
    )  # fmt: skip
    held = held_out(recipe, processor)
    callback = Validation(
        held, stage_folder, machine.device, machine.dtype, recipe.patience, ranks, is_due=stage.saves_after
    )
    with closing(loader):
        trainer = Trainer(
            learner, stage, objective, stage_folder, callback if held else None, ranks, peak, machine.tensorboard,
            pace=machine.pace, log=machine.log, is_enough=callback.is_enough,
        )  # fmt: skip
        return trainer.run()


def held_out(recipe: FinetuningRecipe, processor: Processor) -> list[Batch]:
    """The validation records, one per batch; those that cannot be read are left out."""
    number = min(sum(recipe.portion(held_out=True).blocks or ()), MOST_HELD_OUT)
    if not number:
        return []
    builder = SampleBuilder(recipe.mixture(held_out=True), processor, recipe.seed, recipe.length)
    batches = []
    for draw in builder.mixture.sample(0, number, recipe.seed):
        try:
            batches.append(processor.batch([builder(draw).sample()]))
        except BadRecord:
            continue
    return batches


def best(stage_folder: Path) -> Path:
    """The best checkpoint, or the last one if nothing was held out."""
    found = stage_folder / BEST
    last = checkpoint.latest(stage_folder)
    assert last is not None
    return found if found.is_dir() else last


def learning(recipe: FinetuningRecipe) -> Learning:
    return Learning(*(part in recipe.parts for part in ("encoder", "resampler", "decoder")))


def _settings(recipe: FinetuningRecipe, stats: DatasetStatistics) -> dict[str, Any]:
    """The settings that determine a run; how steps are split and when to stop early may change on resume."""
    free = ("micro_batch_rows", "activation_checkpointing", "patience", "cache")
    settings = {name: value for name, value in asdict(recipe).items() if name not in free}
    places = [place_of(file) for file in recipe.data]
    data = places[0] if len(places) == 1 else places  # a single one as a string, as written by runs of earlier versions
    validation = [place_of(file) for file in recipe.validation] or None  # as if written by runs of earlier versions
    return {**settings, "data": data, "validation": validation, "num_records": stats.num_records}


def _flops(recipe: FinetuningRecipe, processor: Processor, config: MiniCPMVConfig, sample: Sample) -> float:
    batch = pack([[sample]], len(sample.tokens), processor.tokenizer.special["end_of_text"])
    return training_flops(config, batch, setup_of(recipe))
