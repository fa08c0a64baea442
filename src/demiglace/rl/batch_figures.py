"""Metrics of a batch of rollouts: means over all processes, by mode and by domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from demiglace.rl.advantages import has_spread
from demiglace.rl.rewards import TERMS
from demiglace.rl.rollout import MODES
from demiglace.rl.rollout_log import ScoredGroup
from demiglace.training.distributed import ProcessGroup
from demiglace.training.metrics import Figures

WARNING_SHARE = 0.1  # prime-rl: at or below this share of trainable groups, a warning is given


def check_domains(domains: Sequence[str]) -> None:
    """ValueError if a source has the name of a mode: `reward/long` would mean both."""
    for name in domains:
        if name in MODES:
            raise ValueError(f"a source is named {name!r}, as a mode of answers: reward/{name} would be of both")


def batch_figures(groups: Sequence[ScoredGroup], domains: Sequence[str], ranks: ProcessGroup) -> Figures:
    """Means of reward, its terms, tokens and truncated answers, such as `reward`, `reward/long` and `reward/clips`,
    without those that have no values; counts of groups, of trainable groups, and of generated tokens.

    Every process calls this, and all get the same result.
    """
    sums = dict.fromkeys(_names(domains), 0.0)
    counts = sums.copy()
    for scored in groups:
        places = ("", f"/{scored.group.mode}", f"/{scored.group.domain}")
        for name, value in _values(scored):
            for place in places:
                sums[name + place] += value
                counts[name + place] += 1
    totals = ranks.sum([*sums.values(), *counts.values(), *_counts(groups)])
    means = zip(sums, totals[: len(sums)], totals[len(sums) :], strict=False)
    found: Figures = {name: total / count for name, total, count in means if count}
    number, trainable, tokens = totals[-3:]
    return {**found, "groups": number, "trainable_groups": trainable, "made_tokens": tokens}


def can_teach(scored: ScoredGroup) -> bool:
    return has_spread([reward.value for reward in scored.rewards])


def _counts(groups: Sequence[ScoredGroup]) -> list[float]:
    tokens = sum(len(rollout.tokens) for scored in groups for rollout in scored.group.rollouts)
    return [len(groups), sum(map(can_teach, groups)), tokens]


def _names(domains: Sequence[str]) -> Iterator[str]:
    """Names in the same order in all processes, whatever their batches contain."""
    for place in ("", *(f"/{name}" for name in (*MODES, *domains))):
        for name in ("reward", *TERMS, "answer_tokens", "cut_share", "rule_share"):
            yield name + place


def _values(scored: ScoredGroup) -> Iterator[tuple[str, float]]:
    yield "rule_share", float(scored.scored_by == "rule")
    for rollout, reward in zip(scored.group.rollouts, scored.rewards, strict=True):
        if reward.value is not None:
            yield "reward", reward.value
        yield from reward.terms.items()
        yield "answer_tokens", float(len(rollout.tokens))
        yield "cut_share", float(rollout.is_cut)
