"""RLAIF-V, or DPO on a user's own pairs; resumes where it stopped.

    demiglace prefer MIXTURE.toml --preset nano --start FOLDER --folder RUN
    demiglace prefer PAIRS.jsonl --preset nano --start FOLDER --folder RUN

A run's folder holds `run.json` (the settings that determine it), `preference` with answers, pairs, their reference
log-probabilities, checkpoints and metrics, and at the end `model`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from demiglace.conversation import Conversation
from demiglace.data.mixture_file import PREFERENCE, MixtureFile
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.object_store import StoredRecords
from demiglace.jobs.export import export_policy
from demiglace.jobs.judged_pairs import PAIRS_FILE, JudgedPairs
from demiglace.jobs.machine import Machine, check_dtype
from demiglace.jobs.run_folder import open_folder
from demiglace.jobs.run_record import Inputs, data_marks, inputs_of, marks, model_files
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.recipes.preference import PreferenceRecipe
from demiglace.records.bad_record import BadRecord
from demiglace.rl.pair_batches import PairBatches, ReadPair, pairs_of_prompts, pairs_of_records
from demiglace.rl.prompts import Prompts
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.training.preference import PreferenceObjective
from demiglace.training.reference_log_probs import ReferenceLog, ReferencePairs, ReferencePass
from demiglace.training.stage import Stage
from demiglace.training.stop_signals import stop_signals
from demiglace.training.trainer import Trainer


def run(recipe: PreferenceRecipe, folder: Path, machine: Machine) -> Path | None:
    """Run or resume the recipe in `folder`; returns the folder of the finished model, or None if a signal stopped it.

    Raises ValueError if no source has a weight, the folder holds a run with other settings, or there are no pairs;
    BadRecord for a bad record unless they are skipped; and what a verifier and `Trainer.run` raise.
    """
    check_dtype(machine.dtype)
    machine.ranks.share(recipe.numbers.batch_pairs)  # raises if they cannot be divided evenly
    stage, prompts = recipe.stage(), _prompts(recipe, machine)
    ranks, log, restart = machine.ranks, machine.log, machine.restart
    settings, inputs = recipe.settings() | {"dtype": machine.dtype_name}, partial(_inputs, recipe, prompts)
    with open_folder(folder, settings, inputs, [PREFERENCE, "model"], ranks, log, restart):
        if not _learn(recipe, stage, prompts, folder / PREFERENCE, machine):
            return None
        ranks.first(partial(export_policy, recipe.start, folder / PREFERENCE, folder / "model"))
    return folder / "model"


def _learn(
    recipe: PreferenceRecipe, stage: Stage, prompts: Prompts | None, stage_folder: Path, machine: Machine
) -> bool:
    """False if a signal stopped it."""
    with stop_signals(machine.ranks) as should_stop:
        found = _pairs(recipe, prompts, stage_folder, machine, should_stop)
        if found is None:
            return False
        read, count, mark = found
        model = weights.load(recipe.start, torch.float32)
        learner = PolicyLearner(model, recipe.numbers.activation_checkpointing).to(machine.device)
        pairs = PairBatches(Processor.load(recipe.start), read, learner.model.config.llm.max_position_embeddings)
        reference = _reference(recipe, learner, pairs, count, mark, stage_folder, machine, should_stop)
    if reference is None:
        return False
    machine.log(_shown_how_often(recipe, len(reference.numbers)))
    objective = _objective(recipe, pairs, reference, machine)
    trainer = Trainer(
        learner, stage, objective, stage_folder,
        ranks=machine.ranks, tensorboard=machine.tensorboard, pace=machine.pace, log=machine.log,
    )  # fmt: skip
    return trainer.run()


def _pairs(
    recipe: PreferenceRecipe,
    prompts: Prompts | None,
    stage_folder: Path,
    machine: Machine,
    should_stop: Callable[[], bool],
) -> tuple[ReadPair, int, str] | None:
    """The function that reads a pair, the number of pairs, and a mark of them all; None if a signal stopped it."""
    if not isinstance(recipe.source, MixtureFile):
        mark = " ".join(data_marks([recipe.source]).values())
        return pairs_of_records(recipe.source), sum(recipe.source.blocks), mark
    assert prompts is not None
    pairs = JudgedPairs(recipe, prompts, stage_folder, machine).make(should_stop)
    if pairs is None:
        return None
    mark = hashlib.sha256((stage_folder / PAIRS_FILE).read_bytes()).hexdigest()
    return pairs_of_prompts(prompts, recipe.numbers.prompts, pairs), len(pairs), mark


def _reference(
    recipe: PreferenceRecipe,
    learner: PolicyLearner,
    pairs: PairBatches,
    count: int,
    pairs_mark: str,
    stage_folder: Path,
    machine: Machine,
    should_stop: Callable[[], bool],
) -> ReferencePairs | None:
    start = sorted(marks(model_files(recipe.start)).values())
    key = {"start": start, "pairs": pairs_mark, "dtype": machine.dtype_name}

    def on_bad(number: int, error: ValueError) -> None:
        where = f"pair {number + 1}"
        if not machine.skip_bad:
            raise error if isinstance(error, BadRecord) else BadRecord(where, str(error)) from error
        machine.log(f"left out: {where}: {error}")

    log = ReferenceLog(stage_folder, key, machine.ranks.rank)
    reference = ReferencePass(
        pairs, count, recipe.numbers.micro_batch_pairs, log, on_bad, machine.ranks, machine.device, machine.dtype
    )
    return reference.run(learner, should_stop)


def _objective(
    recipe: PreferenceRecipe, pairs: PairBatches, reference: ReferencePairs, machine: Machine
) -> PreferenceObjective:
    numbers = recipe.numbers
    return PreferenceObjective(
        pairs, reference.numbers, reference.log_probs, numbers.beta, numbers.batch_pairs, recipe.seed, machine.ranks,
        numbers.nll_weight, micro_batch_size=numbers.micro_batch_pairs, device=machine.device, dtype=machine.dtype,
    )  # fmt: skip


def _shown_how_often(recipe: PreferenceRecipe, num_pairs: int) -> str:
    """A line for the user: steps are the preset's, however few pairs a file has."""
    numbers = recipe.numbers
    epochs = numbers.num_steps * numbers.batch_pairs / num_pairs
    return f"{num_pairs} pairs: in {numbers.num_steps} steps of {numbers.batch_pairs} each comes {epochs:.1f} times"


def _prompts(recipe: PreferenceRecipe, machine: Machine) -> Prompts | None:
    if not isinstance(recipe.source, MixtureFile):
        return None
    return Prompts(recipe.source.mixture(PREFERENCE, machine.log), recipe.numbers.long_share, recipe.seed)


def _inputs(recipe: PreferenceRecipe, prompts: Prompts | None) -> Inputs:
    if isinstance(recipe.source, MixtureFile):
        assert prompts is not None
        found = inputs_of(prompts.mixture.sources, recipe.start)
    else:
        found = inputs_of([recipe.source], recipe.start, _prompt_of_pair)
    folder = recipe.verifier.folder
    return {**found, "verifier": marks(() if folder is None else model_files(folder))}


def _prompt_of_pair(source: JsonFile | StoredRecords, block: int, row: int) -> Conversation:
    return Conversation(source.preference(block, row).messages)
