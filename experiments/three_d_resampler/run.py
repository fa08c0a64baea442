"""One model, the same clips and the same light steps, as 2D and as 3D (the paper's Table 5, at nano scale).

    python experiments/three_d_resampler/run.py train --start FOLDER      # a checkpoint of the general stage of SFT
    python experiments/three_d_resampler/run.py rates [--model FOLDER]    # frame rate at an equal budget of tokens

`train` is resumable: finished (way, seed) pairs are kept in FOLDER and the rest goes on. Figures go to result.json (or
as --name has it) and rates.json beside this file, plots to PNG files of the same names.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from clips import FPS, LEARNED, TEXTS, LearnClips, examined, sampling, video
from plots import plot_rates, plot_ways

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_of, weights_of, write_result

from demiglace import Demiglace, VideoSampling
from demiglace.evaluation.question_accuracy import answer_questions, score
from demiglace.jobs.export import export
from demiglace.jobs.run_record import inputs_of, write_run_config
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.safe_files import write_whole
from demiglace.training.stage import Stage
from demiglace.training.supervised import LanguageLearner
from demiglace.training.trainer import Trainer

HERE = Path(__file__).parent
WAYS = {"2D": 1, "3D, packages of 3": 3, "3D, packages of 6": 6}
# Packages a second are the same but for the first: 64 tokens a second there, 107 in the others.
RATES = {
    "1 fps, single": sampling(1, 1.0),
    "1.67 fps, single": sampling(1, 5 / 3),
    "5 fps, by 3": sampling(3, 5.0),
    "10 fps, by 6": sampling(6, 10.0),
}
TRAINABLE = ("model.resampler", "model.llm")


def stage(options: argparse.Namespace) -> Stage:
    return Stage(
        name="light",
        trainable=TRAINABLE,
        num_steps=options.steps,
        rate=4e-4,  # ours
        warmup=max(1, options.steps // 10),
        decay_share=1.0,
        floor=0.1,
        weight_decay=0.05,
        clip=1.0,
        save_every=20,
        keep=1,
        decay="cosine",
    )


def train(way: str, seed: int, options: argparse.Namespace, pool: Executor) -> Path:
    """The finished model of one way and seed."""
    folder = options.folder / f"{WAYS[way]}-{seed}"
    if (folder / "model").exists():
        return folder / "model"
    processor = Processor.load(options.start)
    learner = LanguageLearner(weights.load(options.start, torch.float32))
    padding = processor.tokenizer.special["end_of_text"]
    objective = LearnClips(options.start, WAYS[way], seed, options.clips, padding, pool)
    if not Trainer(learner, stage(options), objective, folder / "light").run():
        raise SystemExit("stopped; the same command goes on")
    export(learner.model, processor, folder / "model", options.start)
    return folder / "model"


def accuracy(
    assistant: Demiglace, kinds: Sequence[str], each: int, wanted: VideoSampling, shown_at: float = FPS
) -> dict[str, Any]:
    """Of each kind the share of right answers; frames at the rate `shown_at` show what is asked for."""
    figures: dict[str, Any] = {}
    for kind in kinds:
        asked = examined(kind, each, shown_at)
        said = answer_questions(assistant, [([video(one, wanted)], one.question) for one in asked])
        found = score([one.question for one in asked], said)
        figures[kind] = {"right": found.right / each, "commonest": found.commonest / each}
    return figures


def measured(model: Path, folder: Path, way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Figures of a model that is shown clips in one way, kept in `folder`."""
    kept = folder / f"figures-{WAYS[way]}.json"
    if not kept.exists():
        figures = accuracy(Demiglace.load(model), [*LEARNED, *TEXTS], options.each, sampling(WAYS[way]))
        write_whole(kept, json.dumps(figures, indent=2))
    return json.loads(kept.read_text())


def cost(model: Path, package_frames: int) -> dict[str, float]:
    """Seconds and memory for one clip, in a process of its own."""
    command = [sys.executable, __file__, "cost", "--model", str(model), "--package", str(package_frames)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_cost(options: argparse.Namespace) -> None:
    """One clip of 60 frames, the most that single frames leave room for in the nano model's context."""
    assistant = Demiglace.load(options.model)
    asked = max((one for kind in LEARNED for one in examined(kind, 4)), key=lambda one: one.clip.seconds)
    shown = video(asked, sampling(options.package, 60 / asked.clip.seconds))
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        answer = assistant.ask(asked.question.text, shown)
        seconds.append(time.perf_counter() - began)
    memory = _memory("VmHWM") - before
    told = {"visual_tokens": answer.visual_tokens, "seconds": min(seconds), "memory_mib": memory / 2**20}
    print(json.dumps(told))


def _memory(field: str) -> int:
    """Bytes of this process: "VmRSS" now, "VmHWM" at the most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def run_train(options: argparse.Namespace) -> None:
    decides = {name: getattr(options, name) for name in ("start", "steps", "clips", "each")}
    options.folder.mkdir(parents=True, exist_ok=True)
    write_run_config(decides | {"dtype": "float32"}, inputs_of((), options.start), options.folder, print)
    write = writer(f"{options.name}.json", options.start)
    told = {name: getattr(options, name) for name in ("steps", "clips", "seeds", "each")}
    results: dict[str, Any] = {
        "options": told | {"fps": FPS},
        "before": {way: measured(options.start, options.folder, way, options) for way in WAYS},
        "ways": {way: [] for way in WAYS},
    }
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for seed in range(1, options.seeds + 1):
            for way in WAYS:
                model = train(way, seed, options, pool)
                results["ways"][way].append(measured(model, model.parent, way, options))
                write(results)
                plot_ways(results, HERE / f"{options.name}.png")
    results["cost"] = {way: cost(options.folder / f"{size}-1" / "model", size) for way, size in WAYS.items()}
    write(results)


def run_rates(options: argparse.Namespace) -> None:
    """All clips of every kind, those at which a rate misses the moment too: that is what a rate costs."""
    assistant, write = Demiglace.load(options.model), writer("rates.json", options.model)
    results: dict[str, Any] = {"each": options.each, "rates": {}}
    for name, wanted in RATES.items():
        results["rates"][name] = accuracy(assistant, [*LEARNED, *TEXTS], options.each, wanted, shown_at=10.0)
        write(results)
    plot_rates(results, HERE / "rates.png")


def writer(name: str, model: Path | None) -> Callable[[dict[str, Any]], object]:
    """Writes figures to a file of that name, with the weights that they come from or that all ways go on from."""
    weights, machine = weights_of(model), machine_of(Demiglace.load(model))
    return lambda figures: write_result(HERE / name, figures, weights, machine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True)
    training = parts.add_parser("train")
    training.add_argument("--start", type=Path, required=True, help="model that all ways go on from")
    training.add_argument("--folder", type=Path, default=Path("runs/three_d"))
    training.add_argument("--steps", type=int, default=80)
    training.add_argument("--clips", type=int, default=16, help="of a step")
    training.add_argument("--seeds", type=int, default=3)
    training.add_argument("--each", type=int, default=30, help="clips of a kind to examine with")
    training.add_argument("--name", default="result", help="of the files with the figures and the plot")
    training.set_defaults(run=run_train)
    rates = parts.add_parser("rates")
    rates.add_argument("--model", type=Path, help="[default: the nano model of the package]")
    rates.add_argument("--each", type=int, default=40)
    rates.set_defaults(run=run_rates)
    costs = parts.add_parser("cost", help="of one clip; `train` calls it")
    costs.add_argument("--model", type=Path, required=True)
    costs.add_argument("--package", type=int, required=True)
    costs.set_defaults(run=measure_cost)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
