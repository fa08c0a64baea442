"""How many questions about simple pictures that others drew are answered right, by kind, beside the commonest answer.

    python benchmarks/seeing.py [--model FOLDER] [--data FOLDER] [--half kept] [--most 60] [--out FILE]

easy-VQA (one shape), SHAPES (grids), NLVR (sentences about three boxes) and BlindTest (circles to count, lines that
cross) are read from the folder that `--data` names and are reported as skipped where they are absent. NLVR is asked
twice, the second time with its three boxes as the frames of one package. No training draws from these sets. Their
pictures are split by name in two halves: one to measure by while a model is made, one kept back for its last figure.
Answers are short and greedy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from results_file import machine_of, weights_of, write_result
from rich.progress import track

from demiglace import Demiglace
from demiglace.conversation import Image, Part, Video, VideoSampling
from demiglace.evaluation.question_accuracy import PartsAndQuestion, answer_questions, score
from demiglace.safe_files import write_whole
from demiglace.scoring.question import Question

ROOT = Path(__file__).parents[1]
SEED = 45
BATCH = 64  # questions at once
MOST_TOKENS = 24
NLVR_BOX, NLVR_LEFTS = 100, (0, 150, 300)  # pixels
LOOKED_AT, KEPT, BOTH = "looked at", "kept", "both"
_COLOURS = ("black", "red", "blue", "gray", "green", "teal", "brown", "yellow")
_FORMS = ("circle", "rectangle", "triangle")

Row = Mapping[str, str]


def half_of(picture: str) -> str:
    """The half of a picture by its file name; all questions about it are in the same."""
    return KEPT if hashlib.sha256(picture.encode()).digest()[0] % 2 else LOOKED_AT


def easy_vqa(row: Row) -> Question:
    answer = row["answer"]
    kind, choices = next(
        (kind, words)
        for kind, words in (("colour", _COLOURS), ("form", _FORMS), ("yes or no", ("yes", "no")))
        if answer in words
    )
    return Question(kind, row["question"], answer, answer, choices=choices)


def shapes(row: Row) -> Question:
    """Asked as it stands; the truth is written true or false, a question takes yes or no."""
    words = row["query"].split()
    steps = sum(words.count(word) for word in ("above", "below", "left", "right"))
    kind = ("no relation", "one relation", "two relations")[steps]
    answer = {"true": "yes", "false": "no"}[row["answer"]]
    return Question(kind, f"{row['query'].capitalize()}?", answer, answer, choices=("yes", "no"))


def nlvr(row: Row) -> Question:
    return Question("sentence", f"True or false: {row['sentence']}", row["label"], row["label"])


def blindtest(row: Row) -> Question:
    answer = row["answer"].casefold()
    return Question(row["task"].replace("_", " "), row["question"], answer, answer)


def three_frames(picture: Path) -> Video:
    """The boxes of a picture of NLVR, from left to right, as one package."""
    with PIL.Image.open(picture) as opened:
        boxes = [opened.convert("RGB").crop((left, 0, left + NLVR_BOX, NLVR_BOX)) for left in NLVR_LEFTS]
    return Video(boxes, VideoSampling(package_frames=len(boxes), force_package_frames=True))


@dataclass(frozen=True)
class QuestionSet:
    """folder: with `qa.jsonl`, a row for each question. show: a picture by its path."""

    folder: str
    ask: Callable[[Row], Question]
    show: Callable[[Path], Part] = Image


SETS = {
    "easy_vqa": QuestionSet("easy_vqa", easy_vqa),
    "shapes": QuestionSet("shapes", shapes),
    "nlvr": QuestionSet("nlvr", nlvr),
    "nlvr, three frames": QuestionSet("nlvr", nlvr, three_frames),
    "blindtest": QuestionSet("blindtest", blindtest),
}


def questions_of(folder: Path, asked: QuestionSet, half: str) -> list[PartsAndQuestion]:
    """Those of a half, in an order that is drawn once, so that the first of them stand for all."""
    rows = [json.loads(line) for line in (folder / "qa.jsonl").read_text().splitlines()]
    rows = [row for row in rows if half in (BOTH, half_of(row["image"]))]
    order = np.random.default_rng(SEED).permutation(len(rows))
    return [((asked.show(folder / rows[number]["image"]),), asked.ask(rows[number])) for number in order]


def measure(assistant: Demiglace, asked: list[PartsAndQuestion]) -> dict:
    """Right answers in all and of each kind, with 95 % intervals of their shares."""
    said: list[str] = []
    for start in range(0, len(asked), BATCH):
        said += answer_questions(assistant, asked[start : start + BATCH], most_tokens=MOST_TOKENS)
    pairs = [(question, answer) for (_, question), answer in zip(asked, said, strict=True)]
    kinds = sorted({question.kind for question, _ in pairs})
    return {
        "all": _figures(pairs),
        "kinds": {kind: _figures([pair for pair in pairs if pair[0].kind == kind]) for kind in kinds},
    }


def _figures(pairs: list[tuple[Question, str]]) -> dict:
    questions, said = [question for question, _ in pairs], [answer for _, answer in pairs]
    right = np.array([question.is_answered_by(answer) for question, answer in pairs])
    return {**asdict(score(questions, said)), "interval": interval(right)}


def interval(right: np.ndarray, num_draws: int = 1000) -> tuple[float, float]:
    """95 % of the shares of right answers in sets drawn with replacement from this one; right (questions,) bool."""
    drawn = np.random.default_rng(SEED).integers(len(right), size=(num_draws, len(right)))
    low, high = np.quantile(right[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def run(assistant: Demiglace, data: Path, half: str, most: int | None) -> dict:
    results: dict = {}
    for name, asked in track(SETS.items(), "sets"):
        folder = data / asked.folder
        if (folder / "qa.jsonl").is_file():
            results[name] = measure(assistant, questions_of(folder, asked, half)[:most])
        else:
            results[name] = {"skipped": "no qa.jsonl in the folder of real data"}
    return {"half": half, "most": most, "results": results}


def table(report: dict) -> str:
    lines = ["| set | asked | commonest | right | 95 % |", "|---|---:|---:|---:|---:|"]
    for name, result in report["results"].items():
        if "skipped" in result:
            lines.append(f"| {name} | skipped: {result['skipped']} | | | |")
            continue
        lines.append(_row(f"**{name}**", result["all"]))
        lines += [_row(f"{name}: {kind}", one) for kind, one in result["kinds"].items() if len(result["kinds"]) > 1]
    return "\n".join(lines) + "\n"


def _row(name: str, one: dict) -> str:
    low, high = one["interval"]
    shares = f"{one['commonest'] / one['asked']:.0%} | {one['right'] / one['asked']:.0%}"
    return f"| {name} | {one['asked']} | {shares} | {low:.0%} to {high:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="[default: the nano model of the package]")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real data")
    parser.add_argument("--half", choices=[LOOKED_AT, KEPT, BOTH], default=BOTH, help="of the pictures")
    parser.add_argument("--most", type=int, help="questions of each set")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "seeing.json")
    options = parser.parse_args()
    assistant, weights = Demiglace.load(options.model), weights_of(options.model)
    report = run(assistant, options.data, options.half, options.most)
    write_result(options.out, report, weights, machine_of(assistant))
    write_whole(options.out.with_suffix(".md"), table(report))
    print(table(report))


if __name__ == "__main__":
    main()
