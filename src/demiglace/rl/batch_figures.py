"""What a batch of rollouts is like, in numbers: means over all processes, by mode and by domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from demiglace.rl.advantages import has_spread
from demiglace.rl.rewards import TERMS
from demiglace.rl.rollout import MODES
from demiglace.rl.rollout_log import ScoredGroup
from demiglace.training.distributed import ProcessGroup
from demiglace.training.metrics import Figures

WARNING_SHARE = 0.1  # prime-rl: of groups that can teach; at or below it is told


def check_domains(domains: Sequence[str]) -> None:
    """ValueError where a source is named as a mode is: `reward/long` would be of both."""
    for name in domains:
        if name in MODES:
            raise ValueError(f"a source is named {name!r}, as a mode of answers: reward/{name} would be of both")


def batch_figures(groups: Sequence[ScoredGroup], domains: Sequence[str], ranks: ProcessGroup) -> Figures:
    """Means of reward, its terms, tokens and cut answers, such as `reward`, `reward/long` and `reward/clips`, those
    left out of which there is nothing; counts of groups, of those that can teach, and of tokens made.

    Every process calls it, and all get the same.
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
    """In one order in all processes, whatever is in the batch of each."""
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
