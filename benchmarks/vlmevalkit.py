"""VLMEvalKit asks our server, and its verdicts are set beside ours of the same answers.

    make vlmevalkit
    python benchmarks/vlmevalkit.py [--each 24] [--out FILE]

Four sets are drawn in its formats: multiple choice, yes or no, and short texts about pictures, and multiple choice
about clips, whose files are sent whole.
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image
from results_file import ROOT, machine_of, weights_of, write_result
from server_process import ours, running

from demiglace import Demiglace
from demiglace.conversation import Image
from demiglace.scoring.question import Question
from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.rule_sets import VLMEVALKIT_NAME, as_scored, scorer
from demiglace.scoring.verdict import Expected
from demiglace.synthesis.clips.clip import encode
from demiglace.synthesis.clips.kinds import held_out_question as held_out_clip
from demiglace.synthesis.questions.topics import held_out_question

RESULT = Path(__file__).parent / "results" / "vlmevalkit.json"
ASK = Path(__file__).parent / "vlmevalkit_sets" / "ask.py"
VLMEVALKIT = ROOT / ".venv-vlmevalkit" / "bin" / "python"
NAME, MOST_TOKENS = "nano", 64
AS_FILES = ("--api-mode", "--video-llm")  # of clips; without `--api-mode` this version ends at a set of them
CLIP_KINDS = ("direction", "recolour")  # whose answers can be listed
CLIP_FPS = 20
GROUPS = {  # by which Video-MME's score is told; each must be one of its own
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Technology",
    "task_type": "Action Recognition",
}
FAILED = "Failed to obtain answer via API"
FIELD_BYTES = 2**28


@dataclass(frozen=True)
class Asked:
    """A set in the kit's format, and how it is scored."""

    name: str
    family: Family
    rows: Sequence[Mapping[str, Any]]


def drawn_choice(each: int) -> Asked:
    """Which of four; the picture is of shapes."""
    rows = [row for number in range(each) if (row := _choice(number))]
    return Asked("drawn_choice", "choice", rows)


def _choice(number: int) -> dict[str, Any] | None:
    parts, question = held_out_question("shapes", number)
    if len(question.choices) < 2:
        return None
    return {"index": number, "image": _encoded(parts), "question": question.text, **_lettered(question)}


def _lettered(question: Question) -> dict[str, str]:
    """At most four choices by letters, and the answer's letter as `answer`."""
    others = [one for one in question.choices if one != question.answer][:3]
    choices = sorted([question.answer, *others])
    return {**dict(zip("ABCD", choices, strict=False)), "answer": "ABCD"[choices.index(question.answer)]}


def drawn_yes_no(each: int) -> Asked:
    rows = []
    for number in range(20 * each):
        parts, question = held_out_question("shapes", number)
        if question.answer in ("yes", "no") and len(rows) < each:
            asked = {"question": question.text, "answer": question.answer.capitalize()}
            rows.append({"index": number, "image": _encoded(parts), **asked})
    return Asked("drawn_yes_no", "yes or no", rows)


def drawn_text(each: int) -> Asked:
    rows = []
    for number in range(each):
        parts, question = held_out_question("receipts", number)
        asked = {"question": question.text, "answer": str([question.answer]), "category": "Key Information Extraction"}
        rows.append({"index": number, "image": _encoded(parts), **asked})
    return Asked("drawn_text", "contained text", rows)


def drawn_clips(each: int, folder: Path) -> Asked:
    """Which of four, in Video-MME's format. The files lie in `folder`/video; it is made."""
    (folder / "video").mkdir()
    rows = []
    for place in range(each):
        number, kind = divmod(place, len(CLIP_KINDS))
        found, name = held_out_clip(CLIP_KINDS[kind], number), f"clip_{place}"
        (folder / "video" / f"{name}.mp4").write_bytes(encode(found.clip, CLIP_FPS, "mp4"))
        lettered = _lettered(found.question)
        candidates = [f"{letter}. {lettered[letter]}" for letter in "ABCD" if letter in lettered]
        asked = {"question": found.question.text, "candidates": str(candidates), **lettered}
        rows.append({"index": place, "video": name, **asked, **GROUPS})
    return Asked("drawn_clips", "choice of a video", rows)


