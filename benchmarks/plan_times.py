"""Whether jobs take the time that `demiglace plan` says: steps measured on this CPU beside the plan.

    OMP_NUM_THREADS=1 python benchmarks/plan_times.py [--cases NAME ...]

Each case is a run of the nano model of some steps in a process forked from this one, and then three times the plan,
which measures a product of matrices here; the fastest counts. Every clock counts the seconds that the process computes,
in one thread: what else the machine does disturbs less. Results go to benchmarks/results/plan_times.json, with a table
beside it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import PIL.Image
from results_file import machine_here, weights_of, write_result

import demiglace.cli.plan
import demiglace.jobs.finetuning
import demiglace.jobs.preference
import demiglace.jobs.rl  # noqa: F401  # imported before processes are forked
from demiglace.cli.main import app
from demiglace.model.hub import folder_of

RESULT = Path(__file__).parent / "results" / "plan_times.json"
RECORDS = 24
MIXTURE = """
[[source]]
name = "colours"
kind = "questions"
topics = { colours = 1.0 }
text_share = 0.0
weights = { hybrid_rl = 1 }
"""


@dataclass(frozen=True)
class Case:
    """run: of the command that trains; plan: of `demiglace plan` beyond model and data."""

    data: Callable[[Path], Path]
    run: Sequence[str]
    plan: Sequence[str]


def text(length: int, folder: Path) -> Path:
    """Conversations of one row each; a byte is a token of the nano model."""
    said = ("all work and no play " * length)[: length - 60]
    return _written(folder, [_turns("Write.", said)] * RECORDS)


def pictures(folder: Path) -> Path:
    """A picture of several slices and a short answer."""
    rng = np.random.default_rng(0)
    records = []
    for number in range(RECORDS):
        pixels = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{number}.png")
        records.append(_turns("<image>What is it?", "Noise, and nothing but noise.") | {"images": [f"{number}.png"]})
    return _written(folder, records)


def pairs(length: int, folder: Path) -> Path:
    """The plan reads chats of the length of an answer; the run reads pairs beside them."""
    good, bad = (("all work and no play " * length)[at : at + length - 60] for at in (0, 7))
    lines = [json.dumps({"question": "Write.", "chosen": good, "rejected": bad})] * RECORDS
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    return text(length, folder)


def colours(folder: Path) -> Path:
    (folder / "colours.toml").write_text(MIXTURE)
    return folder / "colours.toml"


def _turns(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def _written(folder: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def finetuning(data: Callable[[Path], Path], length: int, rows: int, *options: str) -> Case:
    both = ("--length", str(length), "--batch-rows", str(rows), *options)
    epochs = "4" if data is pictures else "1"
    return Case(data, ("finetune", "{data}", "--epochs", epochs, "--held-out", "0", *both), both)


ALL = ("--learn", "encoder,resampler,decoder")
DPO = ("--batch-pairs", "2", "--micro-batch-pairs", "1", "--steps", "8")
RL = ("--prompts", "4", "--answers", "8", "--steps", "3", "--keep-flat", "--long-share", "0", "--workers", "0")
CASES: dict[str, Case] = {
    "decoder, text of 512": finetuning(lambda folder: text(512, folder), 512, 2, "--full"),
    "decoder, text of 2048": finetuning(lambda folder: text(2048, folder), 2048, 2, "--full"),
    "all parts, pictures": finetuning(pictures, 1024, 2, "--full", *ALL),
    "adapters, text of 1024": finetuning(lambda folder: text(1024, folder), 1024, 2, "--lora"),
    "adapters, pictures": finetuning(pictures, 1024, 2, "--lora"),
    "decoder, checkpointed, text of 1024": finetuning(
        lambda folder: text(1024, folder), 1024, 2, "--full", "--activation-checkpointing"
    ),
    "DPO, answers of 512": Case(
        lambda folder: pairs(512, folder),
        ("prefer", "{folder}/pairs.jsonl", "--preset", "nano", *DPO),
        ("--job", "dpo", "--length", "512", "--batch-rows", "2", "--steps", "8"),
    ),
    "hybrid RL, 4 prompts, 8 answers": Case(
        colours,
        ("rl", "{data}", "--preset", "nano", *RL),
        ("--job", "hybrid_rl", "--batch-rows", "4", "--group", "8", "--steps", "3"),
    ),
}


def told_by(folder: Path, *words: object) -> str:
    """What the command prints."""
    out = folder / "out"
    process = multiprocessing.get_context("fork").Process(target=_computed, args=(out, list(map(str, words))))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(out.read_text() + out.with_name("error").read_text())
    return out.read_text()


def _computed(out: Path, words: list[str]) -> None:
    for number, path in ((1, out), (2, out.with_name("error"))):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    time.perf_counter = time.monotonic = time.process_time
    sys.argv = ["demiglace", *words]
    app()


def measure(case: Case) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = case.data(folder)
        command, source, *options = [word.format(data=data, folder=folder) for word in case.run]
        run = folder / "run"
        start = ("nano", source, "--out", run) if command == "finetune" else (source, "--start", folder_of(None))
        place = () if command == "finetune" else ("--folder", run)
        told_by(folder, command, *start, *place, *options, "--device", "cpu", "--dtype", "float32")
        (metrics,) = run.glob("*/metrics.jsonl")
        lines = [json.loads(line) for line in metrics.read_text().splitlines()][1:]
        written: tuple[object, ...] = ()
        if command == "rl":  # how long answers are, the model decides
            written = ("--answer-tokens", round(median(line["answer_tokens"] for line in lines)))
        words = ("plan", "nano", data, *case.plan, *written, "--json")
        plan = max((json.loads(told_by(folder, *words)) for _ in range(3)), key=_operations)
        if command == "prefer":  # the first policy reads before the steps, which go through once forward, twice back
            plan |= {"seconds": plan["seconds"] * 3 / 4, "tokens_per_second": plan["tokens_per_second"] * 4 / 3}
        return compared(lines, plan)


def _operations(plan: Mapping[str, Any]) -> float:
    """Of the fastest product that was measured."""
    return plan["device"]["operations"]["float32"]


def compared(lines: Sequence[Mapping[str, float]], plan: Mapping[str, Any]) -> dict[str, float]:
    """The fastest step beside the plan: it was disturbed the least."""
    fastest = min(lines, key=lambda line: line["seconds"])
    planned = plan["seconds"] / plan["steps"]
    if "made_tokens" in fastest:
        fastest = max(lines, key=lambda line: line["made_tokens"] / line["seconds"])
        rate = fastest["made_tokens"] / fastest["seconds"]
    else:  # of DPO the figures of a step do not tell
        rate = fastest.get("tokens_per_second", plan["tokens_per_second"] * planned / fastest["seconds"])
    return {
        "tokens_per_second": rate,
        "planned_tokens_per_second": plan["tokens_per_second"],
        "planned_over_measured": plan["tokens_per_second"] / rate,
        "steps": len(lines),
        "step_seconds": fastest["seconds"],
        "median_step_seconds": median(line["seconds"] for line in lines),
        "planned_step_seconds": planned,
        "operations_per_second": _operations(plan),
        "bandwidth": plan["device"]["bandwidth"],
    }


def table(cases: Mapping[str, Mapping[str, float]]) -> str:
    rows = ["| run | tokens/s | planned | planned / measured |", "|---|---:|---:|---:|"]
    for name, one in cases.items():
        rates = f"{one['tokens_per_second']:,.0f} | {one['planned_tokens_per_second']:,.0f}"
        rows.append(f"| {name} | {rates} | {one['planned_over_measured']:.2f} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES, metavar="NAME")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    report = json.loads(options.out.read_text())["cases"] if options.out.exists() else {}
    for name in options.cases:
        report[name] = measure(CASES[name])
        print(name, {key: round(value, 3) for key, value in report[name].items()}, flush=True)
        write_result(options.out, {"cases": report}, weights_of(None), machine_here())
        options.out.with_suffix(".md").write_text(table(report))


if __name__ == "__main__":
    main()
