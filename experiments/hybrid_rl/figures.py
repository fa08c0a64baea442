"""Tables and a picture of what `run.py` and `answers.py` of this folder have left.

    python experiments/hybrid_rl/figures.py --runs runs/hybrid_rl --answers FILE.jsonl --arms short long hybrid

Models in FILE are called ARM-SEED, or, of one run after so many steps, 100_steps-SEED. Shares are means over seeds;
their 95 % intervals come of questions drawn with replacement, each with its answers of all seeds. What is found goes to
--out, tables and the picture beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from arms import folder_of_arm
from matplotlib.axes import Axes

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_here, weights_of, write_result

from demiglace.safe_files import write_whole

HERE = Path(__file__).parent
UNTOUCHED, MODES = "untouched", ("short", "long")
COLOURS = {UNTOUCHED: "grey", "short": "tab:blue", "long": "tab:orange", "hybrid": "tab:green"}
COLOURS |= {"wide short": "tab:blue", "wide long": "tab:orange", "wide": "tab:green", "wide fast": "tab:purple"}
STEPS = " steps"  # ends the names of arms that are one run after so many of them
DRAWS = 2000
SMOOTHED = 4  # steps in a mean of the curves
Record = dict[str, Any]


def read(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def arm_of(record: Record) -> str:
    name: str = record["model"]
    return name if name == UNTOUCHED else name.rpartition("-")[0].replace("_", " ")


def seed_of(record: Record) -> int | None:
    """Of the run; None where there was none."""
    return None if record["model"] == UNTOUCHED else int(record["model"].rpartition("-")[2])


def cell(records: Sequence[Record]) -> dict[str, Any]:
    """Share of right answers with its interval, mean tokens and share of cut answers."""
    questions: dict[tuple[str, int], list[bool]] = {}
    for one in records:
        questions.setdefault((one["domain"], one["number"]), []).append(one["right"])
    right = np.array([np.mean(held) for held in questions.values()])
    drawn = np.random.default_rng(0).integers(len(right), size=(DRAWS, len(right)))
    low, high = np.quantile(right[drawn].mean(axis=1), [0.025, 0.975])
    return {
        "answers": len(records),
        "right": round(float(right.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "tokens": round(float(np.mean([one["tokens"] for one in records])), 1),
        "cut": round(float(np.mean([one["cut"] for one in records])), 4),
    }


def accuracy(answers: list[Record], arms: Sequence[str]) -> Record:
    """By arm, mode, temperature and domain, "all" among the domains."""
    domains = ["all", *sorted({one["domain"] for one in answers})]
    found: Record = {}
    for arm in arms:
        for mode in MODES:
            for temperature in (0.0, 1.0):
                own = [
                    one for one in answers if (arm_of(one), one["mode"], one["temperature"]) == (arm, mode, temperature)
                ]
                cells = {name: [one for one in own if name in (one["domain"], "all")] for name in domains}
                found.setdefault(arm, {}).setdefault(mode, {})[f"temperature {temperature:g}"] = {
                    name: cell(held) for name, held in cells.items() if held
                }
    return found


def difference(answers: list[Record], one: str, other: str, mode: str, temperature: float) -> dict[str, Any]:
    """Points by which an arm is better than another on the same questions, and the interval."""
    held: dict[str, dict[tuple[str, int], list[bool]]] = {one: {}, other: {}}
    for record in answers:
        if arm_of(record) in held and (record["mode"], record["temperature"]) == (mode, temperature):
            held[arm_of(record)].setdefault((record["domain"], record["number"]), []).append(record["right"])
    both = np.array([np.mean(right) - np.mean(held[other][question]) for question, right in held[one].items()])
    drawn = np.random.default_rng(0).integers(len(both), size=(DRAWS, len(both)))
    low, high = np.quantile(both[drawn].mean(axis=1), [0.025, 0.975])
    return {"points": round(100 * float(both.mean()), 1), "interval": [round(100 * low, 1), round(100 * high, 1)]}


def automatic_choice(modes: Record) -> dict[str, float]:
    """Right greedy answers, and their tokens, if each domain is asked in the mode that is right more often at
    temperature 1: the rule that a choice between the modes could follow; in a tie in short mode."""
    domains = [name for name in modes["short"]["temperature 1"] if name != "all"]
    chosen = [max(MODES, key=lambda mode, name=name: modes[mode]["temperature 1"][name]["right"]) for name in domains]
    cells = [modes[mode]["temperature 0"][name] for mode, name in zip(chosen, domains, strict=True)]
    return {
        what: round(float(np.mean([cell[what] for cell in cells])), digits)
        for what, digits in (("right", 4), ("tokens", 1))
    }


def training(folder: Path, arm: str, seeds: Sequence[int]) -> list[list[Record]]:
    """The step lines of each seed that has been run."""
    paths = [folder_of_arm(folder, arm, seed) / "hybrid_rl" / "metrics.jsonl" for seed in seeds]
    return [read(path) for path in paths if path.exists()]


def effort(runs: list[list[Record]]) -> dict[str, Any]:
    """Means over the seeds: tokens made and learned from, seconds, and what a step was like."""
    names = ("made_tokens", "learned_tokens", "sampling_s", "scoring_s", "learning_s", "prompts_s")
    totals = {name: round(float(np.mean([sum(line.get(name, 0) for line in run) for run in runs]))) for name in names}
    shares = {
        "teaching_groups": [line["trainable_groups"] / line["groups"] for run in runs for line in run],
        "log_prob_gap": [line["log_prob_gap"] for run in runs for line in run if "log_prob_gap" in line],
        "repetition": [line["repetition"] for run in runs for line in run if "repetition" in line],
    }
    means = {name: float(f"{np.mean(values):.3g}") for name, values in shares.items() if values}
    return {"seeds": len(runs), "steps": len(runs[0]), **totals, **means}


def curve(runs: list[list[Record]], name: str) -> np.ndarray:
    """Mean over seeds of a figure by step, over `SMOOTHED` steps; not a number where no seed has it."""
    steps = max(map(len, runs))
    values = np.full((len(runs), steps), np.nan)
    for row, run in enumerate(runs):
        values[row, : len(run)] = [line.get(name, np.nan) for line in run]
    mean = np.nanmean(values, axis=0)
    return np.convolve(mean, np.ones(SMOOTHED) / SMOOTHED, "valid")


def draw(found: Record, runs: dict[str, list[list[Record]]], path: Path) -> None:
    figure, axes = plt.subplots(1, 4, figsize=(17, 4))
    if all(arm.endswith(STEPS) for arm in found["training"]):
        draw_accuracy_against_steps(axes[0], found["accuracy"])
    else:
        draw_accuracy_against_tokens(axes[0], found["accuracy"])
    for axis, (name, label) in zip(
        axes[1:],
        (("accuracy", "right at temperature 1"), ("answer_tokens/long", "tokens, long"), ("entropy", "entropy, nats")),
        strict=True,
    ):
        for arm, own in runs.items():
            if any(name in line for run in own for line in run):
                smooth = curve(own, name)
                axis.plot(np.arange(len(smooth)) + (SMOOTHED + 1) / 2, smooth, color=COLOURS.get(arm), label=arm)
        axis.set(xlabel=f"step, mean of {SMOOTHED}", ylabel=label)
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def draw_accuracy_against_tokens(axes: Axes, found: Record) -> None:
    """Colours are those of the other panels, whose legends name the arms."""
    for arm, modes in found.items():
        for mode, marker in zip(MODES, "os", strict=True):
            held = modes[mode]["temperature 0"]["all"]
            low, high = held["interval"]
            bars = [[max(0, held["right"] - low)], [max(0, high - held["right"])]]
            label = f"{arm}, {mode}" if arm == UNTOUCHED else None
            axes.errorbar(held["tokens"], held["right"], bars, marker=marker, color=COLOURS.get(arm), label=label)
    axes.set(xlabel="tokens of an answer", ylabel="right, likeliest answer")
    axes.legend(fontsize=7, loc="lower left")


def draw_accuracy_against_steps(axes: Axes, found: Record) -> None:
    """Of arms that are one run after so many steps."""
    for mode, colour in zip(MODES, ("tab:blue", "tab:orange"), strict=True):
        for temperature, style in (("temperature 0", "-o"), ("temperature 1", ":o")):
            steps = [0 if arm == UNTOUCHED else int(arm.removesuffix(STEPS)) for arm in found]
            right = [modes[mode][temperature]["all"]["right"] for modes in found.values()]
            axes.plot(steps, right, style, color=colour, markersize=4, label=f"{mode}, {temperature}")
    axes.set(xlabel="step", ylabel="right")
    axes.legend(fontsize=7)


def table(found: Record, temperature: str) -> str:
    lines = ["| arm | mode | right | 95 % | tokens | cut | " + " | ".join(_domains(found)) + " |"]
    lines.append("|---|---|---:|---:|---:|---:|" + "---:|" * len(_domains(found)))
    for arm, modes in found.items():
        for mode, held in modes.items():
            cells = held[temperature]
            whole = cells["all"]
            low, high = whole["interval"]
            domains = " | ".join(f"{cells[name]['right']:.2f}" for name in _domains(found))
            lines.append(
                f"| {arm} | {mode} | {whole['right']:.3f} | {low:.2f} to {high:.2f} | {whole['tokens']:.0f} "
                f"| {whole['cut']:.2f} | {domains} |"
            )
    return "\n".join(lines)


def _domains(found: Record) -> list[str]:
    return [name for name in found[UNTOUCHED]["short"]["temperature 0"] if name != "all"]


def differences(answers: list[Record], arms: Sequence[str]) -> Record:
    """Points by which each arm is better than the untouched model, by mode and temperature."""
    return {
        arm: {
            f"{mode}, temperature {heat:g}": difference(answers, arm, UNTOUCHED, mode, heat)
            for mode in MODES
            for heat in (0.0, 1.0)
        }
        for arm in arms
    }


def training_table(found: Record) -> str:
    lines = [
        "| arm | seeds | steps | tokens made | learned from | groups that teach | seconds |",
        "|---|" + "---:|" * 6,
    ]
    for arm, one in found.items():
        seconds = sum(one[name] for name in ("prompts_s", "sampling_s", "scoring_s", "learning_s"))
        lines.append(
            f"| {arm} | {one['seeds']} | {one['steps']} | {one['made_tokens']:,} | {one['learned_tokens']:,} "
            f"| {one['teaching_groups']:.2f} | {seconds:,} |"
        )
    return "\n".join(lines)


def choice_table(found: Record, choices: Record) -> str:
    """Of each arm the share of right greedy answers and their tokens."""
    lines = ["| arm | short | tokens | long | tokens | automatic choice | tokens |", "|---|" + "---:|" * 6]
    for arm, choice in choices.items():
        cells = [*(found[arm][mode]["temperature 0"]["all"] for mode in MODES), choice]
        lines.append(f"| {arm} | " + " | ".join(f"{one['right']:.3f} | {one['tokens']:.0f}" for one in cells) + " |")
    return "\n".join(lines)


def difference_table(found: Record) -> str:
    columns = list(next(iter(found.values())))
    lines = ["| arm less untouched, points | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for arm, cells in found.items():
        told = [
            f"{one['points']:+.1f} ({one['interval'][0]:+.0f} to {one['interval'][1]:+.0f})" for one in cells.values()
        ]
        lines.append(f"| {arm} | " + " | ".join(told) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--arms", nargs="+", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--start", type=Path, help="the model that the runs began with [default: nano]")
    parser.add_argument("--out", type=Path, default=HERE / "accuracy.json")
    options = parser.parse_args()
    answers = [one for one in read(options.answers) if seed_of(one) in (None, *options.seeds)]
    known = {arm_of(one) for one in answers}
    arms = [arm for arm in options.arms if arm in known]
    runs = {arm: own for arm in arms if (own := training(options.runs, arm, options.seeds))}
    right = accuracy(answers, [UNTOUCHED, *arms])
    found = {
        "accuracy": right,
        "automatic_choice": {arm: automatic_choice(modes) for arm, modes in right.items()},
        "better_than_untouched": differences(answers, arms),
        "training": {arm: effort(own) for arm, own in runs.items()},
    }
    write_result(options.out, found, weights_of(options.start), machine_here())
    draw(found, runs, options.out.with_suffix(".png"))
    tables = [
        "The likeliest answers:", table(right, "temperature 0"),
        "Answers drawn at temperature 1:", table(right, "temperature 1"),
        choice_table(right, found["automatic_choice"]),
        difference_table(found["better_than_untouched"]), training_table(found["training"]),
    ]  # fmt: skip
    write_whole(options.out.with_suffix(".md"), "\n\n".join(tables) + "\n")


if __name__ == "__main__":
    main()
