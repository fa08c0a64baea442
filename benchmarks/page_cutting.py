"""How pages are cut for reading: which lines are found, and what the length of a piece costs and gives.

    python benchmarks/page_cutting.py [--model FOLDER] [--pages 4] [--letters 16 26 40] [--out FILE]

Pages are those of the reading benchmark, set in fonts kept out of training, 1 to 3 columns, with the place of every
line. A line counts as found where a cut line overlaps it by more than half of their union. Needs the extra `eval`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from reading_pages import render_page
from results_file import machine_of, weights_of, write_result

from demiglace import Demiglace, SamplingParams
from demiglace.documents.segmentation.line_crops import CuttingConfig, cut_page
from demiglace.inference.page_reading import QUESTION, read_page
from demiglace.scoring.text_distance import corpus_character_error_rate, word_f1
from demiglace.typography.fonts import unseen_faces
from demiglace.typography.rendering import Rendered

ROOT = Path(__file__).parents[1]
SEED = 45
NUM_PAGES_OF_LINES = 12  # finding lines costs little
WHOLE_PAGE_SLICES = (1, 9)
PAGE_TOKENS = 2048


def lines_found(page: Rendered, picture: Pillow.Image) -> tuple[int, int, int]:
    """Lines of the page, lines cut, and pairs of them that agree."""
    truth = np.array([[*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)] for boxes in _boxes_by_line(page)])
    boxes = [line.box for region in cut_page(picture, CuttingConfig()) for line in region.lines]
    cut = np.array(boxes).reshape(-1, 4)  # of no line too
    shared = np.minimum(truth[:, None, 2:], cut[None, :, 2:]) - np.maximum(truth[:, None, :2], cut[None, :, :2])
    both = shared.clip(0).prod(axis=2)
    areas = [(known[:, 2:] - known[:, :2]).prod(axis=1) for known in (truth, cut)]
    overlap = both / (areas[0][:, None] + areas[1][None] - both)
    return len(truth), len(cut), int((overlap > 0.5).sum())  # above a half, nothing agrees with two


def _boxes_by_line(page: Rendered) -> list[np.ndarray]:
    return [page.boxes[page.line_of == line] for line in np.unique(page.line_of)]


def scores(texts: list[str], pictures: list[Pillow.Image], read: Callable[[Pillow.Image], str]) -> dict:
    started = time.process_time()
    found = [read(picture) for picture in pictures]
    seconds = time.process_time() - started
    return {
        "cer": round(corpus_character_error_rate(texts, found), 4),
        "word_f1": round(float(np.mean(list(map(word_f1, texts, found)))), 4),
        "cpu_seconds_per_page": round(seconds / len(pictures), 1),
    }


def run(assistant: Demiglace, num_pages: int, lengths: list[int]) -> dict:
    rng = np.random.default_rng(SEED)
    pages = [render_page(rng, unseen_faces()) for _ in range(max(num_pages, NUM_PAGES_OF_LINES))]
    pictures = [Pillow.fromarray(page.picture).convert("RGB") for page in pages]
    truth, cut, agreeing = np.sum([lines_found(*pair) for pair in zip(pages, pictures, strict=True)], axis=0).tolist()
    lines = {"pages": len(pages), "lines": truth, "recall": agreeing / truth, "precision": agreeing / cut}
    report: dict = {"lines": lines, "pages_read": num_pages, "read": []}
    texts, pictures = [page.text for page in pages[:num_pages]], pictures[:num_pages]
    for length in lengths:
        config = CuttingConfig(most_letters=length)
        regions = [region for picture in pictures for region in cut_page(picture, config)]
        pieces = sum(len(line.pieces) for region in regions for line in region.lines)
        row = scores(texts, pictures, lambda picture, config=config: read_page(assistant, picture, config).text)
        report["read"].append({"most_letters": length, "pieces_per_page": pieces / num_pages, **row})
    sampling = SamplingParams.greedy(PAGE_TOKENS)
    for num_slices in WHOLE_PAGE_SLICES:
        whole = partial(assistant.sliced(max_slices=num_slices).ask, QUESTION, sampling=sampling)
        row = scores(texts, pictures, lambda picture, whole=whole: whole(picture).text)
        report["read"].append({"whole_page_in_slices": num_slices, **row})
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano-reader", help="folder or hub id of a checkpoint")
    parser.add_argument("--pages", type=int, default=4, help="pages to be read")
    parser.add_argument("--letters", type=int, nargs="+", default=[16, 20, 26, 32, 40, 60], help="most in a piece")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "page_cutting.json")
    options = parser.parse_args()
    assistant, weights = Demiglace.load(options.model), weights_of(options.model)
    report = run(assistant, options.pages, options.letters)
    write_result(options.out, report, weights, machine_of(assistant))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
