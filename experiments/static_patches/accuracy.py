"""Answers to held-out questions about drawn clips, with static patches left out by several thresholds.

    python experiments/static_patches/accuracy.py --out FILE.jsonl [--model FOLDER] [--thresholds -1 0 4 8] [--seed 1]

Every clip is asked about at each threshold, so that answers can be compared clip by clip; below 0 is the plain form.
A line of FILE is one answer, and clips that are in it are not asked about again. `figures.py` makes tables of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from demiglace import Conversation, Demiglace, SamplingParams
from demiglace.conversation import Video, VideoSampling
from demiglace.processing.sample import Sample
from demiglace.scoring.question import Question
from demiglace.synthesis.clips.clip import Clip, encode
from demiglace.synthesis.clips.kinds import held_out_question

FILE_FPS = 20
SAMPLING = VideoSampling(fps=10.0, package_frames=6, force_package_frames=True)  # as benchmarks/answering.py
KINDS = ("direction", "order", "count", "recolour", "flashes", "flash_text")  # what nano has learned, and recolour
MOST_TOKENS = 64
NOISE = 6.0  # levels of 255


class GrainyClip(Clip):
    """With the noise of a sensor: normal, of `NOISE` levels, of each pixel and channel."""

    def draw(self, time_s: float) -> np.ndarray:
        drawn = super().draw(time_s)
        noise = np.random.default_rng(round(time_s * 1000)).normal(0, NOISE, drawn.shape)
        return np.clip(np.rint(drawn + noise), 0, 255).astype(np.uint8)


def answers(
    assistant: Demiglace, kind: str, numbers: list[int], seed: int, threshold: float, grainy: bool
) -> Iterator[dict[str, Any]]:
    """A record for each clip."""
    asked = [question(kind, number, seed, grainy) for number in numbers]
    told = assistant.with_static_patches(threshold)
    said = told.batch([conversation for _, conversation in asked], SamplingParams.greedy(MOST_TOKENS))
    for number, (one, conversation), answer in zip(numbers, asked, said, strict=True):
        text = answer.text if answer.stopped_by == "end" else ""
        yield {
            "kind": kind,
            "number": number,
            "seed": seed,
            "threshold": threshold,
            "wanted": one.answer,
            "said": text,
            "right": one.is_answered_by(text),
            "kept": 1.0 if threshold < 0 else round(kept_share(told.processor.prepare(conversation)), 4),
        }


@cache
def question(kind: str, number: int, seed: int, grainy: bool) -> tuple[Question, Conversation]:
    asked = held_out_question(kind, number, seed)
    clip = GrainyClip(**vars(asked.clip)) if grainy else asked.clip
    video = Video(encode(clip, FILE_FPS, "mp4"), SAMPLING)
    return asked.question, Conversation.ask(asked.question.text, video)


def kept_share(sample: Sample) -> float:
    """Patches that are encoded, of all."""
    assert sample.visual is not None
    return len(sample.visual.patches) / int(sample.visual.grids.prod(dim=1).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="[default: nano]")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[-1, 0, 2, 4, 8])
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--seed", type=int, default=1, help="of the clips: 1 to choose by, 2 to report")
    parser.add_argument(
        "--grainy", action="store_true", help="clips with the noise of a sensor, into a FILE of their own"
    )
    parser.add_argument("--each", type=int, default=20)
    options = parser.parse_args()
    assistant = Demiglace.load(options.model, "cpu", "float32")
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    known = {(one["kind"], one["threshold"], one["seed"], one["number"]) for one in map(json.loads, lines)}
    for start in range(0, options.each, 10):
        for kind in options.kinds:
            for threshold in options.thresholds:
                numbers = [
                    number
                    for number in range(start, min(start + 10, options.each))
                    if (kind, threshold, options.seed, number) not in known
                ]
                with options.out.open("a") as file:
                    for record in answers(assistant, kind, numbers, options.seed, threshold, options.grainy):
                        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
