"""The job `rl`: hybrid reinforcement learning from the model that ships, in the minutes there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from order import Order
from pieces import write_pieces
from results_file import machine_here, versions_here, weights_of, write_result

from demiglace.data.mixture_file import RL, read_mixture
from demiglace.jobs.machine import Machine
from demiglace.jobs.rl import run as train
from demiglace.model.hub import folder_of
from demiglace.recipes.hybrid_rl import HybridRlNumbers, HybridRlRecipe, numbers_of
from demiglace.training.metrics import FILE as METRICS
from demiglace.training.pace import Pace

MIXTURE = Path(__file__).with_name("rl.toml")
RESERVE = 40  # seconds at the end
STEPS, PROMPTS, MICRO_BATCH_PROMPTS = 100, 32, 16  # ours, with 8 answers each; not measured on a GPU yet
AT_ENDS = 10  # steps at the beginning and the end whose means are told
TOLD = (
    *("reward/short", "reward/long", "accuracy/short", "accuracy/long", "answer_tokens/short", "answer_tokens/long"),
    *("entropy", "log_prob_gap", "trainable_groups", "sampling_s", "scoring_s", "learning_s"),
)


def run(order: Order) -> bool:
    """False where the deadline came before the end of training. It begins from the model that ships."""
    recipe = HybridRlRecipe(
        read_mixture(MIXTURE), numbers(order.tiny), folder_of(None), save_every=1 if order.tiny else 10
    )
    pace = Pace(order.deadline - (0 if order.tiny else RESERVE), save_seconds=60)
    machine = Machine(order.device, order.dtype, pace=pace, log=order.log)
    finished = train(recipe, order.folder, machine) is not None
    if finished:
        examine(order)
    order.log("all steps are done" if finished else "stopped, all is saved; the same command goes on from there")
    return finished


def numbers(tiny: bool) -> HybridRlNumbers:
    if tiny:
        made = numbers_of("nano", num_steps=2, micro_batch_prompts=2)
        policy = replace(made.policy, batch_prompts=2, answers=2, short_limit=4, long_limit=4)
    else:
        made = numbers_of("nano", num_steps=STEPS, micro_batch_prompts=MICRO_BATCH_PROMPTS)
        policy = replace(made.policy, batch_prompts=PROMPTS)
    return replace(made, policy=policy)


def examine(order: Order) -> None:
    """What was learned, as a result file; the weights in pieces."""
    write_pieces(order.folder, "weights", order.out, ["model"])
    lines = [json.loads(line) for line in (order.folder / RL / METRICS).read_text().splitlines()]
    figures = {
        "tiny": order.tiny,
        "steps": len(lines),
        "first": means(lines[:AT_ENDS]),
        "last": means(lines[-AT_ENDS:]),
        "made_tokens": sum(line["made_tokens"] for line in lines),
        "learned_tokens": sum(line["learned_tokens"] for line in lines),
    }
    machine = machine_here(order.device.type, str(order.dtype).removeprefix("torch."))
    write_result(order.out / "rl.json", figures, weights_of(order.folder / "model"), machine, versions_here())
    order.log(json.dumps(figures, indent=2))


def means(lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Of the figures of `TOLD`, over the steps that have them."""
    held = {name: [line[name] for line in lines if name in line] for name in TOLD}
    return {name: sum(values) / len(values) for name, values in held.items() if values}
