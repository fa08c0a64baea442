"""The scores of a model as Markdown tables, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from demiglace.evaluation.benchmark import Benchmark
from demiglace.evaluation.intervals import FEW_CLUSTERS, Share
from demiglace.evaluation.scores import BenchmarkScore

MOST_ERRORS = 3  # distinct errors shown


@dataclass(frozen=True)
class Report:
    """model, weights: of the answers. rules: used for scoring. scores: by benchmark."""

    model: str
    weights: str
    rules: str
    scores: Mapping[str, tuple[Benchmark, BenchmarkScore]]

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "weights": self.weights,
            "rules": self.rules,
            "benchmarks": {
                name: {"title": benchmark.title, **asdict(score)} for name, (benchmark, score) in self.scores.items()
            },
        }

    def _weights(self) -> str:
        """The first digits of a hash; a substitute in full."""
        is_hash = len(self.weights) == 64
        return self.weights[:16] if is_hash else self.weights or "not known"

    def as_markdown(self) -> str:
        title = f"# {self.model}\n\nRules: {self.rules}. Weights: {self._weights()}.\n"
        tables = [_categories(name, score) for name, (_, score) in self.scores.items() if len(score.categories) > 1]
        return "\n".join([title, _summary(self.scores), *_notes(self.scores), *tables])


def _summary(scores: Mapping[str, tuple[Benchmark, BenchmarkScore]]) -> str:
    rows = ["| benchmark | figure | score | 95 % | commonest | chance | scored | unreadable | cut | failed |"]
    rows.append("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, (_, score) in scores.items():
        rows += _rows(name, score)
    return "\n".join(rows) + "\n"


def _rows(name: str, score: BenchmarkScore) -> list[str]:
    counts = [score.asked - score.failed - score.unjudged, score.unreadable, score.cut, score.failed]
    lines = ["" if value is None else f"{value:.1f}" for value in (score.commonest, score.chance)]
    if not score.figures:
        return [_row(name, "none", "", "", *lines, *counts)]
    rows = []
    for place, one in enumerate(score.figures):
        beside = (*lines, *counts) if place == 0 else ("",) * 6
        rows.append(
            _row(name if place == 0 else "", one.figure.name, f"{one.share.value:.1f}", interval(one.share), *beside)
        )
    return rows


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def interval(share: Share) -> str:
    return "-" if share.interval is None else "{:.1f} to {:.1f}".format(*share.interval)


def _notes(scores: Mapping[str, tuple[Benchmark, BenchmarkScore]]) -> Sequence[str]:
    notes = []
    for name, (_, score) in scores.items():
        if score.unjudged:
            notes.append(
                f"{name}: {score.unjudged} answers have no verdict of a judge, and no rule can score them "
                "(--judge URL --judge-model NAME).\n"
            )
        for figure, count in score.cut_groups.items():
            notes.append(
                f"{name}, {figure}: {count} groups are left out, because not all of their questions were asked.\n"
            )
        for error, count in list(score.errors.items())[:MOST_ERRORS]:
            notes.append(f"{name}: {count} failed: {error}\n")
        if others := sum(list(score.errors.values())[MOST_ERRORS:]):
            notes.append(f"{name}: {others} failed with other errors, which are in predictions.jsonl.\n")
    return [*notes, f"{FEW_CLUSTERS}\n"] if any(_has_few(score) for _, score in scores.values()) else notes


def _has_few(score: BenchmarkScore) -> bool:
    """Whether any displayed share has no interval."""
    categories = score.categories.values() if len(score.categories) > 1 else ()
    return any(share.interval is None for share in (*(figure.share for figure in score.figures), *categories))


def _categories(name: str, score: BenchmarkScore) -> str:
    figure = score.figures[0].figure.name
    rows = [f"## {name}, {figure} by category\n", f"| category | of | {figure} | 95 % |", "|---|---:|---:|---:|"]
    rows += [_row(category, one.count, f"{one.value:.1f}", interval(one)) for category, one in score.categories.items()]
    return "\n".join(rows) + "\n"
