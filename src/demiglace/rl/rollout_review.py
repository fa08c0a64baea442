"""The rollouts of a run that are worth a look: the best, the worst, and what has changed most."""

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
    """A group and why it is shown."""

    title: str
    scored: ScoredGroup

    @property
    def answers(self) -> list[tuple[Rollout, Reward]]:
        """The best first; those that cannot be scored last."""
        pairs = zip(self.scored.group.rollouts, self.scored.rewards, strict=True)
        return sorted(pairs, key=lambda pair: (pair[1].value is None, -(pair[1].value or 0.0)))


def review(groups: Iterable[ScoredGroup], count: int = 3) -> list[ReviewedGroup]:
    """`count` groups with the best and the worst answers on average, and of the kind of question whose mean reward has
    changed most one from the first and one from the last quarter of the run. ValueError where none has a reward.
    """
    found = [(scored, reward) for scored in groups if (reward := mean_reward(scored)) is not None]
    if not found:
        raise ValueError("0 groups of the run have a reward")
    ordered = [scored for scored, _ in sorted(found, key=lambda pair: pair[1])]
    best = [ReviewedGroup("best", scored) for scored in reversed(ordered[-count:])]
    worst = [ReviewedGroup("worst", scored) for scored in ordered[:count]]
    return [*best, *worst, *_changed([scored for scored, _ in found])]


def mean_reward(scored: ScoredGroup) -> float | None:
    """Of the answers that can be scored."""
    values = [reward.value for reward in scored.rewards if reward.value is not None]
    return statistics.fmean(values) if values else None


def _changed(groups: Sequence[ScoredGroup]) -> list[ReviewedGroup]:
    """Nothing where no kind of question is in both quarters."""
    size = max(1, len(groups) // SHARE)
    early, late = _by_kind(groups[:size]), _by_kind(groups[-size:])
    changes = {kind: _mean(late[kind]) - _mean(early[kind]) for kind in early if kind in late}
    if len(groups) < 2 or not changes:
        return []
    kind = max(changes, key=lambda kind: abs(changes[kind]))
    told = f"{' '.join(kind)} changed most, from {_mean(early[kind]):.2f} to {_mean(late[kind]):.2f}"
    return [ReviewedGroup(f"{told}: early", early[kind][0]), ReviewedGroup(f"{told}: late", late[kind][-1])]


def _by_kind(groups: Sequence[ScoredGroup]) -> dict[tuple[str, str, str], list[ScoredGroup]]:
    """By domain, kind of question and mode."""
    found = defaultdict[tuple[str, str, str], list[ScoredGroup]](list)
    for scored in groups:
        found[scored.group.domain, scored.group.question.kind, scored.group.mode].append(scored)
    return found


def _mean(groups: Sequence[ScoredGroup]) -> float:
    return statistics.fmean(reward for scored in groups if (reward := mean_reward(scored)) is not None)
