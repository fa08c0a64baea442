"""What an answer about a clip takes: our architecture, that of Qwen2.5-VL and that of Qwen3-VL, in the same run.

    python benchmarks/video_efficiency.py [--size reduced | full] [--device cpu | cuda] [--limit OPERATIONS]

Clips of 448 x 448 pixels, random weights, a greedy answer of 32 tokens, each row in a process of its own. Counted is
what the model computes, from patches to the last token, as the paper counts: neither the extraction of frames nor
cutting them into patches. On a CPU all are small (`video_sizes.reduced`) and have decoders of one size; `--size full
--device cuda` takes the releases' sizes in bfloat16. What needs more than `--limit` operations, or does not fit into a
GPU, is computed from the rows that were measured and marked so. Needs `transformers`; results go to
benchmarks/results/video_efficiency.json and .md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from qwen_models import attention_of
from results_file import RANDOM, machine_here, versions_here, write_result
from video_operations import full_size_bytes, operations
from video_rows import QWEN25, Row, compared, rows_of
from video_sizes import FULL_PARAMETERS, SIZES, full
from video_worker import ClipJob, Outcome, lines_of

from demiglace.safe_files import write_whole

CLIPS = (30.0, 60.0, 180.0)  # seconds
NEW_TOKENS = 32
LIMIT = {"cpu": 4e12, "cuda": float("inf")}  # operations of a row that is measured
PAPER = {"seconds": 0.087, "peak_bytes": 0.467}  # Table 2: Video-MME, 0.26 of 3.00 h and 28 of 60 GB
COUNTED = "model-side computation from patches to the last token, without frame extraction and preprocessing"
CAUTION = (
    "Attention grows with the width and not with its square, so it weighs seven to eight times more here than at full "
    "size, and so do long prompts: read the operations at full size beside the seconds."
)
RESULT = Path(__file__).parent / "results" / "video_efficiency.json"
FIGURES = ("seconds_to_first_token", "seconds", "peak_bytes")


@dataclass(frozen=True)
class Result:
    """measured: False where the outcome is computed from that of other rows."""

    row: Row
    outcome: Outcome
    measured: bool


def run_apart(row: Row, size: str, device: str) -> Outcome | None:
    """In a new process; None where a GPU's memory does not suffice, RuntimeError where the process fails."""
    (told,) = lines_of(ClipJob([row], size, device, torch.get_num_threads(), NEW_TOKENS))
    return Outcome(**told["outcome"]) if told["outcome"] else None


def results(rows: Sequence[Row], size: str, device: str, limit: float) -> list[Result]:
    """Small rows first, so that what they say of the machine is known early; in the order of `rows` in the end."""
    cost = {row: operations(row, SIZES[size](), NEW_TOKENS).total for row in rows}
    outcomes: dict[Row, Outcome] = {}
    for row in sorted(rows, key=cost.__getitem__):
        if cost[row] <= limit:
            outcome = run_apart(row, size, device)
            if outcome:
                outcomes[row] = outcome
            took = f"answered in {outcome.seconds:.1f} s" if outcome else "does not fit"
            print(f"{row.clip_seconds:g} s clip, {row.architecture}, {row.policy}: {took}", flush=True)
    return [
        Result(row, outcomes[row], measured=True)
        if row in outcomes
        else Result(row, computed(row, cost, outcomes), measured=False)
        for row in rows
    ]


def computed(row: Row, cost: dict[Row, float], outcomes: dict[Row, Outcome]) -> Outcome:
    """Times of the architecture's costliest measured row by operations; memory on the line of its rows by patches.

    ValueError where fewer than two of its rows were measured.
    """
    known = sorted((other for other in outcomes if other.architecture == row.architecture), key=cost.__getitem__)
    if len(known) < 2:
        raise ValueError(f"{len(known)} rows of {row.architecture} were measured, at least 2 are needed: raise --limit")
    last = outcomes[known[-1]]
    scale = cost[row] / cost[known[-1]]
    slope, start = np.polyfit([other.patches for other in known], [outcomes[other].peak_bytes for other in known], 1)
    return Outcome(
        row.prompt_tokens,
        scale * last.seconds_to_first_token,
        scale * last.seconds,
        scale * last.processor_seconds,
        int(start + slope * row.patches),
    )


def described(result: Result, size: str) -> dict:
    """Operations and bytes `at_full_size` are by formula, whatever size was run."""
    own, released = (operations(result.row, shape, NEW_TOKENS) for shape in (SIZES[size](), full()))
    return {
        **asdict(result.row),
        "measured": result.measured,
        **asdict(result.outcome),
        "operations": {**asdict(own), "total": own.total},
        "at_full_size": {
            "operations": {**asdict(released), "total": released.total},
            "least_bytes": full_size_bytes(result.row),
        },
    }


