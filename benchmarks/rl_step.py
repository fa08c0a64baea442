"""A step of hybrid GRPO, ours beside the plain form on transformers and TRL's GRPOTrainer: same prompts, same machine.

    python benchmarks/rl_step.py [--model FOLDER] [--rounds 3] [--prompts 16] [--only WAY ...] [--out FILE]

16 prompts of generated clips, half of them long, 8 answers each, at the numbers of the preset nano. Each round has
prompts of its own, and the ways take turns from the same weights, so each draws other answers of about the same
length. Seconds are those of sampling, scoring and learning; prompts are prepared before, since all need them, and what
that takes is told apart. Needs the extra transformers, and TRL for its row.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from results_file import machine_here, versions_here, weights_of, write_result
from rich.progress import track
from rl_peers import Peer, Work, plain_step, trl_step
from torch import nn

from demiglace.data.mixture import Mixture
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.model import weights
from demiglace.model.hub import folder_of
from demiglace.processing.processor import Processor
from demiglace.recipes.hybrid_rl import numbers_of
from demiglace.records.bad_record import BadRecord
from demiglace.rl.generator import EngineGenerator
from demiglace.rl.policy_objective import PolicyObjective
from demiglace.rl.policy_settings import PolicySettings
from demiglace.rl.prompts import Prompts
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.rl.rollout_collector import RolloutCollector
from demiglace.rl.rollout_log import RolloutLog
from demiglace.training.trainer import freeze_all_but

RESULT = Path(__file__).parent / "results" / "rl_step.json"
PARTS = ("sampling_s", "scoring_s", "learning_s")
CPU = torch.device("cpu")

Figures = dict[str, float]


class OurStep:
    """Steps of `rl.policy_objective` from the weights in a folder, each on prompts of its own."""

    def __init__(self, folder: Path, settings: PolicySettings, seed: int = 0) -> None:
        self.numbers = numbers_of("nano")
        self.processor, self.settings = Processor.load(folder), settings
        self.learner = PolicyLearner(weights.load(folder, torch.float32))
        freeze_all_but(self.learner, self.numbers.trainable)
        self._aside = tempfile.TemporaryDirectory()
        self.objective = PolicyObjective(
            RolloutCollector(
                Prompts(Mixture((GeneratedClips("clips"),), (1.0,), (1.0,)), self.numbers.long_share, seed),
                EngineGenerator(self.learner.model, self.processor, is_encoder_frozen=True),
                settings,
                RolloutLog(Path(self._aside.name)),
                _refuse,
            ),
            micro_batch_size=self.numbers.micro_batch_prompts,
            device=CPU,
            dtype=torch.float32,
        )

    def __call__(self, number: int) -> Figures:
        """Learn from batch `number`; seconds of the parts, and tokens made."""
        learned = [value for value in self.learner.parameters() if value.requires_grad]
        optimizer = torch.optim.AdamW(learned, self.numbers.learning_rate, weight_decay=0.0)
        began, figures = time.perf_counter(), []
        for loss, part in self.objective(self.learner, number):
            loss.backward()
            figures.append(part)
        nn.utils.clip_grad_norm_(learned, self.numbers.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - began
        told = {name: float(figures[0][name]) for name in ("prompts_s", *PARTS, "made_tokens", "trainable_groups")}
        return {"seconds": seconds - told["prompts_s"], **told}

    def work(self, number: int) -> Work:
        """Batch `number`, prepared."""
        prompts, samples = self.objective.collector.batches.batch(number)
        numbers = self.numbers
        return Work(
            prompts, samples, self.settings, numbers.micro_batch_prompts, numbers.learning_rate, numbers.max_grad_norm
        )


def our_step(folder: Path, settings: PolicySettings, number: int, work: Work) -> Figures:
    return OurStep(folder, settings)(number)


def their_plain_step(folder: Path, number: int, work: Work) -> Figures:
    peer = Peer.load(folder)
    learned = [value for value in peer.model.parameters() if value.requires_grad]
    return plain_step(peer, torch.optim.AdamW(learned, work.learning_rate, weight_decay=0.0), work)


def their_trl_step(folder: Path, number: int, work: Work) -> Figures:
    return trl_step(folder, work)


def measure(folder: Path, settings: PolicySettings, rounds: int, only: Sequence[str]) -> dict[str, list[Figures]]:
    """The figures of each way in each round; the ways take turns, another one first each time."""
    ways: Mapping[str, Callable[[int, Work], Figures]] = {
        "ours": partial(our_step, folder, settings),
        "plain": partial(their_plain_step, folder),
        "trl": partial(their_trl_step, folder),
    }
    chosen = [name for name in ways if name in only]
    found: dict[str, list[Figures]] = {name: [] for name in chosen}
    batches = OurStep(folder, settings)
    for number in track(range(rounds), "rounds"):
        work = batches.work(number)
        for name in (*chosen[number % len(chosen) :], *chosen[: number % len(chosen)]):
            found[name].append(ways[name](number, work))
            print(number, name, {key: round(value, 2) for key, value in found[name][-1].items()}, flush=True)
    return found


def summary(found: Mapping[str, list[Figures]]) -> dict[str, Any]:
    """Medians of the rounds, and how many times as long as ours each of the others takes, by the median of ratios."""
    ways = {name: {key: median(one[key] for one in rounds) for key in rounds[0]} for name, rounds in found.items()}
    times = {
        name: median(one["seconds"] / our["seconds"] for one, our in zip(rounds, found["ours"], strict=True))
        for name, rounds in found.items()
        if name != "ours" and "ours" in found
    }
    return {"ways": ways, "times_ours": times, "rounds": found}


def _refuse(error: BadRecord) -> None:
    raise error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder of a checkpoint; the model of the package without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--only", nargs="+", default=["ours", "plain", "trl"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    settings = replace(numbers_of("nano").policy, batch_prompts=given.prompts)
    found = measure(folder_of(given.model), settings, given.rounds, given.only)
    figures = {"prompts": given.prompts, "answers": settings.answers, **summary(found)}
    write_result(given.out, figures, weights_of(given.model), machine_here(), versions_here("transformers", "trl"))
    print(figures["times_ours"])


if __name__ == "__main__":
    main()
