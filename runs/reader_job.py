"""The job `reader`: a small model from random weights to one that reads lines, in the minutes there are."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from order import Order
from pieces import write_pieces
from results_file import machine_here, versions_here, weights_of, write_result

from demiglace import Demiglace
from demiglace.bootstrap.computation import Computation
from demiglace.data.sources.rendered import QUESTIONS
from demiglace.engine.sampling import SamplingParams
from demiglace.jobs.execution import Execution
from demiglace.jobs.nano import HEADS_FILE, train
from demiglace.jobs.time_plan import PLAN_FILE, TimePlan
from demiglace.recipes.reader import READER_SHARES, ReaderRecipe, tiny_reader
from demiglace.scoring.text_distance import corpus_character_error_rate
from demiglace.training.metrics import FILE as METRICS
from demiglace.training.pace import Pace
from demiglace.typography.fonts import training_faces
from demiglace.typography.glyph_atlas import draw_atlas

RESERVE = 40  # seconds at the end, in which the model is examined and packed
LINES = 256  # read in the examination
MOST_TOKENS = 128  # of a line
ROWS = 64  # read at once
CARRIED = ("model", HEADS_FILE, PLAN_FILE)
CARRIED_ATLAS = Path(__file__).with_name("carried") / "atlas.safetensors"


def run(order: Order) -> bool:
    """False where the deadline came before the end of training."""
    recipe = tiny_reader() if order.tiny else ReaderRecipe(size_of_model=order.preset)
    recipe = replace(recipe, atlas=atlas_of(order))
    pace = Pace(order.deadline - (0 if order.tiny else RESERVE), save_seconds=60, read_every=1 if order.tiny else 10)
    execution = Execution(
        computation=Computation(order.device, order.dtype, fixed_shapes=True, counts=True),
        num_renderers=1 if order.tiny else min(16, os.cpu_count() or 1),
        pace=pace,
        plan=None if order.tiny else TimePlan(order.folder, READER_SHARES, pace, reserve=10),
        compiled=order.device.type == "cuda" and not order.tiny,
        on_export=lambda folder: carry(folder, order.out),
    )
    finished = train(recipe, order.folder, order.log, execution=execution) is not None
    if (order.folder / "model").is_dir():
        examine(order, recipe, finished)
    order.log(
        "all stages are done" if finished else "stopped by the deadline, all is saved; go on with the same command"
    )
    return finished


def atlas_of(order: Order) -> Path:
    """The glyphs that were carried along; else they are drawn here, those of a few faces for a tiny run."""
    path = order.folder / "atlas.safetensors"
    if not order.tiny and CARRIED_ATLAS.exists():
        return CARRIED_ATLAS
    if not path.exists():
        order.log("drawing the glyphs; `bash runs/carry.sh` does it beforehand" if not order.tiny else "drawing glyphs")
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_atlas(training_faces()[:: 40 if order.tiny else 1]).save(path)
    return path


def carry(folder: Path, out: Path) -> None:
    """The model as it is now, in pieces, and the figures of its training."""
    write_pieces(folder, "weights", out, CARRIED)


def examine(order: Order, recipe: ReaderRecipe, finished: bool) -> None:
    """What the exported model reads, with the figures of its training, as a result file."""
    carry(order.folder, order.out)
    model = order.folder / "model"
    figures = {
        "finished": finished,
        "size_of_model": recipe.size_of_model,
        "tiny": order.tiny,
        "stages": stages(order.folder, recipe.only),
        "character_error_rates": error_rates(model, order.device, 8 if order.tiny else LINES),
    }
    machine = machine_here(order.device.type, str(order.dtype).removeprefix("torch."))
    write_result(order.out / "reader.json", figures, weights_of(model), machine, versions_here())
    order.log(json.dumps(figures, indent=2))


def stages(folder: Path, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """The last figures of each stage that has begun."""
    found = {}
    for name in names:
        path = folder / name / METRICS
        if path.exists() and (lines := path.read_text().splitlines()):
            last = json.loads(lines[-1])
            found[name] = {key: value for key, value in last.items() if isinstance(value, int | float)}
    return found


def error_rates(model: Path, device: torch.device, count: int) -> dict[str, float | str]:
    """Character error rates on lines in fonts that are not trained on, clean and degraded; why not, where not."""
    from reading_sets import ReadingSet, rendered_lines

    assistant = Demiglace.load(model, device=device.type)
    found: dict[str, float | str] = {}
    for wear in ("clean", "degraded"):
        lines = rendered_lines(count, wear)
        if not isinstance(lines, ReadingSet):
            found[wear] = lines.reason
            continue
        requests = [(QUESTIONS[0], [picture]) for picture in lines.pictures]
        answers = assistant.batch(requests, SamplingParams.greedy(MOST_TOKENS), rows=ROWS)
        found[wear] = corpus_character_error_rate(lines.texts, [answer.text for answer in answers])
    return found
