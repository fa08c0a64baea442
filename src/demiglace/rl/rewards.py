"""R = R_acc + R_format + R_rep + 1/2 R_rm (paper, section on rewards, equation 1): terms are pure functions of a group.

| term | worth | source |
|---|---|---|
| accuracy | 1 if the final answer is right by rule, else 0; or see `probability_reward` | paper |
| format | 1 if the answer has the format of its mode, else 0 | the term is the paper's, the values are ours |
| repetition | -1 if a phrase of 10 words occurs 10 times | released code (RLPR) |
| preference | half of a reward model's score of the final answer, standardised in its group | paper |

An answer that is truncated at the limit is wrong and without format: a lucky beginning earns nothing (ours). With
`cut="left out"` it is not scored or trained on.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from demiglace.processing.chat_template import END_THINK, THINK
from demiglace.rl.advantages import TOLERANCE, check_finite
from demiglace.rl.rollout import Group, Reward, Rollout
from demiglace.scoring.repetition import repeats
from demiglace.scoring.thinking_format import reasoning_and_answer

REPEATED_WORDS = 10  # released code (RLPR)
PREFERENCE_SHARE = 0.5  # paper
TERMS = ("accuracy", "format", "repetition", "preference")

RewardModel = Callable[[Group, Sequence[str]], Sequence[float]]  # a group and a text for each answer -> scores


@dataclass(frozen=True)
class RewardSettings:
    """terms: those that are summed. most_repeats: occurrences of a phrase from which on it costs 1.

    cut: how an answer truncated at the limit counts: as "wrong", or "left out" as not scored.
    sees_thoughts: whether the reward model sees the reasoning too, which the paper found harmful.
    """

    terms: tuple[str, ...] = TERMS
    most_repeats: int = 10  # released code (RLPR's trainer; its function has 6)
    cut: Literal["wrong", "left out"] = "wrong"  # ours
    sees_thoughts: bool = False  # paper

    def __post_init__(self) -> None:
        if strange := [term for term in self.terms if term not in TERMS]:
            raise ValueError(f"unknown reward {strange[0]!r}; choose from {', '.join(TERMS)}")
        if self.cut not in ("wrong", "left out"):
            raise ValueError(f"a cut answer is 'wrong' or 'left out', got {self.cut!r}")
        if self.most_repeats < 2:
            raise ValueError(f"a phrase repeats from 2 occurrences on, got {self.most_repeats}")


def accuracy_by_rule(group: Group) -> list[float]:
    """1 if the final answer is right (`scoring`), else 0."""
    return [float(not rollout.is_cut and group.question.is_answered_by(rollout.answer)) for rollout in group.rollouts]


def format_rewards(group: Group) -> list[float]:
    """1 for a short answer without thinking tags, and for a long one with reasoning, one end tag and an answer."""
    return [float(not rollout.is_cut and _has_format(rollout)) for rollout in group.rollouts]


def repetition_rewards(group: Group, most_repeats: int) -> list[float]:
    """-1 if a phrase of ten words (`scoring.repetition`), which underscores separate too, occurs so often."""
    responses = [rollout.response.replace("_", " ") for rollout in group.rollouts]
    return [-1.0 if repeats(text, REPEATED_WORDS) >= most_repeats else 0.0 for text in responses]


def preference_rewards(scores: Sequence[float]) -> list[float]:
    """Half of the standardised scores of a reward model; 0 if they do not differ by more than `TOLERANCE`."""
    check_finite("scores of the reward model", scores)
    if len(scores) < 2 or max(scores) - min(scores) <= TOLERANCE:
        return [0.0] * len(scores)
    mean, std = statistics.fmean(scores), statistics.pstdev(scores)
    return [PREFERENCE_SHARE * (score - mean) / std for score in scores]


def judged_texts(group: Group, sees_thoughts: bool) -> list[str]:
    """What the reward model sees: by default only the final answer, since long reasoning is foreign to it."""
    return [rollout.response if sees_thoughts else rollout.answer for rollout in group.rollouts]


def group_rewards(
    group: Group, accuracy: Sequence[float | None], settings: RewardSettings, model: RewardModel | None = None
) -> list[Reward]:
    """The rewards of a group. accuracy: of each answer, None if it cannot be scored.

    Raises ValueError unless there is one accuracy and score for each answer.
    """
    terms: dict[str, Sequence[float | None]] = {
        "accuracy": accuracy,
        "format": format_rewards(group),
        "repetition": repetition_rewards(group, settings.most_repeats),
    }
    if model is not None and "preference" in settings.terms:
        scores = model(group, judged_texts(group, settings.sees_thoughts))
        _check_count(group, "scores of the reward model", scores)
        is_kept = [not _is_left_out(rollout, settings) for rollout in group.rollouts]
        kept_scores = iter(preference_rewards([score for score, kept in zip(scores, is_kept, strict=True) if kept]))
        terms["preference"] = [next(kept_scores) if kept else None for kept in is_kept]
    _check_count(group, "accuracies", accuracy)
    kept = {name: values for name, values in terms.items() if name in settings.terms}
    return [_reward(kept, place, _is_left_out(rollout, settings)) for place, rollout in enumerate(group.rollouts)]


def _reward(terms: Mapping[str, Sequence[float | None]], place: int, is_left_out: bool) -> Reward:
    held = {name: values[place] for name, values in terms.items()}
    known = {name: value for name, value in held.items() if value is not None}
    is_scored = len(known) == len(held) and not is_left_out
    return Reward(sum(known.values()) if is_scored else None, known)


def _is_left_out(rollout: Rollout, settings: RewardSettings) -> bool:
    return rollout.is_cut and settings.cut == "left out"


def _has_format(rollout: Rollout) -> bool:
    if rollout.mode == "long":
        return reasoning_and_answer(THINK + rollout.response) is not None  # the prompt has opened the reasoning
    return bool(rollout.response.strip()) and not any(mark in rollout.response for mark in (THINK, END_THINK))


def _check_count(group: Group, name: str, values: Sequence[object]) -> None:
    if len(values) != len(group.rollouts):
        raise ValueError(f"prompt {group.prompt_id} has {len(group.rollouts)} answers, but {len(values)} {name}")
