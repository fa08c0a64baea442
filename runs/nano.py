"""From nothing to a model as the one that ships: every step of it, one after the other, in one command.

    bash runs/nano.sh [--folder runs/from-nothing] [--tiny] [--list]

The steps are those that made the shipped weights (`experiments/nano`); there some were stopped by hand and the drawn
questions still changed, so what comes out is another model of the same kind. Each step has a folder with a `model` in
it; one that is finished is not run again, and one that was stopped goes on. `--list` tells the steps, the minutes that
each took on two cores of an AMD EPYC (of those timed together its share by steps), and what was measured after it;
`--tiny` runs all of them, a training step each, and needs no network.
"""

from __future__ import annotations

import argparse
import runpy
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
AVERAGE, FETCH = ROOT / "experiments/nano/average.py", ROOT / "experiments/unified_documents/fetch.py"
DOCUMENTS = ROOT / "runs" / "documents"  # where the mixtures look for it
TINY_MIXTURE, HEADS = ROOT / "runs" / "sft.toml", "heads.safetensors"
TINY_SFT = ("--steps", "1,0", "--length", "512", "--batch-rows", "1", "--micro-batch-rows", "1", "--workers", "0")


@dataclass(frozen=True)
class Step:
    """words: of the command, in which {NAME} is the model of an earlier step. expected: what was measured after it."""

    name: str
    minutes: float
    words: str
    expected: str = ""


READ = f"--documents {DOCUMENTS / 'train'}"
SFT = "sft experiments/nano/{}.toml --preset nano"
STEPS = (
    Step("first", 105, "train nano", "CER of clean lines in unseen fonts .130"),
    Step("more", 126, f"train nano --seed 1 --start {{first}} {READ}", "the same .060"),
    Step("reader", 86, f"train nano --seed 2 --start {{more}} {READ}", "the same .053; nano-reader"),
    Step("questions", 100, f"{SFT.format('sft')} --start {{reader}} --steps 450,300", "14 of 24 questions on scenes"),
    Step("half", 0, "average {reader} {questions} --share 0.5", "CER of degraded lines .056"),
    Step("kept", 18, f"{SFT.format('sft_reading_kept')} --start {{half}} --steps 152,0"),
    Step("seen", 13, f"train nano --seed 3 --start {{kept}} {READ} --stages colours", "97 % of patches by colour"),
    Step("scenes", 14, f"{SFT.format('sft_reading_kept')} --start {{seen}} --steps 117,0"),
    Step("mixed", 12, f"{SFT.format('sft_colours')} --start {{scenes}} --steps 0,87 --long-lr 8e-4"),
    Step(
        "names", 12,
        f"{SFT.format('sft_names_of_colours')} --start {{mixed}} --steps 0,120 --long-lr 1.2e-3 --min-lr 4e-4",
    ),
    Step(
        "colours", 19, f"{SFT.format('sft_colours')} --start {{names}} --steps 0,180 --long-lr 8e-4",
        "10 of 24 questions on colours, CER .118",
    ),
    Step("less", 0, "average {reader} {colours} --share 0.8"),
    Step(
        "calm", 8,
        f"{SFT.format('sft_colours')} --start {{less}} --seed 1 --steps 0,60 --long-lr 5e-4 --min-lr 5e-5", "CER .091",
    ),
    Step("coloured", 0, "average {colours} {calm} --share 0.5", "colours 9 of 24, flashes 17 of 24, CER .099"),
    Step(
        "slips", 34, f"{SFT.format('sft_slips')} --start {{coloured}} --steps 301,0 --lr 1e-3 --min-lr 1e-4",
        "0 of 24 totals",
    ),
    Step(
        "digits", 49, f"{SFT.format('sft_slips')} --start {{slips}} --steps 430,0 --lr 9e-4 --min-lr 5e-5 --seed 1",
        "9 of 40 totals",
    ),
    Step(
        "totals", 23,
        f"{SFT.format('sft_slips_last')} --start {{digits}} --steps 200,0 --lr 7e-4 --min-lr 3e-5 --seed 2",
        "55 of 100 totals, CER .139",
    ),
    Step("receipts", 0, "average {digits} {totals} --share 0.6", "51 of 100 totals, CER .108"),
    Step(
        "everything", 69,
        f"{SFT.format('sft_everything')} --start {{totals}} --steps 520,0 --lr 9e-4 --min-lr 3e-5 --seed 3",
        "36 of 60 totals, CER .093",
    ),
    Step("most", 0, "average {receipts} {everything} --share 0.75", "35 of 60 totals, CER .089"),
    Step(
        "all", 12,
        f"{SFT.format('sft_everything_last')} --start {{most}} --steps 90,0 --lr 6e-4 --min-lr 2e-5 --seed 4",
        "colours 21 of 40, flashed text 35 of 40, CER .093",
    ),
    Step(
        "direction", 10, f"{SFT.format('sft_direction')} --start {{all}} --steps 61,0 --lr 1e-3 --min-lr 3e-4 --seed 5",
        "24 of 40 directions",
    ),
    Step("moving", 0, "average {all} {direction} --share 0.5", "11 of 24 directions"),
    Step(
        "motion", 49,
        f"{SFT.format('sft_motion')} --start {{moving}} --steps 290,0 --lr 9e-4 --min-lr 3e-5 --seed 6"
        " --sample-power 0.25",
        "19 of 40 directions, CER .120",
    ),
    Step(
        "nano", 0, "average {all} {motion} --share 0.75",
        "39 of 60 totals, flashes 26 of 40, flashed text 36 of 40, CER .099; what ships",
    ),
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Exit status: 0 when all is done, 2 for what a user can mend, 130 where a signal stopped it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "from-nothing")
    parser.add_argument("--tiny", action="store_true", help="a training step of each, without documents")
    parser.add_argument("--list", action="store_true", help="tell the steps and leave")
    options = parser.parse_args(words)
    if options.list:
        for step in STEPS:
            print(f"{step.name:11} {step.minutes:4.0f} min  {step.expected}")
        return 0
    if not options.tiny and not (DOCUMENTS / "train").is_dir():
        run_script(FETCH, [str(DOCUMENTS)])
    for step in STEPS:
        if status := run_step(step, options.folder, options.tiny):
            return status
    print(f"the model is in {options.folder / STEPS[-1].name / 'model'}")
    return 0


