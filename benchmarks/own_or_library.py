"""What is ours though a library exists: does the library do the same, and in how many times our time?

    pip install scipy matplotlib text2num
    OMP_NUM_THREADS=1 python benchmarks/own_or_library.py

The figures of docs/architecture.md. `times` are processor seconds of the library in those of ours: both in turn in one
process, by the median.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median, median_low

import numpy as np
import torch
from reading_pages import render_page
from results_file import machine_here, versions_here, write_result
from torch.optim.lr_scheduler import ConstantLR, LinearLR, SequentialLR

from demiglace.documents.segmentation import binarisation
from demiglace.documents.segmentation.connected_components import component_boxes
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset
from demiglace.scoring.quantities.number_words import number_in_words
from demiglace.synthesis.questions.chart_drawing import draw_chart
from demiglace.synthesis.questions.charts import random_chart
from demiglace.training.optim import Muon, orthogonalise
from demiglace.training.schedule import wsd
from demiglace.typography.fonts import unseen_faces

RESULT = Path(__file__).parent / "results" / "own_or_library.json"
NUM_PAGES = 12
SIDE = 180  # pixels of a chart
Mask = np.ndarray


def times(ours: Callable[[], object], library: Callable[[], object], repeats: int = 9) -> float:
    """Of the library in those of ours; the first of each warms up."""
    clock = [time.process_time()]
    for run in [ours, library] * (repeats + 1):
        run()
        clock.append(time.process_time())
    seconds = [end - start for start, end in pairwise(clock)]
    return float(f"{median(seconds[3::2]) / median(seconds[2::2]):.2g}")


def components(masks: list[Mask]) -> dict:
    from scipy import ndimage

    def by_scipy(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
        labels, _ = ndimage.label(mask, np.ones((3, 3)))
        places = ndimage.find_objects(labels)
        boxes = np.array([(across.start, down.start, across.stop, down.stop) for down, across in places])
        return boxes, np.bincount(labels.ravel())[1:]

    pairs = [(component_boxes(mask), by_scipy(mask)) for mask in masks]
    equal = sum(all(map(np.array_equal, ours, theirs)) for ours, theirs in pairs)
    ratios = [times(lambda mask=mask: component_boxes(mask), lambda mask=mask: by_scipy(mask)) for mask in masks]
    return {"masks": len(masks), "equal": equal, "times": median_low(ratios)}


def dilation(mask: Mask, reach: int = 22) -> dict:
    from scipy.ndimage import maximum_filter

    def by_scipy() -> Mask:
        return maximum_filter(mask.view(np.uint8), 2 * reach + 1, mode="constant").astype(bool)

    is_equal = np.array_equal(binarisation.dilated(mask, reach), by_scipy())
    return {"is_equal": is_equal, "times": times(lambda: binarisation.dilated(mask, reach), by_scipy)}


def charts() -> dict:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rng = np.random.default_rng(0)
    bars = [chart for chart in (random_chart(rng) for _ in range(60)) if chart.style == "bar"]

    def by_matplotlib() -> None:
        for chart in bars:
            figure = Figure(figsize=(1.2 * SIDE / 100, SIDE / 120), dpi=100)
            figure.subplots().bar(chart.labels, chart.values[0])
            FigureCanvasAgg(figure).draw()

    return {
        "times": times(lambda: [draw_chart(np.random.default_rng(0), chart, SIDE) for chart in bars], by_matplotlib)
    }


def muon() -> dict:
    torch.manual_seed(0)
    shapes = [weight.shape for name, weight in MiniCPMV(preset("nano")).named_parameters() if ".layers." in name]
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes if len(shape) == 2]
    for weight in weights:
        weight.grad = torch.randn(weight.shape)
    ours = Muon(weights, lr=0.0, weight_decay=0.0)
    library = torch.optim.Muon(weights, lr=0.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    update = torch.nn.Parameter(torch.zeros(384, 1024))
    update.grad = torch.randn(update.shape)
    torch.optim.Muon([update], lr=1.0, weight_decay=0.0, momentum=0.0, nesterov=False).step()
    expected = -orthogonalise(update.grad)
    share = float((update.detach() - expected).norm() / expected.norm())
    return {"update_differs_by": round(share, 3), "times": times(ours.step, library.step)}


def learning_rate(num_steps: int, warmup: int, decay_share: float, min_lr_ratio: float = 0.1) -> float:
    """The most by which it differs at a step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    rise, hold = LinearLR(optimizer, 1 / warmup, 1, warmup - 1), ConstantLR(optimizer, 1.0)
    decay_steps = round(num_steps * decay_share)
    parts, ends = [rise, hold, LinearLR(optimizer, 1, min_lr_ratio, decay_steps)], [warmup - 1, num_steps - decay_steps]
    joined, differences = SequentialLR(optimizer, parts, ends), []
    for step in range(num_steps):
        ours = wsd(step, num_steps, warmup, decay_share, min_lr_ratio)
        differences.append(abs(optimizer.param_groups[0]["lr"] - ours))
        optimizer.step()
        joined.step()
    return round(max(differences), 2)


def number_words() -> dict:
    """Up to four words of chance: the longest number that they begin with."""
    from text_to_num import text2num

    def by_library(words: list[str]) -> tuple[int, int] | None:
        for count in range(len(words), 0, -1):
            try:
                return text2num(" ".join(words[:count]), "en"), count
            except ValueError:
                continue
        return None

    known = ["zero", "one", "four", "twelve", "twenty", "ninety", "hundred", "thousand", "million", "and"]
    rng = random.Random(0)
    asked = [rng.choices(known, k=rng.randint(1, 4)) for _ in range(5000)]
    return {"share_equal": round(sum(number_in_words(words) == by_library(words) for words in asked) / len(asked), 2)}


def main() -> None:
    rng = np.random.default_rng(45)
    masks = [binarisation.find_ink(render_page(rng, unseen_faces()).picture) for _ in range(NUM_PAGES)]
    figures = {
        "connected components": components(masks),
        "dilation": dilation(masks[0]),
        "charts": charts(),
        "Muon": muon(),
        "learning rate": {"1000 steps": learning_rate(1000, 50, 0.2), "10 steps": learning_rate(10, 8, 0.5)},
        "number words": number_words(),
    }
    versions = versions_here("scipy", "matplotlib", "text2num")
    why = "no model is run: masks of pages, charts, random matrices and words"
    print(write_result(RESULT, {"compared": figures}, why, machine_here(), versions))


if __name__ == "__main__":
    main()
