"""The server over HTTP beside the engine called directly, `transformers serve` and vLLM's server, in one run.

    python benchmarks/serving.py [--model FOLDER] [--rounds 3] [--threads 1] [--vllm PYTHON] [--out FILE]

Clients ask about pictures of lines, each picture once, and greedy answers end by themselves; every way gives the same
texts, or the result counts those that differ. Clients are in this process, servers in their own; the engine is called
in this process by nobody else. Ways take turns, and the median of the rounds counts; other servers have one round.
`--vllm` names the Python of an environment with vLLM and this package (docs/vllm.md). Needs the fonts that
`demiglace doctor` speaks of, and the extras `serve` and `transformers`.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import torch
from answer_times import AnswerTimes, figures, requests_per_second
from engine_load import EngineLoad
from http_load import HttpLoad
from PIL import Image as Pillow
from reading_sets import SEED, Skipped, rendered_lines
from request_arrivals import arrivals
from results_file import ROOT, machine_of, weights_of, write_result
from server_process import RunningServer, of_transformers, of_vllm, ours, running

from demiglace import Demiglace, SamplingParams
from demiglace.inference.page_reading import QUESTION
from demiglace.model.hub import folder_of

RESULT = Path(__file__).parent / "results" / "serving.json"
CLIENTS = {1: 8, 8: 32, 32: 96}  # at a time -> requests of all together
ARRIVALS, LOAD = 64, 0.7  # requests, share of the engine's rate with 32 clients
ARRIVING = "random arrivals"
TOKENS = 64  # of an answer at most
GREEDY = SamplingParams(TOKENS, 0.0, 1.0, 0, 1.0)
NAME = "model"
WARM = 200  # number of the files by which other servers are warmed up

Figures = dict[str, float]


@dataclass(frozen=True)
class Way:
    """run: level, pictures, arrivals -> answers. pid: of the process whose work counts, with all that it started."""

    run: Callable[[str, Sequence[bytes], Sequence[float]], list[AnswerTimes]]
    pid: int

    def processor_seconds(self) -> float:
        """So far. Unlike seconds they do not depend on what else the machine does."""
        first = psutil.Process(self.pid)
        processes = [first] if self.pid == os.getpid() else [first, *first.children(recursive=True)]
        return sum(one.cpu_times().user + one.cpu_times().system for one in processes)


@dataclass
class Measured:
    """What ways gave, by level of load. texts: those of the first way, by level and round."""

    by_level: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    texts: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    other_texts: dict[str, int] = field(default_factory=dict)

    def add(self, level: str, number: int, name: str, answers: list[AnswerTimes], processor_seconds: float) -> Figures:
        is_whole = all(len(one.pieces) == 1 for one in answers)
        found = {"requests_per_second": requests_per_second(answers)} if is_whole else figures(answers)
        found["processor_seconds_per_request"] = processor_seconds / len(answers)
        self.by_level.setdefault(level, {}).setdefault(name, []).append(found)
        texts = [one.text for one in answers]
        known = self.texts.setdefault((level, number), texts)
        differ = sum(a.strip() != b.strip() for a, b in zip(known, texts, strict=True))
        self.other_texts[name] = self.other_texts.get(name, 0) + differ
        print(f"{level}, {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()), flush=True)
        return found

    @property
    def report(self) -> dict[str, Any]:
        medians = {
            level: {
                name: {key: median(one[key] for one in rounds) for key in rounds[0]} for name, rounds in ways.items()
            }
            for level, ways in self.by_level.items()
        }
        return {"levels": medians, "texts_unlike_those_of_the_engine": self.other_texts}


@dataclass(frozen=True)
class Pictures:
    """Of lines. Each round, level and way has files of its own, so that no server knows one from before."""

    lines: list[Pillow.Image]

    def files(self, level: str, number: int) -> list[bytes]:
        """Other files for each number; they look the same but for a pixel."""
        start, count = _span(level)
        return [_png(picture, number) for picture in self.lines[start : start + count]]


def _span(level: str) -> tuple[int, int]:
    counts = {**{_named(clients): count for clients, count in CLIENTS.items()}, ARRIVING: ARRIVALS}
    names = list(counts)
    return sum(counts[name] for name in names[: names.index(level)]), counts[level]


def _named(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"


def _png(picture: Pillow.Image, number: int) -> bytes:
    picture, file = picture.copy(), io.BytesIO()
    red, green, blue = picture.getpixel((0, 0))
    picture.putpixel((0, 0), (red - number if red >= number else red + number, green, blue))
    picture.save(file, "PNG")
    return file.getvalue()


def body(picture: bytes, is_streamed: bool = True, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A chat that every server understands."""
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": QUESTION}]
    greedy = {"temperature": 0.0, "max_tokens": TOKENS}
    return {
        "model": NAME,
        "messages": [{"role": "user", "content": parts}],
        "stream": is_streamed,
        **greedy,
        **(more or {}),
    }


def over_http(server: RunningServer, is_streamed: bool = True, more: Mapping[str, Any] | None = None) -> Way:
    def run(level: str, pictures: Sequence[bytes], times: Sequence[float]) -> list[AnswerTimes]:
        return _loaded(HttpLoad(server.address, [body(one, is_streamed, more) for one in pictures]), level, times)

    return Way(run, server.pid)