def run_step(step: Step, folder: Path, tiny: bool) -> int:
    """0 where the step is finished, now or before."""
    own = folder / step.name
    if (own / "finished").exists():
        return 0
    print(f"{step.name}: about {step.minutes:.0f} minutes", flush=True)
    began, words = time.monotonic(), command(step, folder, tiny)
    status = average(words[1:]) if words[0] == "average" else demiglace(words)
    if status == 0:
        (own / "finished").write_text(f"{time.monotonic() - began:.0f} s\n")
        print(f"{step.name}: {time.monotonic() - began:.0f} s; expected: {step.expected or '-'}", flush=True)
    return status


def command(step: Step, folder: Path, tiny: bool) -> list[str]:
    """What is run, with paths of earlier models and of the step's own folder."""
    models = {one.name: str(folder / one.name / "model") for one in STEPS}
    words = step.words.format(**models).split()
    if words[0] == "average":
        return [*words, "--out", str(folder / step.name / "model")]
    if words[0] == "train" and "--start" in words:
        lend_heads(Path(words[words.index("--start") + 1]).parent, folder / "reader")
    if tiny:
        words = tiny_words(words)
    return [*words, "--folder", str(folder / step.name)]


def tiny_words(words: list[str]) -> list[str]:
    """The same command in few training steps of a stage, of the cheapest where it has several."""
    start = ["--start", words[words.index("--start") + 1]] if "--start" in words else []
    if words[0] == "train":
        return ["train", "nano", "--quick", "--stages", "colours" if start else "encoder", *start]
    return ["sft", str(TINY_MIXTURE), "--preset", "nano", *start, *TINY_SFT]


def lend_heads(start: Path, reader: Path) -> None:
    """A model that was fine-tuned has no heads beside it; those of the reader fit it."""
    if not (start / HEADS).exists():
        shutil.copyfile(reader / HEADS, start / HEADS)


def demiglace(words: Sequence[str]) -> int:
    from demiglace.cli.main import app

    return status_of(lambda: app(list(words), prog_name="demiglace"))


def average(words: Sequence[str]) -> int:
    return status_of(lambda: run_script(AVERAGE, words))


def run_script(path: Path, words: Sequence[str]) -> None:
    with patch.object(sys, "argv", [str(path), *words]):
        runpy.run_path(str(path), run_name="__main__")


def status_of(run: Callable[[], object]) -> int:
    try:
        run()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
