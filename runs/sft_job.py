"""The job `sft`: the paper's two stages of supervised fine-tuning on a small model, in the minutes there are."""

from __future__ import annotations

import json
import os
from pathlib import Path

from order import Order
from pieces import write_pieces
from reader_job import error_rates, stages
from results_file import machine_here, versions_here, weights_of, write_result

from demiglace.data.mixture_file import read_mixture
from demiglace.jobs.machine import Machine
from demiglace.jobs.staged import run as train
from demiglace.jobs.time_plan import TimePlan
from demiglace.model.hub import folder_of
from demiglace.recipes.sft import GENERAL, LONG_COT_3D, SftRecipe, numbers_of
from demiglace.training.pace import Pace

MIXTURE = Path(__file__).with_name("sft.toml")
SHARES = {GENERAL: 0.6, LONG_COT_3D: 0.4}  # of the time, ours
RESERVE = 40  # seconds at the end
BATCH_ROWS, MICRO_BATCH_ROWS = 64, 32  # ours: rows of 1,024 tokens
LINES = 256


def run(order: Order) -> bool:
    """False where the deadline came before the end of training. It begins from the model that ships."""
    small = {"num_steps": (2, 1), "length": 512, "batch_rows": 2, "micro_batch_rows": 2}
    large = {"batch_rows": BATCH_ROWS, "micro_batch_rows": MICRO_BATCH_ROWS}
    numbers = numbers_of("nano", **(small if order.tiny else large))
    recipe = SftRecipe(read_mixture(MIXTURE), numbers, folder_of(None), save_every=1 if order.tiny else 10**6)
    pace = Pace(order.deadline - (0 if order.tiny else RESERVE), save_seconds=60)
    machine = Machine(
        order.device,
        order.dtype,
        num_workers=0 if order.tiny else min(16, os.cpu_count() or 1),
        pace=pace,
        plan=None if order.tiny else TimePlan(order.folder, SHARES, pace, reserve=10),
        log=order.log,
    )
    finished = train(recipe, order.folder, machine) is not None
    if finished:
        examine(order)
    order.log("all stages are done" if finished else "stopped, all is saved; the same command goes on from there")
    return finished


def examine(order: Order) -> None:
    """What the model reads still, with the figures of its training, as a result file; the weights in pieces."""
    write_pieces(order.folder, "weights", order.out, ["model"])
    figures = {
        "tiny": order.tiny,
        "stages": stages(order.folder, tuple(SHARES)),
        "character_error_rates": error_rates(order.folder / "model", order.device, 8 if order.tiny else LINES),
    }
    machine = machine_here(order.device.type, str(order.dtype).removeprefix("torch."))
    write_result(order.out / "sft.json", figures, weights_of(order.folder / "model"), machine, versions_here())
    order.log(json.dumps(figures, indent=2))