def in_engine(assistant: Demiglace, is_opened: bool) -> Way:
    def run(level: str, pictures: Sequence[bytes], times: Sequence[float]) -> list[AnswerTimes]:
        return _loaded(EngineLoad(assistant, QUESTION, pictures, GREEDY, is_opened), level, times)

    return Way(run, os.getpid())


def _loaded(load: HttpLoad | EngineLoad, level: str, times: Sequence[float]) -> list[AnswerTimes]:
    if level == ARRIVING:
        return load.as_they_arrive(times)
    return load.by_clients(int(level.split()[0]))


ENGINE, OPENING, SERVER, WHOLE = "engine, pictures open", "engine", "server", "server, whole answers"


def measure(
    ways: Mapping[str, Way], pictures: Pictures, rounds: int, measured: Measured, rate: float | None = None
) -> float:
    """Every way at every level of load; the requests a second that arrive, chosen by the first way."""
    for number in range(rounds):
        for level in [*map(_named, CLIENTS), ARRIVING]:
            times = arrivals(ARRIVALS, rate, SEED + number).tolist() if level == ARRIVING and rate else []
            for place, (name, way) in enumerate(ways.items()):
                files = pictures.files(level, number * len(ways) + place)
                began, answers = way.processor_seconds(), way.run(level, files, times)
                found = measured.add(level, number, name, answers, way.processor_seconds() - began)
                if rate is None and level == _named(max(CLIENTS)):
                    rate = LOAD * found["requests_per_second"]
    assert rate is not None
    return rate


def others(options: argparse.Namespace, folder: Path) -> dict[str, tuple[list[str], dict[str, Any]] | str]:
    """How each other server is started and what its requests need beside, or why it is skipped."""
    greedy = json.dumps({"do_sample": False, "repetition_penalty": 1.0, "max_new_tokens": TOKENS})
    found: dict[str, tuple[list[str], dict[str, Any]] | str] = {
        "transformers serve": (of_transformers(folder), {"model": str(folder), "generation_config": greedy})
    }
    if options.vllm.is_file():
        short = {"chat_template_kwargs": {"enable_thinking": False}, "repetition_penalty": 1.0}
        found["vLLM's server"] = of_vllm(options.vllm, folder, NAME), short
    else:
        found["vLLM's server"] = f"{options.vllm} is no Python with vLLM: make vllm"
    return found


def table(report: Mapping[str, Any]) -> str:
    head = ["", "requests/s", "processor ms a request", "first token p50 / p95, ms", "between tokens p50 / p95, ms"]
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---:|"]
    for level, ways in report["levels"].items():
        for name, found in ways.items():
            cells = [f"{level}: {name}", f"{found['requests_per_second']:.1f}"]
            cells.append(f"{1000 * found['processor_seconds_per_request']:.1f}")
            for kind in ("first_token", "between_tokens"):
                both = [found.get(f"{kind}_{quantile}") for quantile in ("p50", "p95")]
                cells.append(" / ".join("-" if one is None else f"{1000 * one:.1f}" for one in both))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or name [default: the nano model of the package]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in every process")
    parser.add_argument("--vllm", type=Path, default=ROOT / ".venv-vllm" / "bin" / "python")
    parser.add_argument("--without-others", action="store_true", help="measure the engine and our server alone")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    drawn = rendered_lines(sum(CLIENTS.values()) + ARRIVALS, "clean")
    if isinstance(drawn, Skipped):
        parser.error(str(drawn))
    torch.set_num_threads(options.threads)
    environment = {"OMP_NUM_THREADS": str(options.threads), "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    environment |= {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    assistant, folder = Demiglace.load(options.model, device="cpu", dtype="float32"), folder_of(options.model)
    pictures, measured, skipped = Pictures([one.convert("RGB") for one in drawn.pictures]), Measured(), {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        command = ours(options.model or "nano", "--name", NAME)
        with running(command, scratch / "ours", environment) as server:
            ways = {
                OPENING: in_engine(assistant, is_opened=False),
                ENGINE: in_engine(assistant, is_opened=True),
                SERVER: over_http(server),
                WHOLE: over_http(server, is_streamed=False),
            }
            rate = measure(ways, pictures, options.rounds, measured)
        named = {} if options.without_others else others(options, folder)
        for number, (name, started) in enumerate(named.items()):
            written(options, assistant, measured, rate, skipped)  # the next one may take long to start
            if isinstance(started, str):
                skipped[name] = started
                continue
            command, more = started
            try:
                # It compiles there, which torch does in no folder that has a space in its name.
                with running(command, scratch / f"other-{number}", environment) as server:
                    way = over_http(server, more=more)
                    way.run(_named(8), pictures.files(_named(8), WARM), [])
                    measure({name: way}, pictures, 1, measured, rate)
            except (RuntimeError, ValueError) as error:
                skipped[name] = str(error)
    print(table(written(options, assistant, measured, rate, skipped)))


def written(
    options: argparse.Namespace, assistant: Demiglace, measured: Measured, rate: float, skipped: Mapping[str, str]
) -> dict[str, Any]:
    report = {"arriving_per_second": rate, **measured.report, "skipped": dict(skipped)}
    return write_result(options.out, report, weights_of(options.model), machine_of(assistant))


if __name__ == "__main__":
    main()
