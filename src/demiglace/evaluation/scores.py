"""From predictions to verdicts and figures. Failures are not scored; unreadable answers are counted separately."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from demiglace.evaluation.benchmark import Benchmark, Figure
from demiglace.evaluation.intervals import Share, mean_share
from demiglace.evaluation.kit_rules import benchmark_scorer
from demiglace.evaluation.prediction import Prediction
from demiglace.scoring.families.chair import objects_said
from demiglace.scoring.families.constraints import count_met
from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.rule_sets import as_scored, scorer
from demiglace.scoring.text_distance import count_edits, word_f1
from demiglace.scoring.verdict import Verdict

Groups = frozenset[tuple[str, str]]  # name of groups and group
GroupSizes = Mapping[str, Mapping[str, int]]  # name of groups -> group -> number of its questions in the data

OWN_RULES = "demiglace"
# Families with recurring answers, for which always giving the most common one is a meaningful baseline.
_REPEATING: frozenset[Family] = frozenset(
    ("choice", "choice of MMMU", "choice of a video", "yes or no", "short answer")
)


@dataclass(frozen=True)
class Scored:
    """A prediction with its verdict, None if the request failed or was not judged."""

    prediction: Prediction
    verdict: Verdict | None

    @property
    def counted(self) -> float:
        assert self.verdict is not None
        return self.verdict.counted


@dataclass(frozen=True)
class FigureScore:
    figure: Figure
    share: Share


@dataclass(frozen=True)
class BenchmarkScore:
    """asked: all predictions; failed and unjudged ones have no verdict. unreadable, cut: among those with a verdict.

    commonest: score of always giving the most common answer of each category; chance: score of guessing among the
    choices; None if unknown, or if the first figure counts groups or is a mean of figures.
    cut_groups: number of groups that a figure leaves out because some of their questions were not asked, by its name.
    """

    asked: int
    failed: int
    unjudged: int
    unreadable: int
    cut: int
    figures: tuple[FigureScore, ...]
    commonest: float | None
    chance: float | None
    categories: Mapping[str, Share] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    cut_groups: Mapping[str, int] = field(default_factory=dict)


def score_predictions(
    predictions: Iterable[Prediction],
    rules: str = OWN_RULES,
    judged: Mapping[str, Verdict] | None = None,
    benchmark: str = "",
) -> list[Scored]:
    """judged: verdicts by id, used instead of rules for judged benchmarks. benchmark: its name, since kits have own
    rules for some. ValueError for unknown rules, or a benchmark that they do not score.
    """
    ordered = sorted(predictions, key=lambda prediction: prediction.id)  # independent of the order of answers
    answered = [prediction for prediction in ordered if not prediction.reply.error]
    if judged is None:
        responses = as_scored([prediction.reply.answer for prediction in answered], rules)
        judged = {
            prediction.id: benchmark_scorer(benchmark, prediction.family, rules)(response, prediction.expected)
            for prediction, response in zip(answered, responses, strict=True)
        }
    return [Scored(prediction, None if prediction.reply.error else judged.get(prediction.id)) for prediction in ordered]


def benchmark_score(benchmark: Benchmark, scored: Sequence[Scored], sizes: GroupSizes | None = None) -> BenchmarkScore:
    """All figures of a benchmark. sizes: figures of groups leave out a group with fewer questions than this."""
    cut = _cut_groups(benchmark, scored, sizes or {})
    held = [example for example in scored if example.verdict is not None]
    figures = [FigureScore(figure, share) for figure in benchmark.figures if (share := _figure(figure, scored, cut))]
    first = figures[0].figure if figures else benchmark.figures[0]
    is_plain = not (first.together or first.mean_of)  # the baselines are those of single questions
    return BenchmarkScore(
        len(scored),
        sum(bool(example.prediction.reply.error) for example in scored),
        sum(example.verdict is None and not example.prediction.reply.error for example in scored),
        sum(example.verdict is not None and example.verdict.score is None for example in held),
        sum(example.prediction.reply.stopped_by == "length" for example in held),
        tuple(figures),
        _commonest(held, first.scale) if is_plain else None,
        _chance(held, first.scale) if is_plain else None,
        _categories(first, scored, cut, benchmark.several_categories),
        dict(Counter(error for example in scored if (error := example.prediction.reply.error)).most_common()),
        {
            figure.name: count
            for figure in benchmark.figures
            if (count := sum(name == figure.together for name, _ in cut))
        },
    )


def _cut_groups(benchmark: Benchmark, scored: Sequence[Scored], sizes: GroupSizes) -> Groups:
    return frozenset(
        (name, group)
        for name in benchmark.grouped_by
        for group, members in _groups(name, scored).items()
        if len(members) < sizes.get(name, {}).get(group, 0)
    )


def _figure(figure: Figure, scored: Sequence[Scored], cut: Groups) -> Share | None:
    parts = [_units(part, scored, cut) for part in figure.mean_of or (figure,)]
    if any(sum(denominator for _, (_, denominator) in units) <= 0 for units in parts):
        return None
    return mean_share([([pair for _, pair in units], [name for name, _ in units]) for units in parts], figure.scale)


def _units(figure: Figure, scored: Sequence[Scored], cut: Groups) -> list[tuple[str, tuple[float, float]]]:
    """Cluster, numerator and denominator of each counted unit: an example, or a group of examples."""
    if figure.together:
        return [
            (group[0].prediction.cluster, (float(all(example.counted >= 1 for example in group)), 1.0))
            for name, group in _groups(figure.together, scored).items()
            if (figure.together, name) not in cut and all(example.verdict is not None for example in group)
        ]
    counted = [
        example for example in scored if example.verdict is not None and figure.needs in example.prediction.answers[0]
    ]
    return [(example.prediction.cluster, _pair(figure, example)) for example in counted]


def _pair(figure: Figure, example: Scored) -> tuple[float, float]:
    expected, answer = example.prediction.expected, example.prediction.reply.answer
    if figure.of == "characters":
        edits, characters = count_edits(expected.answers[0], answer)
        return float(edits), float(characters)
    if figure.of == "words":
        return word_f1(expected.answers[0], answer), 1.0
    if figure.of == "constraints":
        met, count = count_met(answer, expected, loosely=figure.family == "constraints, loosely")
        return float(met), float(count)
    if figure.family is not None:
        return scorer(figure.family)(answer, expected).counted, 1.0
    if figure.of == "score":
        return example.counted, 1.0
    found = objects_said(answer, expected)
    if figure.of == "objects":
        return float(len(found.absent)), float(len(found.named))
    return float(bool(found.absent)), 1.0


def _groups(name: str, scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    groups = defaultdict[str, list[Scored]](list)
    for example in scored:
        groups[_group(name, example)].append(example)
    return groups


def _group(name: str, scored: Scored) -> str:
    return scored.prediction.groups.get(name, scored.prediction.id)


def _categories(figure: Figure, scored: Sequence[Scored], cut: Groups, several: bool) -> dict[str, Share]:
    members = defaultdict[str, list[Scored]](list)
    for example in scored:
        category = example.prediction.category
        for name in {part.strip() for part in category.split(",")} if several else {category}:
            members[name].append(example)
    shares = {name: _figure(figure, members[name], cut) for name in sorted(members) if name}
    return {name: found for name, found in shares.items() if found is not None}


def _commonest(held: Sequence[Scored], scale: float) -> float | None:
    if not held or any(example.prediction.family not in _REPEATING for example in held):
        return None
    answers = defaultdict[str, Counter[str]](Counter)
    for example in held:
        answers[example.prediction.category][example.prediction.answers[0].casefold()] += 1
    return scale * sum(max(counts.values()) for counts in answers.values()) / len(held)


def _chance(held: Sequence[Scored], scale: float) -> float | None:
    if any(example.prediction.family not in _REPEATING for example in held):
        return None
    counts = [2 if example.prediction.family == "yes or no" else len(example.prediction.choices) for example in held]
    return scale * sum(1 / count for count in counts) / len(counts) if counts and all(counts) else None
