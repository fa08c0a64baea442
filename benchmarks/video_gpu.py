"""What an answer about a clip takes at full size on a GPU: ours, Qwen2.5-VL's and Qwen3-VL's architecture.

    python benchmarks/video_gpu.py [--size full | reduced] [--device cuda | cpu] [--minutes 4]

Random weights in bfloat16, clips of 448 x 448 pixels, a greedy answer of 32 tokens; counted is what the model computes,
from patches to the last token. Clips of 30 s, 60 s and 3 minutes, and of about the mean lengths of Video-MME's short,
medium and long videos. Three settings: the paper's maximum of frames for all, equal frames at our own defaults, and
every model's own defaults. Each architecture has a process of its own and a third of the time; what was not reached is
left out, and said so. Results go to benchmarks/results/video_gpu.json and .md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from qwen_models import attention_of
from results_file import RANDOM, machine_here, versions_here, write_result
from video_efficiency import CLIPS, COUNTED, NEW_TOKENS, PAPER
from video_operations import operations
from video_rows import ARCHITECTURES, AS_MANY, BUDGET, DEFAULTS, MAXIMUM, OURS, QWEN3, QWEN25, RELEASED, Row, rows_of
from video_sizes import SIZES
from video_worker import ClipJob, Outcome, lines_of

from demiglace.safe_files import write_whole

# Seconds; ours: means of 80.8, 520.2 and 2471.0 s, which others quote of its first version (emergentmind.com, topic
# Video-MME), rounded. 300 videos of each are 256 hours, as its authors' first README says; a later one says 254.
VIDEO_MME = {"short": 80.0, "medium": 520.0, "long": 2470.0}
TINY_CLIPS = (1.0, 2.0)  # of a trial
SETTINGS = {  # ours, theirs
    "the paper's maximum of frames": (MAXIMUM, AS_MANY[MAXIMUM]),
    "equal frames": (RELEASED, AS_MANY[RELEASED]),
    "each its own defaults": (RELEASED, DEFAULTS),
}
RESULT = Path(__file__).parent / "results" / "video_gpu.json"
FIGURES = ("seconds_to_first_token", "seconds", "peak_bytes")

Outcomes = dict[Row, Outcome | None]  # None: memory does not suffice


def rows_of_clips(clips: Sequence[float]) -> list[Row]:
    return [row for seconds in clips for row in rows_of(seconds) if row.policy != BUDGET]


def work(row: Row) -> Row:
    """What a row costs: a longer clip of as many frames costs the same, and is not measured again."""
    return Row(row.architecture, "", 0.0, row.frames, row.groups, row.tokens, row.patches_per_side)


@dataclass
class Measured:
    """Outcomes by `work`, and where our time goes."""

    outcomes: Outcomes = field(default_factory=dict)
    breakdown: dict | None = None

    def take(self, line: dict) -> None:
        """A line of a worker."""
        if "breakdown" in line:
            self.breakdown = line["breakdown"]
            return
        row, outcome = Row(**line["row"]), line["outcome"]
        self.outcomes[work(row)] = None if outcome is None else Outcome(**outcome)
        took = f"{outcome['seconds']:.2f} s, {outcome['peak_bytes'] / 1e9:.1f} GB" if outcome else "does not fit"
        print(f"{row.clip_seconds:g} s clip, {row.architecture}, {row.policy}: {took}", flush=True)


def measure(rows: Sequence[Row], size: str, device: str, deadline: float) -> Iterator[Measured]:
    """What is known after every row."""
    known = Measured()
    for number, architecture in enumerate(ARCHITECTURES):
        own = {work(row): row for row in rows if row.architecture == architecture}
        until = time.time() + (deadline - time.time()) / (len(ARCHITECTURES) - number)
        ordered = sorted(own.values(), key=lambda row: operations(row, SIZES[size](), NEW_TOKENS).total)
        shown = next((row for row in ordered if row.policy == MAXIMUM), None)
        job = ClipJob(ordered, size, device, torch.get_num_threads(), NEW_TOKENS, until, shown)
        for line in lines_of(job):
            known.take(line)
            yield known


def ratios(rows: Sequence[Row], outcomes: Outcomes) -> list[dict]:
    """Ours over theirs, for each clip and setting that both were measured at."""
    found = []
    for setting, (ours, theirs) in SETTINGS.items():
        for own in (row for row in rows if (row.architecture, row.policy) == (OURS, ours)):
            for peer in (row for row in rows if row.policy == theirs and row.clip_seconds == own.clip_seconds):
                first, second = outcomes.get(work(own)), outcomes.get(work(peer))
                if first and second:
                    shares = {name: getattr(first, name) / getattr(second, name) for name in FIGURES}
                    found.append(
                        {
                            "setting": setting,
                            "clip_seconds": own.clip_seconds,
                            "beside": peer.architecture,
                            "visual_tokens": own.tokens / peer.tokens,
                            **shares,
                        }
                    )
    return found


def over_video_mme(rows: Sequence[Row], outcomes: Outcomes) -> list[dict]:
    """Seconds of the three lengths together, which Video-MME has equally often, and the largest memory: ours/theirs."""
    found = []
    for setting, (ours, theirs) in SETTINGS.items():
        for peer in (QWEN25, QWEN3):
            pair = [
                [outcomes.get(work(row)) for row in rows if (row.architecture, row.policy) == wanted
                 and row.clip_seconds in VIDEO_MME.values()]
                for wanted in ((OURS, ours), (peer, theirs))
            ]  # fmt: skip
            if all(column and None not in column for column in pair):
                seconds, peaks = ([pick(column) for column in pair] for pick in (total_seconds, largest_peak))
                found.append(
                    {
                        "setting": setting,
                        "beside": peer,
                        "seconds": seconds[0] / seconds[1],
                        "peak_bytes": peaks[0] / peaks[1],
                    }
                )
    return found


def total_seconds(outcomes: Sequence[Outcome | None]) -> float:
    return sum(outcome.seconds for outcome in outcomes if outcome)


def largest_peak(outcomes: Sequence[Outcome | None]) -> float:
    return float(max(outcome.peak_bytes for outcome in outcomes if outcome))


def report(rows: Sequence[Row], outcomes: Outcomes, breakdown: dict | None, size: str) -> dict:
    return {
        "counted": COUNTED,
        "size": {"name": size, "new_tokens": NEW_TOKENS},
        "rows": [described(row, outcomes) for row in rows],
        "ratios": ratios(rows, outcomes),
        "video_mme": over_video_mme(rows, outcomes),
        "breakdown": breakdown,
        "paper": {**PAPER, "of": "Video-MME with subtitles, 8 A100, beside Qwen2.5-VL-7B"},
    }


def described(row: Row, outcomes: Outcomes) -> dict:
    if work(row) not in outcomes:
        return {**asdict(row), "outcome": "not reached"}
    outcome = outcomes[work(row)]
    return {**asdict(row), "outcome": "does not fit" if outcome is None else asdict(outcome)}


def markdown(told: dict) -> str:
    machine = told["machine"]
    lines = [
        f"{told['size']['name'].capitalize()} size, {machine['gpu'] or machine['processor']}, {machine['dtype']}, "
        f"{told['date']}. Clips of 448 x 448, {NEW_TOKENS} new tokens. Counted: {told['counted']}.",
        "",
        "| clip | model, frames taken | frames | visual tokens | first token, s | answer, s | peak memory, GB |",
        "|---|---|---:|---:|---:|---:|---:|",
        *(_row_line(row) for row in told["rows"]),
        "",
        "Ours over theirs:",
        "",
        "| setting | clip | beside | visual tokens | first token | answer | peak memory |",
        "|---|---|---|---:|---:|---:|---:|",
        *(_ratio_line(ratio) for ratio in told["ratios"]),
        *(
            f"| {mean['setting']} | Video-MME's lengths | {mean['beside']} | | | {mean['seconds']:.1%} "
            f"| {mean['peak_bytes']:.1%} |"
            for mean in told["video_mme"]
        ),
        f"| paper | Video-MME | {QWEN25} | | | {PAPER['seconds']:.1%} | {PAPER['peak_bytes']:.1%} |",
    ]
    if told["breakdown"]:
        parts = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in told["breakdown"]["seconds"].items())
        lines += ["", f"Where our time goes, {told['breakdown']['row']['frames']} frames: {parts}."]
    return "\n".join(lines) + "\n"


def _row_line(row: dict) -> str:
    outcome = row["outcome"]
    if isinstance(outcome, str):
        figures = f"| {outcome} | | |"
    else:
        seconds = f"{outcome['seconds_to_first_token']:.2f} | {outcome['seconds']:.2f}"
        figures = f"| {seconds} | {outcome['peak_bytes'] / 1e9:.1f} |"
    return (
        f"| {row['clip_seconds']:g} s | {row['architecture']}, {row['policy']} | {row['frames']:,} | {row['tokens']:,} "
        f"{figures}"
    )


def _ratio_line(ratio: dict) -> str:
    cells = " | ".join(f"{ratio[figure]:.1%}" for figure in ("visual_tokens", *FIGURES))
    return f"| {ratio['setting']} | {ratio['clip_seconds']:g} s | {ratio['beside']} | {cells} |"


def run(size: str, device: str, seconds: float, clips: Sequence[float], out: Path) -> dict:
    """Measure; `out` and the table beside it are written anew after every row. The report."""
    rows = rows_of_clips(clips)
    machine = {
        **machine_here(device, "float32" if device == "cpu" else "bfloat16"),
        "attention_of_the_peers": attention_of(device),
    }
    told: dict = {}
    for known in measure(rows, size, device, time.time() + seconds):
        figures = report(rows, known.outcomes, known.breakdown, size)
        told = write_result(out, figures, RANDOM, machine, versions_here("transformers"))
        write_whole(out.with_suffix(".md"), markdown(told))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["full", "reduced"], default="full")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    clips = [*CLIPS, *VIDEO_MME.values()]
    print(markdown(run(options.size, options.device, 60 * options.minutes, clips, options.out)))


if __name__ == "__main__":
    main()
