"""Takes what the jobs left into the project: python runs/take_results.py FOLDER

Result files go to benchmarks/results under names that end in _gpu, with their tables; the README's lines between its
two marks are written anew from all that are there. Results of tiny runs, and of no GPU, are refused.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from demiglace.safe_files import read_object, write_whole

ROOT = Path(__file__).parents[1]
MOST_BYTES = 2**24
NAMES = {  # of a job's file, and what it is called here
    "check.json": "check_gpu.json",
    "video_gpu.json": "video_gpu.json",
    "decoding.json": "decoding_gpu.json",
    "reader.json": "reader_gpu.json",
    "sft.json": "sft_gpu.json",
    "rl.json": "rl_gpu.json",
}
MARKS = "<!-- results of runs/gpu.sh -->", "<!-- end of them -->"


def take(folder: Path, results: Path, readme: Path) -> list[Path]:
    """Copy the results in `folder` and rewrite the README's lines; the copies. ValueError where there is none."""
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if not found:
        raise ValueError(f"no result of a job in {folder}; there may be {', '.join(NAMES)}")
    for path in found:
        refuse_trial(path)
    taken = []
    for path in found:
        target = results / NAMES[path.name]
        for suffix in (".json", ".md"):
            if path.with_suffix(suffix).is_file():
                shutil.copyfile(path.with_suffix(suffix), target.with_suffix(suffix))
        taken.append(target)
    write_whole(readme, with_lines(readme.read_text(), lines_of(results)))
    return taken


def refuse_trial(path: Path) -> None:
    """ValueError where the figures are of no GPU, or of a tiny run."""
    told = read_object(path, MOST_BYTES)
    size = told.get("size", {})
    if told["machine"]["gpu"] is None:
        raise ValueError(f"{path} was not made on a GPU, but on {told['machine']['processor']}")
    if told.get("tiny") or (isinstance(size, dict) and size.get("name") == "reduced"):
        raise ValueError(f"{path} is of a tiny run")


def with_lines(page: str, lines: Iterable[str]) -> str:
    """The page with `lines` between its marks; ValueError where it has none."""
    begin, end = MARKS
    if not (page.count(begin) == page.count(end) == 1):
        raise ValueError(f"the page needs {begin} and {end} once each, in which the results go")
    return re.sub(f"{begin}.*?{end}", lambda _: "\n".join([begin, *lines, end]), page, flags=re.DOTALL)


def lines_of(results: Path) -> list[str]:
    """A table of one line for each result that is there."""
    rows = []
    for name, line in LINES.items():
        if (results / name).is_file():
            told = json.loads((results / name).read_text())
            rows.append(
                f"| [{line.title}](benchmarks/results/{name}) | {line.words(told)} | {told['machine']['gpu']} |"
            )
    return ["| on a GPU | | device |", "|---|---|---|", *rows]


class Line:
    """A result in words."""

    def __init__(self, title: str, words: Callable[[dict], str]) -> None:
        self.title, self.words = title, words


def video_words(told: dict) -> str:
    means = [f"{mean['seconds']:.1%} of the time and {mean['peak_bytes']:.1%} of the memory of {mean['beside']} "
             f"({mean['setting']})" for mean in told["video_mme"]]  # fmt: skip
    return "; ".join(means) or "not all lengths were reached"


def decoding_words(told: dict) -> str:
    return "; ".join(
        f"{row['tokens_per_second']:,.0f} tokens/s at {row['batch']} "
        f"({row['share_of_bandwidth']:.0%} of the memory's rate)"
        for row in told["rows"]
        if row["way"] == "graph"
    )


def check_words(told: dict) -> str:
    outcomes = list(told["tests"].values())
    return f"{outcomes.count('passed')} of {len(outcomes)} tests pass, {outcomes.count('skipped')} skip"


def rates_words(told: dict) -> str:
    rates = told["character_error_rates"].items()
    return "characters wrong: " + ", ".join(f"{rate:.1%} {name}" for name, rate in rates if isinstance(rate, float))


def reward_words(told: dict) -> str:
    first, last = (told[when]["accuracy/short"] for when in ("first", "last"))
    return f"right short answers at temperature 1: {first:.0%}, then {last:.0%}"


LINES = {
    "check_gpu.json": Line("CPU and GPU agree", check_words),
    "video_gpu.json": Line("answers about clips, Video-MME's lengths", video_words),
    "decoding_gpu.json": Line("decoding at 8B", decoding_words),
    "reader_gpu.json": Line("a reader from random weights", rates_words),
    "sft_gpu.json": Line("reading after SFT", rates_words),
    "rl_gpu.json": Line("hybrid reinforcement learning", reward_words),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder that a job was given as --out")
    options = parser.parse_args()
    try:
        taken = take(options.folder, ROOT / "benchmarks" / "results", ROOT / "README.md")
    except (OSError, ValueError) as error:
        print(f"take_results: {error}", file=sys.stderr)
        return 2
    print(*taken, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
