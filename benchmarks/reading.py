"""How well and how fast a checkpoint reads, with tesseract beside it in the same run.

    python benchmarks/reading.py [--model FOLDER] [--lines 120] [--out benchmarks/results/reading.json]

Rendered lines are drawn in font families kept out of training. Real lines and pages are read from the folder that
`--data` names and are reported as skipped where it is absent. Needs the extra `eval`; the rendered sets need the
fonts that `demiglace doctor` speaks of.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from reading_sets import SEED, ReadingSet, Skipped, pdf_pages, real_lines, rendered_lines, scanned_pages
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress

from demiglace import Demiglace, Image, SamplingParams
from demiglace.evaluation.reading import corpus_character_error_rate, count_edits, word_f1

ROOT = Path(__file__).parents[1]
QUESTION = "Read the text."
CHUNK = 16  # pictures between two steps of the progress bar, and rows of a batch
NUM_EXAMPLES = 10
MAX_NEW_TOKENS = {"line": 256, "page": 2048}

Reader = Callable[[Sequence[Pillow.Image]], list[str]]


def demiglace_reader(assistant: Demiglace, unit: str) -> Reader:
    sampling = SamplingParams.greedy(MAX_NEW_TOKENS[unit])

    def read(pictures: Sequence[Pillow.Image]) -> list[str]:
        answers = assistant.batch([(QUESTION, [Image(picture)]) for picture in pictures], sampling, rows=CHUNK)
        return [answer.text for answer in answers]

    return read


def tesseract_reader(unit: str) -> Reader:
    """One process for all pictures of a call, so that its start is not counted for each of them."""

    def read(pictures: Sequence[Pillow.Image]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            files = [f"{folder}/{number}.png" for number in range(len(pictures))]
            for picture, file in zip(pictures, files, strict=True):
                picture.save(file, compress_level=1)
            listing = Path(folder, "files.txt")
            listing.write_text("\n".join(files))
            mode = {"line": "7", "page": "3"}[unit]
            # A second thread slows tesseract down on a busy machine and changes no text.
            environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
            command = ["tesseract", str(listing), "-", "--psm", mode]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=3600)
        texts = done.stdout.removesuffix("\f").split("\f")  # some versions also end the last text with it
        if len(texts) != len(pictures):
            raise RuntimeError(f"{len(pictures)} pictures, but tesseract wrote {len(texts)} texts")
        return texts

    return read


def measure(reading: ReadingSet, read: Reader, step: Callable[[int], None]) -> dict:
    """Read all pictures, then score: character error rates, for pages word F1, and pictures a second."""
    found: list[str] = []
    started = time.perf_counter()
    for start in range(0, len(reading.pictures), CHUNK):
        chunk = reading.pictures[start : start + CHUNK]
        found += read(chunk)
        step(len(chunk))
    seconds = time.perf_counter() - started
    pairs = list(zip(reading.texts, found, strict=True))
    counts = np.array([count_edits(*pair, reading.case_sensitive) for pair in pairs])
    scores = {
        "cer": corpus_character_error_rate(reading.texts, found) if reading.case_sensitive else None,
        "cer_interval": interval(counts),
        "cer_case_insensitive": corpus_character_error_rate(reading.texts, found, case_sensitive=False),
        "exact": float((counts[:, 0] == 0).mean()),
    }
    if reading.unit == "page":
        scores["word_f1"] = float(np.mean([word_f1(*pair) for pair in pairs]))
    if reading.quotable:
        scores["examples"] = [{"text": text, "read": read} for text, read in pairs[:NUM_EXAMPLES]]
    return {**scores, f"{reading.unit}s_per_second": len(found) / seconds}


def interval(counts: np.ndarray, num_draws: int = 1000) -> tuple[float, float]:
    """95 % of the error rates of sets drawn with replacement from this one; counts (texts, 2): edits, characters."""
    drawn = np.random.default_rng(SEED).integers(len(counts), size=(num_draws, len(counts)))
    edits, characters = counts[drawn].sum(axis=1).T
    low, high = np.quantile(edits / characters, [0.025, 0.975])
    return float(low), float(high)


def surroundings(assistant: Demiglace, model: str | None) -> dict:
    """The machine, the versions and the model that the figures belong to."""
    weight = assistant.model.llm.model.embed_tokens.weight
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    said = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cpu": cpu or platform.machine(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if weight.is_cuda else None,
        },
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("demiglace", "torch", "numpy", "pillow", "rapidfuzz")},
            "tesseract": said.stdout.split()[1],
        },
        "model": {
            "name": "nano, as shipped" if model is None else Path(model).name if Path(model).is_dir() else model,
            "parameters": sum(parameter.numel() for parameter in assistant.model.parameters()),
            "dtype": str(weight.dtype).removeprefix("torch."),
            "device": weight.device.type,
        },
        "question": QUESTION,
    }


def _lines(file: str) -> Iterator[str]:
    yield from Path(file).read_text().splitlines() if Path(file).is_file() else ()


def run(assistant: Demiglace, sets: Sequence[ReadingSet | Skipped]) -> list[dict]:
    results = []
    with Progress() as progress:
        for reading in sets:
            if isinstance(reading, Skipped):
                results.append({"set": reading.name, "skipped": reading.reason})
                continue
            readers = {
                "demiglace": demiglace_reader(assistant, reading.unit),
                "tesseract": tesseract_reader(reading.unit),
            }
            result = {"set": reading.name, "unit": reading.unit, "count": len(reading.texts), "readers": {}}
            for name, read in readers.items():
                task = progress.add_task(f"{reading.name}: {name}", total=len(reading.texts))
                result["readers"][name] = measure(reading, read, lambda count, task=task: progress.advance(task, count))
            results.append(result)
    return results


def markdown(report: dict) -> str:
    """The report as the table that the README shows."""
    machine, model = report["machine"], report["model"]
    where = f"{machine['gpu'] or machine['cpu']}, {machine['threads']} threads, {report['date']}"
    lines = [
        f"{model['name']} ({model['parameters']:,} parameters, {model['dtype']}) on {where}:",
        "",
        "| set | reader | CER | CER, any case | word F1 | a second |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for result in report["results"]:
        if "skipped" in result:
            lines.append(f"| {result['set']} | skipped: {result['skipped']} | | | | |")
        for name, scores in result.get("readers", {}).items():
            cer, any_case, words = (
                "-" if scores.get(score) is None else f"{scores[score]:.3f}"
                for score in ("cer", "cer_case_insensitive", "word_f1")
            )
            speed = f"{scores[result['unit'] + 's_per_second']:.1f} {result['unit']}s"
            lines.append(f"| {result['set']} ({result['count']}) | {name} | {cer} | {any_case} | {words} | {speed} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or hub id of a checkpoint; the shipped nano model by default")
    parser.add_argument("--lines", type=int, default=120, help="most lines of each set")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "reading.json")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real data")
    parser.add_argument("--no-upscale", action="store_true", help="leave small pictures as small as they are")
    options = parser.parse_args()
    if shutil.which("tesseract") is None:
        parser.error("tesseract is not installed: no figure without its peer in the same run")
    assistant = Demiglace.load(options.model)
    if options.no_upscale:
        assistant = assistant.sliced(upscale=False)
    sets = [
        rendered_lines(options.lines, degraded=False),
        rendered_lines(options.lines, degraded=True),
        *(real_lines(options.data, kind, options.lines) for kind in ("scribe", "sroie")),
        scanned_pages(options.data),
        pdf_pages(options.data),
    ]
    results = run(assistant, sets)
    report = {**surroundings(assistant, options.model), "upscale": not options.no_upscale, "results": results}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write(options.out, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    write(options.out.with_suffix(".md"), markdown(report))
    Console().print(Markdown(markdown(report)))


def write(file: Path, text: str) -> None:
    half = file.with_name(f"{file.name}.half")
    half.write_text(text)
    half.replace(file)


if __name__ == "__main__":
    main()
