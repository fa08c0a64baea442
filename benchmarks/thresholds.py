"""How ink is told from paper: our binarisation, Sauvola and Otsu of scikit-image; which lines of a page are then found.

    pip install scikit-image
    OMP_NUM_THREADS=1 python benchmarks/thresholds.py

Pages of the reading benchmark under five lights. All that follows on the mask is ours. Both libraries take print to be
dark: they are given a picture whose middle level is dark turned round. Sauvola has our window.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from page_cutting import lines_found
from PIL import Image
from reading_pages import render_page
from results_file import machine_here, versions_here, write_result
from skimage.filters import threshold_otsu, threshold_sauvola

from demiglace.documents.segmentation import binarisation
from demiglace.typography.fonts import unseen_faces
from demiglace.typography.rendering import Rendered

RESULT = Path(__file__).parent / "results" / "thresholds.json"
SEED = 45
NUM_PAGES = 6
Threshold = Callable[[np.ndarray], np.ndarray]


def dark_print(threshold: Callable[[np.ndarray], np.ndarray | float]) -> Threshold:
    def find_ink(grey: np.ndarray) -> np.ndarray:
        grey = grey if np.median(grey) > 127 else 255 - grey
        return grey < threshold(grey)

    return find_ink


FINDERS: dict[str, Threshold] = {
    "ours": binarisation.find_ink,
    "Sauvola": dark_print(lambda grey: threshold_sauvola(grey, 2 * (max(grey.shape) // 24) + 1)),
    "Otsu": dark_print(threshold_otsu),
}


def light_from_one_side(page: Rendered) -> np.ndarray:
    return page.picture * np.linspace(1, 0.25, page.picture.shape[1])


def print_of_both_kinds(page: Rendered) -> np.ndarray:
    """On grey paper, lighter above and darker below."""
    half = page.picture.shape[0] // 2
    return np.concatenate([230 - 0.35 * page.picture[:half], 50 + 0.35 * page.picture[half:]])


def every_other_line_faint(page: Rendered) -> np.ndarray:
    picture = page.picture.astype(float)
    for line in np.unique(page.line_of)[::2]:
        boxes = page.boxes[page.line_of == line].astype(int)
        (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        place = np.s_[top - 2 : bottom + 3, left - 2 : right + 3]
        picture[place] = 200 + picture[place] * (55 / 255)
    return picture


LIGHTS: dict[str, Callable[[Rendered], np.ndarray]] = {
    "black on white": lambda page: page.picture,
    "light from one side": light_from_one_side,
    "lighter and darker print on grey": print_of_both_kinds,
    "contrast of 35 levels": lambda page: 170 + page.picture * (35 / 255),
    "every other line faint": every_other_line_faint,
}


def share_found(pages: list[Rendered], light: Callable[[Rendered], np.ndarray], find_ink: Threshold) -> float:
    binarisation.find_ink = find_ink
    pictures = [Image.fromarray(light(page).astype(np.uint8)).convert("RGB") for page in pages]
    lines, _, agreeing = np.sum([lines_found(*pair) for pair in zip(pages, pictures, strict=True)], axis=0).tolist()
    return round(agreeing / lines, 2)


def seconds(find_ink: Threshold, page: Rendered) -> float:
    started = time.process_time()
    find_ink(page.picture)
    return time.process_time() - started


def main() -> None:
    rng = np.random.default_rng(SEED)
    pages = [render_page(rng, unseen_faces()) for _ in range(NUM_PAGES)]
    clocks = [{name: seconds(find_ink, page) for name, find_ink in FINDERS.items()} for page in pages * 3]
    figures = {
        "lines_found": {
            light: {name: share_found(pages, change, find_ink) for name, find_ink in FINDERS.items()}
            for light, change in LIGHTS.items()
        },
        "times_of_ours": {
            name: float(f"{median(clock[name] / clock['ours'] for clock in clocks):.2g}") for name in FINDERS
        },
    }
    why = "no model is run: pages are cut, not read"
    print(write_result(RESULT, figures, why, machine_here(), versions_here("scikit-image")))


if __name__ == "__main__":
    main()
