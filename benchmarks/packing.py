"""Rows packed with several samples against one padded sample a row: padding, and tokens learned in a second.

    OMP_NUM_THREADS=1 python benchmarks/packing.py

The nano preset with random weights learns from samples as the loader packs them, forward and backward, and from the
very same samples padded: all of a step in one batch, or dealt by length into batches of like ones. Answers have
lognormal lengths; in one set half of the samples show a picture. Seconds are those of the processor, so that what else
the machine does counts little. Results go to benchmarks/results/packing.json.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from results_file import RANDOM, machine_here, write_result
from torch.nn import functional as F

from demiglace.batch import IGNORE, PADDING, Batch
from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.data.loader import Loader
from demiglace.data.mixture import Mixture
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset
from demiglace.processing.packing import pack
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

LENGTH = 1024  # tokens of a row
NUM_ROWS = 2  # of a step
DEALS = 4  # batches of like lengths
RESULT = Path(__file__).parent / "results" / "packing.json"


@dataclass(frozen=True)
class Answers:
    """Endless questions with answers of chance; `pictures` is the share of questions that show one."""

    name: str
    pictures: float
    blocks: None = None

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        rng = np.random.default_rng(seed)
        size = int(np.clip(rng.lognormal(np.log(100), 0.8), 10, 800))
        answer = "".join(chr(code) for code in rng.integers(97, 123, size))
        asked = Conversation.ask(
            "What is written here?", *([Image(noise(rng))] if rng.random() < self.pictures else [])
        )
        return Conversation((*asked.messages, Message("assistant", (Text(answer),))))

    def where(self, block: int, row: int) -> str:
        return f"{self.name} {row}"


def noise(rng: np.random.Generator) -> PIL.Image.Image:
    height, width = (int(side) for side in rng.integers(60, 400, 2))
    return PIL.Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def loss_sum(model: MiniCPMV, batch: Batch) -> torch.Tensor:
    hidden = model(batch)
    learned = batch.labels[:, 1:] != IGNORE
    return F.cross_entropy(model.logits(hidden[:, :-1][learned]), batch.labels[:, 1:][learned], reduction="sum")


def measure(model: MiniCPMV, steps: list[list[Batch]]) -> dict[str, float]:
    """Each step is one or more batches; the first step warms up and is not counted."""
    seconds = tokens = places = loss = 0.0
    for number, batches in enumerate(steps):
        started = time.process_time()
        for batch in batches:
            part = loss_sum(model, batch)
            part.backward()
            if number:
                loss += part.item()
        model.zero_grad()
        if number:
            seconds += time.process_time() - started
            tokens += sum(int((batch.segments != PADDING).sum()) for batch in batches)
            places += sum(batch.segments.numel() for batch in batches)
    return {
        "tokens": int(tokens),
        "padding_share": 1 - tokens / places,
        "processor_seconds": seconds,
        "tokens_per_processor_second": tokens / seconds,
        "loss_per_token": loss / tokens,
    }


def layouts(processor: Processor) -> dict[str, Callable[[list[list[Sample]]], list[Batch]]]:
    """How the rows of a step become batches."""

    def dealt(rows: list[list[Sample]]) -> list[Batch]:
        ordered = sorted((sample for row in rows for sample in row), key=lambda sample: len(sample.tokens))
        return [processor.batch([ordered[i] for i in deal]) for deal in np.array_split(np.arange(len(ordered)), DEALS)]

    return {
        "packed": lambda rows: [pack(rows, LENGTH, processor.tokenizer.special["end_of_text"])],
        "padded": lambda rows: [processor.batch([sample for row in rows for sample in row])],
        "padded, like lengths together": dealt,
    }


def compare(source: Answers, num_steps: int) -> dict[str, object]:
    processor = Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=140, max_slices=1)))
    torch.manual_seed(0)
    model = MiniCPMV(preset("nano"))
    options = {"length": LENGTH, "num_streams": NUM_ROWS, "streams": range(NUM_ROWS), "seed": 0}
    loader = Loader(Mixture((source,), (1.0,), (1.0,)), processor, **options, num_workers=0, skip_bad=False)
    steps = [loader.next_rows(0.0) for _ in range(num_steps + 1)]
    measured = {name: measure(model, [lay_out(rows) for rows in steps]) for name, lay_out in layouts(processor).items()}
    speeds = {name: figures["tokens_per_processor_second"] for name, figures in measured.items()}
    return {
        "samples": sum(len(row) for rows in steps[1:] for row in rows),
        "measured": measured,
        "packed_times_faster": {f"than {name}": speeds["packed"] / speeds[name] for name in speeds if name != "packed"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="steps that are counted, for each layout and set")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    machine = {**machine_here(), "load_of_other_programs": round(os.getloadavg()[0], 2)}
    result = {
        "setting": {"preset": "nano", "length": LENGTH, "rows": NUM_ROWS, "steps": options.steps, "deals": DEALS},
        "sets": {
            source.name: compare(source, options.steps)
            for source in (Answers("text alone", 0.0), Answers("half with a picture", 0.5))
        },
    }
    write_result(options.out, result, RANDOM, machine)
    for name, figures in result["sets"].items():
        print(f"{name}: {figures['packed_times_faster']}")


if __name__ == "__main__":
    main()
