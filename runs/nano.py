"""From nothing to a model as the one that ships: every step of it, one after the other, in one command.

    bash runs/nano.sh [--folder runs/from-nothing] [--tiny] [--list]

The steps are those that made the shipped weights (`experiments/nano`, `experiments/seeing`); there some were stopped by
hand and the drawn questions still changed, so what comes out is another model of the same kind. Each step has a folder
with a `model` in it; one that is finished is not run again, and one that was stopped goes on. `--list` tells the steps
(`nano_steps.py`), the minutes that each took on two cores (of those timed together its share by steps), and what was
measured after it; `--tiny` runs all of them, a training step each, and needs no network.
"""

from __future__ import annotations

import argparse
import runpy
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

from nano_steps import DOCUMENTS, ROOT, STEPS, Step

FETCH = ROOT / "experiments/unified_documents/fetch.py"
SCRIPTS = {  # what is no command of demiglace
    "average": ROOT / "experiments/nano/average.py",
    "shapes": ROOT / "experiments/seeing/run.py",
    "joint": ROOT / "experiments/seeing/joint.py",
}
LOOKING = ("train", "shapes", "joint")  # what teaches the encoder, by heads beside the model
START_WORDS = {"shapes": 1, "joint": 2}  # which of a script's words is the model that learns on
TINY_MIXTURE, TINY_PROMPTS = ROOT / "runs" / "sft.toml", ROOT / "experiments" / "seeing" / "rl.toml"
HEADS = "heads.safetensors"
TINY_RL = (
    "--steps", "1", "--prompts", "2", "--answers", "2", "--short-limit", "4", "--long-limit", "4", "--workers", "0"
)  # fmt: skip
TINY_SFT = ("--steps", "1,0", "--length", "512", "--batch-rows", "1", "--micro-batch-rows", "1", "--workers", "0")


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
    status = script(SCRIPTS[words[0]], words[1:]) if words[0] in SCRIPTS else demiglace(words)
    if status == 0:
        (own / "finished").write_text(f"{time.monotonic() - began:.0f} s\n")
        print(f"{step.name}: {time.monotonic() - began:.0f} s; expected: {step.expected or '-'}", flush=True)
    return status


def command(step: Step, folder: Path, tiny: bool) -> list[str]:
    """What is run, with paths of earlier models and of the step's own folder; heads are lent to it."""
    models = {one.name: str(folder / one.name / "model") for one in STEPS}
    words = step.words.format(**models).split()
    if words[0] == "average":
        return [*words, "--out", str(folder / step.name / "model")]
    if words[0] in LOOKING and (start := start_of(words)):
        lend_heads(Path(start).parent, folder / step.heads)
    if tiny:
        words = tiny_words(words)
    return [*words, "--folder", str(folder / step.name)]


def start_of(words: list[str]) -> str | None:
    """The model that learns on, if any."""
    if words[0] in START_WORDS:
        return words[START_WORDS[words[0]]]
    return words[words.index("--start") + 1] if "--start" in words else None


def tiny_words(words: list[str]) -> list[str]:
    """The same command in few training steps of a stage, of the cheapest where it has several."""
    start = start_of(words)
    if words[0] == "shapes":
        return ["shapes", str(start), "--steps", "1", "--batch", "2"]
    if words[0] == "joint":
        return ["joint", str(TINY_MIXTURE), str(start), "--steps", "1", "--rows", "2", "--pictures", "2"]
    starting = ["--start", start] if start else []
    if words[0] == "train":
        return ["train", "nano", "--quick", "--stages", "colours" if start else "encoder", *starting]
    if words[0] == "rl":
        return ["rl", str(TINY_PROMPTS), "--preset", "nano", *starting, *TINY_RL]
    return ["sft", str(TINY_MIXTURE), "--preset", "nano", *starting, *TINY_SFT]


def lend_heads(start: Path, lender: Path) -> None:
    """A model that was fine-tuned or averaged has no heads beside it; those of an earlier run fit it."""
    if not (start / HEADS).exists():
        shutil.copyfile(lender / HEADS, start / HEADS)


def demiglace(words: Sequence[str]) -> int:
    from demiglace.cli.main import app

    return status_of(lambda: app(list(words), prog_name="demiglace"))


def script(path: Path, words: Sequence[str]) -> int:
    return status_of(lambda: run_script(path, words))


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
