"""Hybrid reinforcement learning on a user's own mixture; resumes where it stopped.

    demiglace rl MIXTURE.toml --preset nano --start FOLDER --folder RUN

A run's folder holds `run.json` (the settings that determine it), `hybrid_rl` with checkpoints, metrics and rollouts,
and at the end `model`.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import torch

from demiglace.data.mixture import Mixture
from demiglace.data.mixture_file import FOLDERS, RL, MixtureFile, SourceEntry
from demiglace.data.object_cache import path_or_address
from demiglace.fields import Anything, Field, ListOf, Real, TableOf, Whole, take
from demiglace.jobs.export import export_policy
from demiglace.jobs.machine import Machine, check_dtype
from demiglace.jobs.run_folder import open_folder
from demiglace.jobs.run_record import MOST_RECORD_BYTES, RUN_FILE, Inputs, inputs_of, marks, model_files
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.recipes.hybrid_rl import HybridRlRecipe
from demiglace.records.bad_record import BadRecord
from demiglace.rl.batch_figures import check_domains
from demiglace.rl.generator import EngineGenerator, sampling_model
from demiglace.rl.policy_objective import PolicyObjective
from demiglace.rl.prompts import Prompts
from demiglace.rl.remote_generator import RemoteGenerator
from demiglace.rl.remote_server import RemoteServer
from demiglace.rl.reward_model import SequenceClassifier
from demiglace.rl.rewards import RewardModel
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.rl.rollout_collector import RolloutCollector
from demiglace.rl.rollout_log import RolloutLog
from demiglace.safe_files import read_object
from demiglace.training import checkpoint
from demiglace.training.flops import Learning
from demiglace.training.trainer import Trainer

PROMPT_FIELDS: dict[str, Field] = {
    "seed": Whole(0, 2**64),
    "numbers": TableOf(Anything()),
    "sources": ListOf(TableOf(Anything()), least=1),
}


def run(recipe: HybridRlRecipe, folder: Path, machine: Machine, remote: RemoteServer | None = None) -> Path | None:
    """Run or resume the recipe in `folder`; returns the folder of the finished model, or None if a signal stopped it.

    remote: a server that samples the answers instead of the engine; only rounding differs.

    Raises ValueError if no source has a weight, one has the name of a mode, or the folder holds a run with other
    settings; CannotBegin, with the steps before it saved, for a bad record unless they are skipped, and for a prompt
    that cannot be answered or scored; and what `Trainer.run` raises.
    """
    check_dtype(machine.dtype)
    machine.ranks.share(recipe.numbers.policy.batch_prompts)  # raises if they cannot be divided evenly
    stage, processor = recipe.stage(), Processor.load(recipe.start)
    mixture = recipe.mixture.mixture(RL, machine.log)
    prompts = Prompts(mixture, recipe.numbers.long_share, recipe.seed)
    check_domains(prompts.domains)
    judge = None if recipe.reward_model is None else SequenceClassifier(recipe.reward_model, machine.device)
    settings = recipe.settings() | {"dtype": machine.dtype_name}
    ranks, log, restart = machine.ranks, machine.log, machine.restart
    with open_folder(folder, settings, partial(_inputs, recipe, mixture), [RL, "model"], ranks, log, restart):
        _check_steps(recipe, folder)
        model = weights.load(recipe.start, torch.float32)
        learner = PolicyLearner(model, recipe.numbers.activation_checkpointing).to(machine.device)
        objective = policy_objective(recipe, learner, processor, prompts, folder / RL, machine, judge, remote)
        trainer = Trainer(
            learner, stage, objective, folder / RL,
            ranks=ranks, tensorboard=machine.tensorboard, pace=machine.pace, log=log,
        )  # fmt: skip
        with closing(objective.collector.batches):
            if not trainer.run():
                return None
        ranks.first(partial(export_policy, recipe.start, folder / RL, folder / "model"))
    return folder / "model"


def policy_objective(
    recipe: HybridRlRecipe,
    learner: PolicyLearner,
    processor: Processor,
    prompts: Prompts,
    stage_folder: Path,
    machine: Machine,
    reward_model: RewardModel | None,
    remote: RemoteServer | None = None,
) -> PolicyObjective:
    """The objective, for a learner that is not yet sharded."""
    numbers, ranks = recipe.numbers, machine.ranks
    model = sampling_model(learner.model, ranks.count > 1, machine.dtype)
    is_encoder_frozen = not Learning.of(numbers.trainable).vision

    def on_bad(error: BadRecord) -> None:
        if not machine.skip_bad:
            raise error
        machine.log(f"left out: {error}")

    if remote is None:
        generator = EngineGenerator(model, processor, is_encoder_frozen)
    else:
        generator = RemoteGenerator(model, processor, is_encoder_frozen, remote, ranks)
    collector = RolloutCollector(
        prompts,
        generator,
        numbers.policy,
        RolloutLog(stage_folder, ranks.rank),
        on_bad,
        ranks,
        reward_model,
        machine.num_workers,
    )
    return PolicyObjective(
        collector,
        machine.log,
        micro_batch_size=numbers.micro_batch_prompts,
        device=machine.device,
        dtype=machine.dtype,
    )


def prompts_of(folder: Path) -> Prompts:
    """The prompts of the run in `folder`, from its `run.json`; ValueError if there is no such run."""
    path = folder / RUN_FILE
    fields = read_object(path, MOST_RECORD_BYTES)
    if not (folder / RL).is_dir():
        raise ValueError(f"{folder} holds no run of demiglace rl: there is no folder {RL} in it")
    held = take(str(path), fields, PROMPT_FIELDS, list(PROMPT_FIELDS))
    share = take(str(path), held["numbers"], {"long_share": Real(0, 1)}, ["long_share"])["long_share"]
    entries = tuple(_entry(fields) for fields in held["sources"])
    return Prompts(MixtureFile(path, entries).mixture(RL), share, held["seed"])


def _check_steps(recipe: HybridRlRecipe, folder: Path) -> None:
    """ValueError if the run has more steps: a run may be extended, but the weights after fewer steps are gone."""
    newest = checkpoint.latest(folder / RL)
    taken = 0 if newest is None else checkpoint.num_steps(newest)
    if taken > recipe.numbers.num_steps:
        raise ValueError(f"the run in {folder} has taken {taken} steps, more than --steps {recipe.numbers.num_steps}")


def _inputs(recipe: HybridRlRecipe, mixture: Mixture) -> Inputs:
    found = inputs_of(mixture.sources, recipe.start)
    judge = () if recipe.reward_model is None else model_files(recipe.reward_model)
    return {**found, "reward model": marks(judge)}


def _entry(fields: dict[str, Any]) -> SourceEntry:
    """A source of `run.json`, in which paths are strings."""
    path, options = fields.pop("path"), fields.pop("options")
    opened = {name: path_or_address(value) if name in FOLDERS else value for name, value in options.items()}
    return SourceEntry(**fields, path=None if path is None else Path(path), options=opened)