def ratios(found: Sequence[Result]) -> list[dict]:
    """Ours over the peers'."""
    of = {result.row: result for result in found}
    compared_with = []
    for ours, theirs in compared(list(of)):
        pair = of[ours], of[theirs]
        first, second = (asdict(result.outcome) for result in pair)
        full_first, full_second = (operations(row, full(), NEW_TOKENS).total for row in (ours, theirs))
        compared_with.append(
            {
                "clip_seconds": ours.clip_seconds,
                "ours": ours.policy,
                "beside": theirs.architecture,
                "theirs": theirs.policy,
                "measured": all(result.measured for result in pair),
                "visual_tokens": ours.tokens / theirs.tokens,
                **{figure: first[figure] / second[figure] for figure in FIGURES},
                "operations_at_full_size": full_first / full_second,
                "least_bytes_at_full_size": full_size_bytes(ours) / full_size_bytes(theirs),
            }
        )
    return compared_with


def report(found: Sequence[Result], size: str) -> dict:
    return {
        "counted": COUNTED,
        "size": {"name": size, "new_tokens": NEW_TOKENS, **asdict(SIZES[size]())},
        "full_size_parameters": FULL_PARAMETERS,
        "rows": [described(result, size) for result in found],
        "ratios": ratios(found),
        "paper": {**PAPER, "of": "Video-MME with subtitles, 8 A100, beside Qwen2.5-VL-7B"},
    }


def markdown(told: dict) -> str:
    machine = told["machine"]
    caution = "" if told["size"]["name"] == "full" else f" {CAUTION}"
    head = (
        f"{told['size']['name'].capitalize()} size, {machine['gpu'] or machine['processor']}, {machine['threads']} "
        f"threads, {machine['dtype']}, {told['date']}. Clips of 448 x 448, {NEW_TOKENS} new tokens. Counted: "
        f"{told['counted']}. Rows with * are computed from measured ones.{caution}"
    )
    lines = [
        head,
        "",
        "| clip | frames taken | frames | visual tokens | first token, s | answer, s | peak memory, MB "
        "| operations at full size, T |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *(_row_line(row) for row in told["rows"]),
        "",
        "Ours over the peers':",
        "",
        "| clip | ours | beside | visual tokens | first token | answer | peak memory | operations at full size |",
        "|---|---|---|---:|---:|---:|---:|---:|",
        *(_ratio_line(ratio) for ratio in told["ratios"]),
        f"| Video-MME (paper) | | {QWEN25} | | | {PAPER['seconds']:.1%} | {PAPER['peak_bytes']:.1%} | |",
    ]
    return "\n".join(lines) + "\n"


def _row_line(row: dict) -> str:
    star = "" if row["measured"] else "*"
    return (
        f"| {row['clip_seconds']:g} s{star} | {row['architecture']}, {row['policy']} | {row['frames']:,} "
        f"| {row['tokens']:,} | {row['seconds_to_first_token']:.1f} | {row['seconds']:.1f} "
        f"| {row['peak_bytes'] / 1e6:,.0f} | {row['at_full_size']['operations']['total'] / 1e12:,.0f} |"
    )


def _ratio_line(ratio: dict) -> str:
    star = "" if ratio["measured"] else "*"
    figures = ("visual_tokens", *FIGURES, "operations_at_full_size")
    cells = " | ".join(f"{ratio[figure]:.1%}" for figure in figures)
    return f"| {ratio['clip_seconds']:g} s{star} | {ratio['ours']} | {ratio['beside']}, {ratio['theirs']} | {cells} |"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="reduced")
    parser.add_argument("--device", choices=LIMIT, default="cpu")
    parser.add_argument("--limit", type=float, help="most operations of a row that is measured, such as 4e12")
    parser.add_argument("--out", type=Path, default=RESULT)
    return parser.parse_args()


def main() -> None:
    options = parsed()
    limit = LIMIT[options.device] if options.limit is None else options.limit
    machine = {
        **machine_here(options.device, "float32" if options.device == "cpu" else "bfloat16"),
        "load_of_other_programs": round(os.getloadavg()[0], 2),
        "attention_of_the_peers": attention_of(options.device),
    }
    rows = [row for seconds in CLIPS for row in rows_of(seconds)]
    figures = report(results(rows, options.size, options.device, limit), options.size)
    told = write_result(options.out, figures, RANDOM, machine, versions_here("transformers"))
    write_whole(options.out.with_suffix(".md"), markdown(told))
    print(markdown(told))


if __name__ == "__main__":
    main()
