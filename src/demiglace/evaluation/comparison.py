"""Two sets of answers to the same questions: what changed, and whether the difference is significant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demiglace.evaluation.benchmark import Benchmark, Figure
from demiglace.evaluation.intervals import Share, difference, mcnemar
from demiglace.evaluation.scores import Scored


@dataclass(frozen=True)
class Change:
    """An example whose score changed."""

    before: Scored
    after: Scored

    @property
    def gain(self) -> float:
        return self.after.counted - self.before.counted


@dataclass(frozen=True)
class Comparison:
    """A comparison of the examples that both answered; `left_out` failed in one run, or were asked in only one.

    clusters: number of pictures, clips or sets. difference: second mean minus first, with an interval from a paired
    bootstrap; p_bootstrap from the same draws. p_mcnemar: exact, for binary verdicts; None if some scores are between
    0 and 1, or if questions share a picture, clip or set, since the test assumes independent questions. Both p and the
    interval are None if too few pictures or clips were shown (`intervals.FEWEST_CLUSTERS`).
    """

    compared: int
    clusters: int
    left_out: int
    before: float
    after: float
    difference: Share
    p_bootstrap: float | None
    p_mcnemar: float | None
    changes: tuple[Change, ...]

    @property
    def gained(self) -> list[Change]:
        return [change for change in self.changes if change.gain > 0]

    @property
    def lost(self) -> list[Change]:
        return [change for change in self.changes if change.gain < 0]


def compare(before: Sequence[Scored], after: Sequence[Scored]) -> Comparison:
    """Compare two runs; ValueError if no example was answered in both, or one id belongs to different questions."""
    others = {example.prediction.id: example for example in after}
    pairs = [(one, others[one.prediction.id]) for one in before if one.prediction.id in others]
    for one, other in pairs:
        if _asked(one) != _asked(other):
            raise ValueError(f"{one.prediction.id} is {_asked(one)} in one and {_asked(other)} in the other")
    held = [(one, other) for one, other in pairs if one.verdict is not None and other.verdict is not None]
    asked = {example.prediction.id for example in (*before, *after)}
    if not held:
        raise ValueError(f"of {len(asked)} examples 0 have an answer in both")
    return _comparison(held, len(asked) - len(held))


def compared_figure(benchmark: Benchmark) -> str:
    """The figure of a benchmark that `compare` tests: the mean of the scores of single questions, in per cent."""
    plain = (figure.name for figure in benchmark.figures if figure == Figure(figure.name))
    return next(plain, "mean score")


def _asked(scored: Scored) -> str:
    """Question, answers and choices, which identify an example in both."""
    one = scored.prediction
    choices = f" among {', '.join(f'{name}: {text}' for name, text in one.choices.items())}" if one.choices else ""
    return f"{one.question!r} with the answer {' or '.join(map(repr, one.answers))}{choices}"


def _comparison(held: Sequence[tuple[Scored, Scored]], left_out: int) -> Comparison:
    clusters = [one.prediction.cluster for one, _ in held]
    scores = [[(example.counted, 1.0) for example in side] for side in zip(*held, strict=True)]
    found, p = difference(scores[0], scores[1], clusters)
    changes = tuple(Change(one, other) for one, other in held if one.counted != other.counted)
    number = len(set(clusters))
    is_binary = all(value in (0.0, 1.0) for side in scores for value, _ in side)
    gained = sum(change.gain > 0 for change in changes)
    return Comparison(
        len(held),
        number,
        left_out,
        _mean(scores[0]),
        _mean(scores[1]),
        found,
        p,
        mcnemar(gained, len(changes) - gained) if is_binary and number == len(held) and p is not None else None,
        changes,
    )


def _mean(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(value for value, _ in pairs) / len(pairs)
