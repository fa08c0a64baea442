"""Three ways to learn from the same PDFs, from one model, at one budget (the paper's Table 4, at nano scale).

    python experiments/unified_documents/fetch.py runs/documents
    git archive b2d788b src/demiglace/checkpoints | tar -x -C runs    # the first nano weights, which saw no corruption
    python experiments/unified_documents/run.py runs/documents --start runs/src/demiglace/checkpoints/nano

Resumable: finished (way, seed) pairs are kept in FOLDER and the rest goes on. Figures go to result.json, the plot to
result.png, beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from measure import held_out_windows, measure
from rich.progress import track
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_of, weights_of, write_result

from demiglace import Demiglace
from demiglace.bootstrap import collate
from demiglace.bootstrap.learner import Learner
from demiglace.bootstrap.objectives import ReadingObjective, answer_loss
from demiglace.bootstrap.picture_shards import PictureStream, renderers
from demiglace.conversation import Conversation, Message, Text
from demiglace.jobs import nano
from demiglace.media.document_pages import open_document
from demiglace.recipes.nano import continued
from demiglace.safe_files import write_whole
from demiglace.training.metrics import Figures
from demiglace.training.trainer import Trainer
from demiglace.typography.corpus import ALPHABET

HERE = Path(__file__).parent
PANELS = {
    "character error rate": ("CER clean", "CER low", "CER moderate"),
    "hidden words restored (share)": ("hidden words exact",),
    "letters invented": ("letters on blank paper", "letters behind a line"),
}


@dataclass(frozen=True)
class Way:
    """Half of the samples are rendered lines, the same everywhere; the other half comes from the PDFs."""

    name: str
    levels: tuple[tuple[str, float], ...]  # of the damage to words
    parsed: bool = False  # the PDFs' half is text out of a parser, without a picture


# What the paper compares: augmentation that stays legible, an external parser, and all levels of corruption.
WAYS = (
    Way("recognition only", (("low", 1.0),)),
    Way("parser", (("low", 1.0),), parsed=True),
    Way("unified", (("low", 1.0), ("moderate", 1.0), ("high", 1.0))),
)
DAMAGED_SHARE = 0.7


@dataclass
class ReadAndRecite:
    """Rendered lines to read, and passages a parser took out of the PDFs to write down, as many of each."""

    reading: ReadingObjective
    passages: list[str]
    prompt: collate.Prompt
    seed: int

    def __call__(self, learner: Learner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        for loss, figures in self.reading(learner, step):
            yield loss / 2, {name: value / 2 for name, value in figures.items()}
        rng = np.random.default_rng((self.seed, step, 5))
        chosen = [self.passages[int(rng.integers(len(self.passages)))] for _ in range(self.reading.stream.batch_size)]
        answers = [self.reading.tokenizer.encode(passage) for passage in chosen]
        batch = collate.rows([self.prompt] * len(answers), answers, None)
        loss, figures = answer_loss(learner, batch, learner.model(batch))
        yield loss / 2, {name: value / 2 for name, value in figures.items()}


@cache
def parsed_passages(folder: Path, max_characters: int) -> list[str]:
    """The PDFs' text as pdfium's own extraction gives it, in pieces of whole words."""
    passages = []
    for path in track(sorted(folder.glob("*.pdf")), "parsing"):
        with open_document(path) as document:
            pages = [document[number].get_textpage().get_text_range() for number in range(len(document))]
        words = [word for word in " ".join(pages).split() if set(word) <= set(ALPHABET)]
        piece = ""
        for word in words:
            if len(piece) + len(word) + 1 > max_characters:
                passages.append(piece)
                piece = ""
            piece = f"{piece} {word[:max_characters]}".strip()
    return passages


def train(way: Way, seed: int, options: argparse.Namespace, pool: Executor) -> Path:
    """The finished model of one way and seed."""
    recipe = replace(
        continued(options.start, seed, options.documents / "train"),
        batch_size=options.batch,
        shard_size=options.batch * 16,
    )
    folder = options.folder / f"{way.name.replace(' ', '-')}-{seed}"
    if (folder / "model").exists():
        return folder / "model"
    learner, processor = nano.initial_learner(recipe), nano.nano_processor(recipe)
    spec = replace(
        recipe.late_spec(8), damaged_share=DAMAGED_SHARE, levels=way.levels, document_share=0.5, layout_share=0.0
    )
    prompts = [nano.prompt(processor, question) for question in nano.QUESTIONS]
    objective: Any
    if way.parsed:
        stream = PictureStream(replace(spec, document_share=0.0), options.batch // 2, folder / "pictures", pool)
        reading = ReadingObjective(stream, prompts, processor.tokenizer, 0.5, 0.3)
        passages = parsed_passages(options.documents / "train", recipe.max_characters)
        objective = ReadAndRecite(reading, passages, reciting(processor), seed)
    else:
        stream = PictureStream(spec, options.batch, folder / "pictures", pool)
        objective = ReadingObjective(stream, prompts, processor.tokenizer, 0.5, 0.3)
    stage = recipe.stage("documents", ("model", "patch_head", "book"), options.steps, 1e-3, decay_share=1.0)
    if not Trainer(learner, stage, objective, folder).run():
        raise SystemExit("stopped; the same command goes on")
    nano.export_with_heads(learner, processor, folder)
    return folder / "model"


def reciting(processor: nano.Processor) -> collate.Prompt:
    """A request without a picture."""
    asked = Conversation((Message("user", (Text("Write a passage of a manual."),)),))
    sample = processor.prepare(asked)
    return collate.Prompt(sample.tokens, sample.visual_places, processor.tokenizer.special["im_end"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path, help="where fetch.py put them")
    parser.add_argument("--folder", type=Path, default=Path("runs/unified"))
    parser.add_argument("--start", type=Path, required=True, help="model that all ways go on from")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--windows", type=int, default=120, help="held-out pieces of lines")
    options = parser.parse_args()
    windows = held_out_windows(options.documents / "heldout", options.windows)
    start, weights = Demiglace.load(options.start), weights_of(options.start)
    told = {name: getattr(options, name) for name in ("steps", "batch", "seeds", "windows")}
    results = {"before": [measure(start, windows)]}
    pool = renderers()
    try:
        for seed in range(1, options.seeds + 1):
            for way in WAYS:
                model = train(way, seed, options, pool)
                results.setdefault(way.name, []).append(measured(model, windows))
                figures = {"options": told, "figures": results}
                write_result(HERE / "result.json", figures, weights, machine_of(start))
                plot(results)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def measured(model: Path, windows: list) -> dict[str, float]:
    """Figures of a finished model, kept beside it."""
    kept = model.parent / "figures.json"
    if not kept.exists():
        write_whole(kept, json.dumps(measure(Demiglace.load(model), windows), indent=2))
    return json.loads(kept.read_text())


def plot(results: dict[str, list[dict[str, float]]]) -> None:
    """Means over the seeds, each seed a dot, one standard deviation as a bar of error; the start in grey."""
    figure, panels = plt.subplots(
        1, len(PANELS), figsize=(12, 4), width_ratios=[len(names) for names in PANELS.values()]
    )
    width = 0.8 / len(results)
    for panel, (title, names) in zip(panels, PANELS.items(), strict=True):
        for number, (way, runs) in enumerate(results.items()):
            values = np.array([[run[name] for name in names] for run in runs])
            places = np.arange(len(names)) + (number - (len(results) - 1) / 2) * width
            colour = "lightgrey" if way == "before" else f"C{number - 1}"
            panel.bar(places, values.mean(0), width, yerr=values.std(0), label=way, color=colour, capsize=3)
            panel.plot(np.tile(places, (len(values), 1)), values, "k.", markersize=3)
        panel.set_xticks(range(len(names)), [name.removeprefix("CER ").removeprefix("letters ") for name in names])
        panel.set_title(title, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(HERE / "result.png", dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
