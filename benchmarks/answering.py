"""How many questions about pictures and clips of known contents are answered right, short and long, by kind.

    python benchmarks/answering.py [--model FOLDER] [--each 40] [--out FILE]

Questions are the project's own examinations, which no training draws. "Commonest" is whoever gives the commonest answer
to each kind of question without looking: what must be beaten before anything can be called learned. Clips are encoded
to MP4 and read back.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from results_file import machine_of, weights_of, write_result
from rich.progress import track

from demiglace import Demiglace
from demiglace.conversation import Part, Video, VideoSampling
from demiglace.evaluation.question_accuracy import PartsAndQuestion, answer_questions, score_by_kind
from demiglace.safe_files import write_whole
from demiglace.scoring.question import Question
from demiglace.synthesis.clips.clip import encode
from demiglace.synthesis.clips.kinds import CLIP_KINDS
from demiglace.synthesis.clips.kinds import held_out_question as examine_clip
from demiglace.synthesis.questions.topics import TEXT, TOPICS
from demiglace.synthesis.questions.topics import held_out_question as examine_picture

RESULTS = Path(__file__).parent / "results"
FRAMES_PER_SECOND = 20  # of the files
SAMPLING = VideoSampling(fps=10.0, package_frames=6, force_package_frames=True)  # the paper's most
TOKENS = {"short": 160, "long": 512}


def picture(topic: str, number: int) -> PartsAndQuestion:
    return examine_picture(topic, number)


def clip(kind: str, number: int) -> PartsAndQuestion:
    """Of the clips of a kind, number `number`; frames are taken at the paper's highest rate."""
    asked = examine_clip(kind, number)
    parts: Sequence[Part] = [Video(encode(asked.clip, FRAMES_PER_SECOND, "mp4"), SAMPLING)]
    return parts, asked.question


def measure(assistant: Demiglace, name: str, make: Callable[[str, int], PartsAndQuestion], each: int) -> dict:
    """Right answers to `each` questions of a kind, in both modes."""
    asked = [make(name, number) for number in range(each)]
    questions: list[Question] = [question for _, question in asked]
    row: dict = {"asked": each}
    for mode, most_tokens in TOKENS.items():
        began = time.perf_counter()
        said = answer_questions(assistant, asked, thinking=mode == "long", most_tokens=most_tokens)
        kinds = score_by_kind(questions, said)
        row["commonest"] = sum(kind.commonest for kind in kinds.values())
        row[mode] = {name: sum(getattr(kind, name) for kind in kinds.values()) for name in ("right", "unfinished")}
        row[mode]["kinds"] = {name: asdict(kind) for name, kind in kinds.items()}
        row[mode]["seconds"] = round((time.perf_counter() - began) / each, 2)
    return row


def run(assistant: Demiglace, each: int) -> dict:
    rows = {topic: measure(assistant, topic, picture, each) for topic in track([*TOPICS, TEXT], "pictures")}
    clips = {kind: measure(assistant, kind, clip, each) for kind in track(list(CLIP_KINDS), "clips")}
    return {"each": each, "pictures": rows, "clips": clips}


def table(report: dict) -> str:
    lines = ["| asked about | commonest | short | long |", "|---|---:|---:|---:|"]
    for group in ("pictures", "clips"):
        for name, row in report[group].items():
            shares = [row["commonest"], row["short"]["right"], row["long"]["right"]]
            cells = " | ".join(f"{count / row['asked']:.0%}" for count in shares)
            lines.append(f"| {'clip: ' if group == 'clips' else ''}{name.replace('_', ' ')} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="[default: the nano model of the package]")
    parser.add_argument("--each", type=int, default=40, help="questions of a kind")
    parser.add_argument("--out", type=Path, default=RESULTS / "answering.json")
    options = parser.parse_args()
    assistant, weights = Demiglace.load(options.model), weights_of(options.model)
    report = run(assistant, options.each)
    write_result(options.out, report, weights, machine_of(assistant))
    write_whole(options.out.with_suffix(".md"), table(report))
    print(table(report))


if __name__ == "__main__":
    main()
