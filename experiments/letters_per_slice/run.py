"""How many letters can stand behind the 64 visual tokens of one slice?

    python experiments/letters_per_slice/run.py [--model FOLDER] [--pictures 40]

Clean blocks of text in fonts never trained on, of 5 to 200 letters in one to six lines, each read as one slice. Writes
`result.json` and `curve.png` beside this file. Seed 7.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image as Pillow
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_of, weights_of, write_result

from demiglace import Demiglace, Image, SamplingParams
from demiglace.scoring.text_distance import corpus_character_error_rate
from demiglace.typography.fonts import unseen_faces
from demiglace.typography.line_samples import sample_text
from demiglace.typography.rendering import render_block
from demiglace.typography.typesetting import TextStyle

FOLDER = Path(__file__).parent
LETTERS = (5, 10, 20, 30, 40, 60, 80, 100, 140, 200)
LINES = (1, 2, 4, 6)
SEED = 7


def picture(rng: np.random.Generator, num_letters: int, num_lines: int) -> tuple[Pillow.Image, str]:
    """A clean block; each line holds its share of the letters."""
    faces = unseen_faces()
    lines = [sample_text(rng, max(1, num_letters // num_lines)) for _ in range(num_lines)]
    block = render_block(lines, faces[rng.integers(len(faces))], TextStyle(cap_height=float(rng.uniform(14, 30))))
    return Pillow.fromarray(block.picture).convert("RGB"), block.text


def measure(assistant: Demiglace, num_letters: int, num_lines: int, num_pictures: int) -> dict:
    rng = np.random.default_rng((SEED, num_letters, num_lines))
    drawn = [picture(rng, num_letters, num_lines) for _ in range(num_pictures)]
    sampling = SamplingParams.greedy(2 * num_letters + 20)
    answers = assistant.batch([("Read the text.", [Image(shown)]) for shown, _ in drawn], sampling)
    texts = [text for _, text in drawn]
    return {
        "letters": float(np.mean([len(text) for text in texts])),
        "lines": num_lines,
        "pictures": num_pictures,
        "cer": corpus_character_error_rate(texts, [answer.text for answer in answers]),
    }


def plot(points: list[dict]) -> None:
    figure, axes = plt.subplots(figsize=(7, 4))
    for num_lines in LINES:
        line = [point for point in points if point["lines"] == num_lines]
        axes.plot([p["letters"] for p in line], [p["cer"] for p in line], marker="o", label=f"{num_lines} lines")
    axes.set(xlabel="letters behind the 64 tokens of a slice", ylabel="character error rate", ylim=(0, 1.05))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(FOLDER / "curve.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano-reader", help="folder or hub id of a checkpoint")
    parser.add_argument("--pictures", type=int, default=40, help="pictures for each point")
    options = parser.parse_args()
    assistant, weights = Demiglace.load(options.model), weights_of(options.model)
    began = time.perf_counter()
    cases = [(letters, lines) for lines in LINES for letters in LETTERS if letters >= 4 * lines]
    points = [measure(assistant, *case, options.pictures) for case in track(cases, description="letters per slice")]
    figures = {"seed": SEED, "seconds": round(time.perf_counter() - began), "points": points}
    write_result(FOLDER / "result.json", figures, weights, machine_of(assistant))
    plot(points)


if __name__ == "__main__":
    main()