def _encoded(parts: Sequence[Any]) -> str:
    (shown,) = parts
    assert isinstance(shown, Image)
    assert isinstance(shown.source, PIL.Image.Image)
    held = io.BytesIO()
    shown.source.save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


def write_tsv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


def by_kit(
    python: Path, folder: Path, out: Path, address: str, names: Sequence[str], options: Sequence[str] = ()
) -> None:
    """RuntimeError where it fails. Verdicts are by rules alone (`--judge exact_matching`)."""
    command = [str(python), str(ASK), "--data", *names, "--model", NAME, "--base-url", f"{address}/v1"]
    command += ["--judge", "exact_matching", "--retry", "2", "--max-tokens", str(MOST_TOKENS), "--work-dir", str(out)]
    command += options
    environment = {**os.environ, "LMUData": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment |= {"PRED_FORMAT": "tsv", "EVAL_FORMAT": "csv"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"VLMEvalKit failed:\n{done.stderr[-3000:]}")


def scores_of(out: Path) -> dict[str, str]:
    """What the kit wrote of its scores, by file; of Video-MME's rating, which is long, the overall score."""
    told = {
        file.name: file.read_text()
        for pattern in ("*_acc.csv", "*_score.csv", "*_score.json")
        for file in sorted((out / NAME).glob(pattern))
    }
    ratings = {file.name: json.loads(file.read_text()) for file in (out / NAME).glob("*_rating.json")}
    return told | {name: rating["overall"]["overall"] for name, rating in ratings.items()}


def told_by(asked: Asked, out: Path) -> list[dict[str, str]]:
    """The rows that the kit wrote down, each with its `prediction`."""
    return _read(next(out.glob(f"**/{NAME}_{asked.name}.tsv")), "\t")


def figures(asked: Asked, out: Path) -> dict[str, Any]:
    """By the kit's rules as ours have them, from what it wrote down of the answers."""
    told = told_by(asked, out)
    rows = {str(row["index"]): row for row in asked.rows}
    said = as_scored([one["prediction"] for one in told], VLMEVALKIT_NAME)
    by_rules, by_us = (
        [
            scorer(asked.family, rules)(text, _expected(rows[one["index"]])).score or 0.0
            for one, text in zip(told, said, strict=True)
        ]
        for rules in (VLMEVALKIT_NAME, "demiglace")
    )
    return {
        "asked": len(told),
        "failed": sum(FAILED in one["prediction"] for one in told),
        "right by our copy of its rules": sum(by_rules),
        "right by our rules": sum(by_us),
    }


def _read(path: Path, delimiter: str) -> list[dict[str, str]]:
    csv.field_size_limit(FIELD_BYTES)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def _expected(row: Mapping[str, Any]) -> Expected:
    if "category" in row:
        return Expected((str(row["answer"])[2:-2],))
    letters = {letter: row[letter] for letter in "ABCD" if letter in row}
    return Expected((row["answer"] if letters else row["answer"].casefold(),), letters)


def measured(python: Path, each: int, folder: Path) -> dict[str, Any]:
    pictures, clips = [drawn_choice(each), drawn_yes_no(each), drawn_text(each)], drawn_clips(each, folder)
    for one in (*pictures, clips):
        write_tsv(folder / f"{one.name}.tsv", one.rows)
    with running(ours("nano", "--name", NAME), folder / "server", {"OMP_NUM_THREADS": "1"}) as server:
        by_kit(python, folder, folder / "out", server.address, [one.name for one in pictures])
        by_kit(python, folder, folder / "out", server.address, [clips.name], AS_FILES)
    found = {one.name: figures(one, folder / "out") for one in (*pictures, clips)}
    return found | {"kit": scores_of(folder / "out")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, default=VLMEVALKIT, help="of VLMEvalKit's environment")
    parser.add_argument("--each", type=int, default=24, help="questions of a set")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measured(options.python.absolute(), options.each, Path(scratch))
    machine = machine_of(Demiglace.load(None, "cpu", "float32"))
    write_result(options.out, {"sets": found}, weights_of(None), machine)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
