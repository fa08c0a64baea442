"""How well, how fast and in how much memory a checkpoint reads, with tesseract and RapidOCR beside it in the same run.

    python benchmarks/reading.py [--model FOLDER] [--lines 120] [--pages 4] [--only SET] [--out FILE.json]

Rendered lines and pages are drawn in font families kept out of training. Real ones are read from the folder that
`--data` names and are reported as skipped where it is absent. Needs the extra `eval`, tesseract, rapidocr and
onnxruntime; the rendered sets need the fonts that `demiglace doctor` speaks of.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from reading_peers import READERS, Job, Outcome, is_installed, read_apart
from reading_sets import SEED, ReadingSet, Skipped, all_sets
from results_file import machine_of, tesseract_version, versions_here, weights_of, write_result
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress

from demiglace import Demiglace
from demiglace.inference.page_reading import QUESTION
from demiglace.safe_files import write_whole
from demiglace.scoring.text_distance import corpus_character_error_rate, count_edits, word_f1

ROOT = Path(__file__).parents[1]
NUM_EXAMPLES = 10


def score(reading: ReadingSet, outcome: Outcome) -> dict:
    """Character error rates, for pages word F1, pictures a second, and bytes of memory."""
    pairs = list(zip(reading.texts, outcome.texts, strict=True))
    counts = np.array([count_edits(*pair, reading.case_sensitive) for pair in pairs])
    scores = {
        "cer": corpus_character_error_rate(reading.texts, outcome.texts) if reading.case_sensitive else None,
        "cer_interval": interval(counts),
        "cer_case_insensitive": corpus_character_error_rate(reading.texts, outcome.texts, case_sensitive=False),
        "exact": float((counts[:, 0] == 0).mean()),
    }
    if reading.unit == "page":
        scores["word_f1"] = float(np.mean([word_f1(*pair, reading.case_sensitive) for pair in pairs]))
    if reading.quotable:
        scores["examples"] = [{"text": text, "read": read} for text, read in pairs[:NUM_EXAMPLES]]
    return {
        **scores,
        f"{reading.unit}s_per_second": len(pairs) / outcome.seconds,
        "peak_bytes": outcome.peak_bytes,
    }


def interval(counts: np.ndarray, num_draws: int = 1000) -> tuple[float, float]:
    """95 % of the error rates of sets drawn with replacement from this one; counts (texts, 2): edits, characters."""
    drawn = np.random.default_rng(SEED).integers(len(counts), size=(num_draws, len(counts)))
    edits, characters = counts[drawn].sum(axis=1).T
    low, high = np.quantile(edits / characters, [0.025, 0.975])
    return float(low), float(high)


def run(sets: Mapping[str, Callable[[], ReadingSet | Skipped]], model: str | None, upscale: bool) -> list[dict]:
    """Each set is made, written to files, read by each reader in a process of its own, scored and forgotten."""
    results = []
    with Progress() as progress:
        for name, make in sets.items():
            reading = make()
            if isinstance(reading, Skipped):
                results.append({"set": name, "skipped": reading.reason})
                continue
            result = {"set": name, "unit": reading.unit, "count": len(reading.texts), "readers": {}}
            with tempfile.TemporaryDirectory() as folder:
                files = [f"{folder}/{number}.png" for number in range(len(reading.pictures))]
                for picture, file in zip(reading.pictures, files, strict=True):
                    picture.save(file, compress_level=1)
                for reader in READERS:
                    task = progress.add_task(f"{name}: {reader}", total=len(files))
                    job = Job(reader, reading.unit, files, torch.get_num_threads(), model, upscale)
                    outcome = read_apart(job, lambda count, task=task: progress.advance(task, count))
                    result["readers"][reader] = score(reading, outcome)
            results.append(result)
    return results


def markdown(report: dict) -> str:
    """The report as the table on the nano model's card: a row for each set, its cells in the order of the readers."""
    machine, weights = report["machine"], report["weights"]
    where = f"{machine['gpu'] or machine['processor']}, {machine['threads']} threads, {report['date']}"
    lines = [
        f"{weights['name']} (weights {weights['sha256'][:12]}, {weights['parameters']:,} parameters, "
        f"{machine['dtype']}) on {where}. In each cell {' / '.join(READERS)}. Memory is the peak resident in the "
        "reader's own process. On pages CER also counts the order of reading, which word F1 leaves out.",
        "",
        "| set | CER | word F1 | lines or pages a second | peak memory, MB |",
        "|---|---:|---:|---:|---:|",
    ]
    for result in report["results"]:
        if "skipped" in result:
            lines.append(f"| {result['set']} | skipped: {result['skipped']} | | | |")
            continue
        scores = [result["readers"][reader] for reader in READERS]
        any_case = scores[0]["cer"] is None
        title = f"{result['set']}{', any case' if any_case else ''} ({result['count']})"
        cells = (
            _cell("{:.3f}", scores, "cer_case_insensitive" if any_case else "cer"),
            _cell("{:.3f}", scores, "word_f1"),
            _cell("{:.2g}", scores, f"{result['unit']}s_per_second"),
            _cell("{:.0f}", [{"MB": one["peak_bytes"] / 1e6} for one in scores], "MB"),
        )
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(form: str, scores: Sequence[dict], name: str) -> str:
    return " / ".join(form.format(one[name]) for one in scores if name in one) or "-"


def main() -> None:
    options = parsed()
    sets = all_sets(options.data, options.lines, options.pages)
    chosen = {name: make for name, make in sets.items() if any(word in name for word in options.only or [""])}
    if not chosen:
        raise SystemExit(f"no set is named {options.only}; there are: {'; '.join(sets)}")
    if missing := [peer for peer in READERS if not is_installed(peer)]:
        raise SystemExit(f"not installed: {', '.join(missing)}; no figure without its peers in the same run")
    machine, weights = machine_of(Demiglace.load(options.model)), weights_of(options.model)
    versions = {**versions_here("rapidfuzz", "rapidocr", "onnxruntime"), "tesseract": tesseract_version()}
    results = run(chosen, options.model, upscale=not options.no_upscale)
    figures = {"question": QUESTION, "upscale": not options.no_upscale, "results": results}
    report = write_result(options.out, figures, weights, machine, versions)
    write_whole(options.out.with_suffix(".md"), markdown(report))
    Console().print(Markdown(markdown(report)))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano-reader", help="folder or hub id of a checkpoint")
    parser.add_argument("--lines", type=int, default=120, help="most lines of each set")
    parser.add_argument("--pages", type=int, default=4, help="most pages of each set")
    parser.add_argument("--only", action="append", metavar="SET", help="sets with this in their name; may be repeated")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "reading.json")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real data")
    parser.add_argument("--no-upscale", action="store_true", help="leave small pictures as small as they are")
    return parser.parse_args()


if __name__ == "__main__":
    main()
