"""The engine beside the plain batch that it replaced, and beside `generate` of transformers, in one run.

    python benchmarks/engine.py [--model FOLDER] [--rounds 5] [--only ROW] [--vllm PYTHON] [--out FILE]

Answers are greedy and of a fixed length, from prompts that are prepared already, so that all do the same work; vLLM
alone prepares them within its time. Ways take turns, and the median of the rounds counts. `static` is
`engine.static_batch`, where requests begin and end together; `compiled` is the engine with compiled decode steps.
Needs the fonts that `demiglace doctor` speaks of, and transformers; vLLM takes part where `make vllm` was run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from statistics import median

import busy_neighbours
import numpy as np
import torch
from PIL import Image as Pillow
from prepared_requests import Requests
from reading_sets import SEED, Skipped, rendered_lines
from request_arrivals import arrivals, full_rate, waits_in_batches, waits_in_engine
from results_file import machine_of, weights_of, write_result
from rich.progress import track

from demiglace import Demiglace
from demiglace.conversation import Image, Part, Video, VideoSampling
from demiglace.inference.page_reading import QUESTION
from demiglace.integrations.transformers import MiniCPMVForConditionalGeneration, MiniCPMVProcessor
from demiglace.model.hub import folder_of

RESULT = Path(__file__).parent / "results" / "engine.json"
ROWS, TOKENS = 32, 64  # requests at once, and tokens of each answer
QUESTIONS = 8  # about one picture
BEAMS = 3
VLLM = Path(__file__).parents[1] / ".venv-vllm" / "bin" / "python"
SECONDS, FPS, DISTINCT = 60, 10, 15  # of the screen recording
POSITIONS = 16_384  # nano has fewer than that recording needs; no weight depends on them
ARRIVALS, LOAD, BATCH = 96, 0.8, 8  # requests, share of the rate of full batches, rows of a batch

Ways = Mapping[str, Callable[[], float]]


@dataclass(frozen=True)
class Subject:
    """What is measured: a model, its folder, and pictures of lines. vllm: the Python of an environment with it."""

    assistant: Demiglace
    folder: Path
    pictures: list[Pillow.Image]
    vllm: Path

    def requests(self, count: int, num_tokens: int | Sequence[int] = TOKENS, num_beams: int = 1) -> Requests:
        """Questions about different pictures, as far as there are so many."""
        parts: list[list[Part]] = [[Image(self.pictures[number % len(self.pictures)])] for number in range(count)]
        return Requests.asked(self.assistant, parts, num_tokens, num_beams=num_beams)

    def in_transformers(self, count: int) -> Callable[[], float]:
        """Seconds of its `generate` on the same weights, all rows in a batch that is padded on the left."""
        model = MiniCPMVForConditionalGeneration.from_pretrained(self.folder, dtype=torch.float32).eval()
        processor = MiniCPMVProcessor.from_pretrained(self.folder)
        messages = [
            [{"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": QUESTION}]}]
            for picture in self.pictures[:count]
        ]
        inputs = processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, padding=True
        )

        def seconds() -> float:
            began = time.perf_counter()
            with torch.inference_mode():
                model.generate(**inputs, do_sample=False, max_new_tokens=TOKENS, min_new_tokens=TOKENS)
            return time.perf_counter() - began

        return seconds

    @cached_property
    def vllm_process(self) -> subprocess.Popen[str]:
        """Ready for numbers of requests."""
        folder = Path(tempfile.mkdtemp())
        paths = [folder / f"{number}.png" for number in range(len(self.pictures))]
        for path, picture in zip(paths, self.pictures, strict=True):
            picture.save(path)
        job = {"model": str(self.folder), "pictures": [*map(str, paths)], "question": QUESTION, "tokens": TOKENS}
        command = [str(self.vllm), str(Path(__file__).with_name("vllm_requests.py"))]
        process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        _answer_of(process, json.dumps(job))
        return process

    def in_vllm(self, count: int) -> Ways:
        if not self.vllm.is_file():
            print(f"vLLM is left out: it has no environment in {self.vllm.parents[1].name} (`make vllm` makes one)")
            return {}
        return {"vllm": lambda: float(_answer_of(self.vllm_process, str(count)))}


def _answer_of(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"vLLM ended with status {process.wait()}")
    return answer


def together(subject: Subject, count: int) -> Ways:
    requests = subject.requests(count)
    return {
        "engine": requests.seconds_in_engine,
        "compiled": partial(requests.seconds_in_engine, compile_decode=True),
        "static": requests.seconds_together,
        "transformers": subject.in_transformers(count),
        **subject.in_vllm(count),
    }


def questions_about(subject: Subject, pictures: Sequence[Pillow.Image]) -> Requests:
    """A different question about each."""
    questions = [f"{QUESTION} {number}" for number in range(len(pictures))]
    return Requests.asked(subject.assistant, [[Image(picture)] for picture in pictures], TOKENS, questions)


def one_picture(subject: Subject) -> Ways:
    """Questions about one picture, and as many about different ones."""
    shared = questions_about(subject, subject.pictures[:1] * QUESTIONS)
    apart = questions_about(subject, subject.pictures[:QUESTIONS])
    return {
        "engine": shared.seconds_in_engine,
        "engine, different pictures": apart.seconds_in_engine,
        "static": shared.seconds_together,
    }


def beams(subject: Subject) -> Ways:
    greedy, searched = (subject.requests(ROWS, num_beams=num_beams) for num_beams in (1, BEAMS))
    return {
        "greedy": greedy.seconds_in_engine,
        f"{BEAMS} beams": searched.seconds_in_engine,
        f"static, {BEAMS} beams": searched.seconds_together,
    }


def recording(subject: Subject) -> Requests:
    """The first token about frames of which few differ."""
    model = subject.assistant.model
    model.config = replace(model.config, llm=replace(model.config.llm, max_position_embeddings=POSITIONS))
    shown = [picture.resize((640, 360)) for picture in subject.pictures[:DISTINCT]]
    frames = [shown[number * DISTINCT // (SECONDS * FPS)] for number in range(SECONDS * FPS)]
    sampling = VideoSampling(fps=FPS, package_frames=6, force_package_frames=True)
    return Requests.asked(subject.assistant, [[Video(frames, sampling)]], 1)


def screen_recording(subject: Subject) -> Ways:
    requests = recording(subject)
    return {"engine": requests.seconds_in_engine, "static": requests.seconds_together}


ROWS_OF_SECONDS = {
    "32 at once": partial(together, count=ROWS),
    "one alone": partial(together, count=1),
    "8 questions about one picture": one_picture,
    "beams": beams,
    "screen recording, first token": screen_recording,
}
RANDOM_ARRIVALS, NEIGHBOURS = "random arrivals", "lines a second beside busy processes on each core"


def seconds(ways: Ways, rounds: int) -> dict[str, float]:
    """Of each way the median, after a round that does not count."""
    taken = [{name: run() for name, run in ways.items()} for _ in range(rounds + 1)][1:]
    return {name: median(one[name] for one in taken) for name in ways}


def random_arrivals(subject: Subject, rounds: int) -> dict[str, float]:
    """p95 of the wait for the first token; answers have 8 to 64 tokens."""
    lengths = np.random.default_rng(SEED).integers(8, TOKENS + 1, ARRIVALS).tolist()
    requests = subject.requests(ARRIVALS, lengths)
    rate = LOAD * full_rate(requests, BATCH)
    waits: dict[str, list[float]] = {"engine": [], f"batches of {BATCH}": []}
    for number in range(rounds):
        times = arrivals(ARRIVALS, rate, SEED + number)
        waits["engine"].append(p95(waits_in_engine(requests, times)))
        waits[f"batches of {BATCH}"].append(p95(waits_in_batches(requests, times, BATCH)))
    return {"requests_per_second": rate, **{name: median(each) for name, each in waits.items()}}


def p95(waits: Mapping[int, float]) -> float:
    return float(np.quantile(list(waits.values()), 0.95))


def table(report: Mapping[str, Mapping[str, float]]) -> str:
    lines = ["| | seconds, where nothing else is said |", "|---|---|"]
    for row, figures in report.items():
        lines.append(f"| {row} | {', '.join(f'{name} {value:.3g}' for name, value in figures.items())} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or name [default: the nano model of the package]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=[*ROWS_OF_SECONDS, RANDOM_ARRIVALS, NEIGHBOURS])
    parser.add_argument("--vllm", type=Path, default=VLLM, help="the Python of an environment with vLLM")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    lines = rendered_lines(ROWS, "clean")
    if isinstance(lines, Skipped):
        parser.error(str(lines))
    assistant = Demiglace.load(options.model, device="cpu", dtype="float32")
    subject = Subject(assistant, folder_of(options.model), lines.pictures, options.vllm)
    report = {}
    every = [*ROWS_OF_SECONDS, NEIGHBOURS, RANDOM_ARRIVALS]
    for row in track(every if options.only is None else [options.only], "rows"):
        if row == NEIGHBOURS:
            report[row] = busy_neighbours.measured(options.rounds)
        elif row == RANDOM_ARRIVALS:
            report[row] = random_arrivals(subject, options.rounds)
        else:
            report[row] = seconds(ROWS_OF_SECONDS[row](subject), options.rounds)
        write_result(options.out, report, weights_of(options.model), machine_of(assistant))
    print(table(report))


if __name__ == "__main__":
    main()
