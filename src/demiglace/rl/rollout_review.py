"""Rollouts of a run to look at: the best, the worst, and the largest change."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from demiglace.rl.rollout import Reward, Rollout
from demiglace.rl.rollout_log import ScoredGroup

SHARE = 4  # the first and the last quarter of a run are compared (ours)


@dataclass(frozen=True)
class ReviewedGroup:
    """A group and the reason why it is shown."""

    title: str
    scored: ScoredGroup

    @property
    def answers(self) -> list[tuple[Rollout, Reward]]:
        """Answers, the best first; those not scored last."""
        pairs = zip(self.scored.group.rollouts, self.scored.rewards, strict=True)
        return sorted(pairs, key=lambda pair: (pair[1].value is None, -(pair[1].value or 0.0)))


def review(groups: Iterable[ScoredGroup], count: int = 3) -> list[ReviewedGroup]:
    """`count` groups each with the best and the worst mean rewards, and for the kind of question whose mean reward has
    changed most, one from the first and one from the last quarter of the run. ValueError if none has a reward.
    """
    found = [(scored, reward) for scored in groups if (reward := mean_reward(scored)) is not None]
    if not found:
        raise ValueError("0 groups of the run have a reward")
    ordered = [scored for scored, _ in sorted(found, key=lambda pair: pair[1])]
    best = [ReviewedGroup("best", scored) for scored in reversed(ordered[-count:])]
    worst = [ReviewedGroup("worst", scored) for scored in ordered[:count]]
    return [*best, *worst, *_changed([scored for scored, _ in found])]


def mean_reward(scored: ScoredGroup) -> float | None:
    """Mean reward of the scored answers; None if there is none."""
    values = [reward.value for reward in scored.rewards if reward.value is not None]
    return statistics.fmean(values) if values else None


def _changed(groups: Sequence[ScoredGroup]) -> list[ReviewedGroup]:
    """Empty if no kind of question is in both quarters."""
    size = max(1, len(groups) // SHARE)
    early, late = _by_kind(groups[:size]), _by_kind(groups[-size:])
    changes = {kind: _mean(late[kind]) - _mean(early[kind]) for kind in early if kind in late}
    if len(groups) < 2 or not changes:
        return []
    kind = max(changes, key=lambda kind: abs(changes[kind]))
    title = f"{' '.join(kind)} changed most, from {_mean(early[kind]):.2f} to {_mean(late[kind]):.2f}"
    return [ReviewedGroup(f"{title}: early", early[kind][0]), ReviewedGroup(f"{title}: late", late[kind][-1])]


def _by_kind(groups: Sequence[ScoredGroup]) -> dict[tuple[str, str, str], list[ScoredGroup]]:
    """Groups by domain, kind of question and mode."""
    found = defaultdict[tuple[str, str, str], list[ScoredGroup]](list)
    for scored in groups:
        found[scored.group.domain, scored.group.question.kind, scored.group.mode].append(scored)
    return found


def _mean(groups: Sequence[ScoredGroup]) -> float:
    return statistics.fmean(reward for scored in groups if (reward := mean_reward(scored)) is not None)
