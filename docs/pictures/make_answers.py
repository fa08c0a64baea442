"""Makes answers.png, what the shipped model answers about two samples, and answers.json, which a test asks again.

    python docs/pictures/make_answers.py

Needs the extra `eval`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import Weights, machine_of, weights_of, write_result

from demiglace import Demiglace, Image, SamplingParams, Video, VideoSampling
from demiglace.conversation import Part
from demiglace.media.pictures import open_picture
from demiglace.media.video import read_packages

ROOT = Path(__file__).parents[2]
PICTURE = Path(__file__).with_name("answers.png")
CLIP, LINE = "samples/flash.mp4", "samples/heading.png"
IN_PACKAGES = VideoSampling(fps=10.0, package_frames=6, force_package_frames=True)
ONE_BY_ONE = VideoSampling(fps=10.0, package_frames=1, force_package_frames=True)
SELDOM = VideoSampling(fps=3.0, package_frames=1, force_package_frames=True)
FLASHED = "8935"  # samples/SOURCES.md
FLASH, READ = "Some text flashes up. Read it.", "Read the text."

WIDTH, HEIGHT, MARGIN = 1600, 850, 48  # pixels; twice what a page shows
COLUMNS, GAP, PACKAGE_GAP = 3, 4, 24  # frames side by side in a package
INK, GREY, LINE_GREY, ACCENT = "#1f2328", "#59636e", "#d1d9e0", "#bc4c00"
QUESTION_FILL, ANSWER_FILL = "#f6f8fa", "#fff1e5"
TEXT, SMALL, LARGE = 28, 25, 46  # pixels of type
MIDDLE = 720  # where the right half begins


@dataclass(frozen=True)
class Exchange:
    """frames and packages: of a clip, None for a picture."""

    shown: str
    frames: int | None
    packages: int | None
    question: str
    answer: str
    visual_tokens: int
    new_tokens: int


def ask(assistant: Demiglace, question: str, shown: str, sampling: VideoSampling | None = None) -> Exchange:
    """What the model answers, greedily; `sampling` for clips alone."""
    file = ROOT / shown
    part: Part = Video(file, sampling) if sampling else Image(file)
    sizes = [len(package.frames) for package in read_packages(file, sampling)] if sampling else []
    answer = assistant.ask(question, part, sampling=SamplingParams.greedy(80))
    counts = (sum(sizes) or None, len(sizes) or None)
    return Exchange(shown, *counts, question, answer.text, answer.visual_tokens, answer.new_tokens)


def answers(assistant: Demiglace) -> dict[str, Exchange]:
    return {
        "in packages": ask(assistant, FLASH, CLIP, IN_PACKAGES),
        "one by one": ask(assistant, FLASH, CLIP, ONE_BY_ONE),
        "seldom": ask(assistant, FLASH, CLIP, SELDOM),
        "line": ask(assistant, READ, LINE),
    }


def how_often(weights: Weights) -> str:
    """How good such answers are on the whole, by the benchmark; ValueError where that is of other weights."""
    answering = json.loads((ROOT / "benchmarks" / "results" / "answering.json").read_text())
    if answering["weights"]["sha256"] != weights.sha256:
        raise ValueError(f"{answering['command']} was run with weights {answering['weights']['sha256']}: run it again")
    flashes = answering["clips"]["flash_text"]
    return f"Of such clips it reads {flashes['short']['right']} of {flashes['asked']}."


def draw(exchanges: dict[str, Exchange], weights: Weights) -> None:
    figure = plt.figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.axis("off")
    box(axes, 2, 2, WIDTH - 4, HEIGHT - 4, "white", 20, LINE_GREY)
    draw_clip(axes, exchanges)
    rule(axes, MARGIN, 556)
    draw_line(axes, exchanges["line"])
    millions = weights.parameters / 1e6
    model = f"Answers of the nano model that comes with the package ({millions:.1f} million parameters)."
    write(axes, MARGIN, 776, model, SMALL, GREY)
    write(axes, MARGIN, 812, how_often(weights), SMALL, GREY)
    figure.savefig(PICTURE, transparent=True)
    plt.close(figure)


def draw_clip(axes: Axes, exchanges: dict[str, Exchange]) -> None:
    packed = exchanges["in packages"]
    assert packed.packages
    title = f"A clip of 2.8 seconds, ten frames a second: one of the {packed.frames} shows the text"
    write(axes, MARGIN, 56, title, TEXT, INK, bold=True)
    packages = [package.frames for package in read_packages(ROOT / CLIP, IN_PACKAGES)]
    width = (WIDTH - 2 * MARGIN - (len(packages) - 1) * PACKAGE_GAP) / len(packages)
    tokens = packed.visual_tokens // packed.packages
    for number, frames in enumerate(packages):
        left = MARGIN + number * (width + PACKAGE_GAP)
        bottom = draw_frames(axes, [np.asarray(frame) for frame in frames], left, 92, width)
        bracket(axes, left, left + width, bottom + 14)
        size = f"{len(frames)} frames, {tokens} tokens"
        write(axes, left + width / 2, bottom + 56, size, SMALL, GREY, align="center")
    bubble(axes, MARGIN, 362, 500, packed.question, QUESTION_FILL)
    bubble(axes, MARGIN + 60, 440, 250, packed.answer, ANSWER_FILL, LARGE)
    ways = {"in packages": "up to six to a package", "one by one": "one by one", "seldom": "one by one, 3 a second"}
    table(axes, [("", "visual tokens", "answer"), *(row(exchanges[name], way) for name, way in ways.items())])


def row(exchange: Exchange, way: str) -> tuple[str, str, str]:
    answer = exchange.answer if exchange.answer == FLASHED else f"{exchange.answer} (wrong)"
    return f"{exchange.frames} frames, {way}", f"{exchange.visual_tokens:,}", answer


def draw_frames(axes: Axes, frames: list[np.ndarray], left: float, top: float, width: float) -> float:
    """Frames in rows, those with text on them framed; where the second row ends."""
    side = (width - (COLUMNS - 1) * GAP) / COLUMNS
    height = side * frames[0].shape[0] / frames[0].shape[1]
    for number, frame in enumerate(frames):
        x, y = left + number % COLUMNS * (side + GAP), top + number // COLUMNS * (height + GAP)
        axes.imshow(frame, extent=(x, x + side, y + height, y), interpolation="lanczos", aspect="auto", zorder=2)
        colour, thickness, order = (ACCENT, 4, 4) if has_text(frame) else (LINE_GREY, 1, 3)
        edge = {"edgecolor": colour, "linewidth": thickness, "zorder": order}
        axes.add_patch(plt.Rectangle((x, y), side, height, fill=False, **edge))
    return top + 2 * height + GAP


def has_text(frame: np.ndarray) -> bool:
    """Of a clip whose ground is plain."""
    return bool(np.ptp(frame.astype(int)) > 128)


def draw_line(axes: Axes, exchange: Exchange) -> None:
    picture = np.asarray(open_picture(ROOT / exchange.shown))
    height, width = (2 * side for side in picture.shape[:2])
    extent = (MARGIN, MARGIN + width, 600 + height, 600)
    axes.imshow(picture, extent=extent, interpolation="lanczos", aspect="auto", zorder=2)
    axes.add_patch(plt.Rectangle((MARGIN, 600), width, height, fill=False, edgecolor=LINE_GREY, zorder=3))
    write(axes, MARGIN, 700, f"a photographed line, {exchange.visual_tokens} visual tokens", SMALL, GREY)
    bubble(axes, MIDDLE, 582, 270, exchange.question, QUESTION_FILL)
    bubble(axes, MIDDLE + 60, 658, 570, exchange.answer, ANSWER_FILL, TEXT + 4)


def table(axes: Axes, rows: list[tuple[str, str, str]]) -> None:
    """A head, and below it the way that is shown, in bold, and others."""
    for number, (how, tokens, answer) in enumerate(rows):
        y, colour, bold = 376 + 46 * number, INK if number == 1 else GREY, number == 1
        write(axes, MIDDLE, y, how, SMALL, colour, bold)
        write(axes, 1370, y, tokens, SMALL, colour, bold, "right")
        write(axes, WIDTH - MARGIN, y, answer, SMALL, colour, bold, "right")
    rule(axes, MIDDLE, 398)


def rule(axes: Axes, left: float, y: float) -> None:
    axes.plot((left, WIDTH - MARGIN), (y, y), color=LINE_GREY, linewidth=1.5)


def bubble(axes: Axes, left: float, top: float, width: float, words: str, fill: str, size: int = TEXT) -> None:
    height = size + 34
    box(axes, left, top, width, height, fill, 18, "none")
    write(axes, left + 26, top + height / 2, words, size, INK, bold=fill == ANSWER_FILL)


def box(axes: Axes, left: float, top: float, width: float, height: float, fill: str, radius: int, edge: str) -> None:
    style = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((left, top), width, height, style, facecolor=fill, edgecolor=edge, linewidth=1.5))


def bracket(axes: Axes, left: float, right: float, y: float) -> None:
    axes.plot((left, left, right, right), (y, y + 12, y + 12, y), color=GREY, linewidth=2)


def write(
    axes: Axes, x: float, y: float, words: str, size: int, colour: str, bold: bool = False, align: str = "left"
) -> None:
    """Around the height `y`; size in pixels."""
    weight = "bold" if bold else "normal"
    axes.text(x, y, words, fontsize=0.72 * size, color=colour, weight=weight, ha=align, va="center_baseline")


def main() -> None:
    assistant, weights = Demiglace.load(device="cpu"), weights_of(None)
    exchanges = answers(assistant)
    draw(exchanges, weights)
    figures = {name: asdict(exchange) for name, exchange in exchanges.items()}
    write_result(PICTURE.with_suffix(".json"), {"answers": figures}, weights, machine_of(assistant))
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
