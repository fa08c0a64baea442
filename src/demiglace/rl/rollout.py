"""Frozen records: a sampled answer, the answers to one prompt, and the reward of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from demiglace.engine.token_sampler import StoppedBy
from demiglace.processing.chat_template import split_answer
from demiglace.scoring.question import Question

Mode = Literal["short", "long"]
MODES: tuple[Mode, ...] = ("short", "long")


@dataclass(frozen=True)
class Rollout:
    """An answer sampled from the policy.

    prompt_id: number of the prompt in the run's order.
    tokens: of the answer, including the end token. log_probs: of each, in nats, from the sampler.
    policy_version: number of updates of the weights. response: the text, including reasoning and tags.
    old_log_probs: from the learner before the first update on this batch; None if there is only one update, for which
        the learner computes them itself.
    """

    prompt_id: int
    mode: Mode
    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    policy_version: int
    stopped_by: StoppedBy
    response: str
    old_log_probs: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for log_probs in (self.log_probs, self.old_log_probs):
            if log_probs is not None and len(log_probs) != len(self.tokens):
                raise ValueError(
                    f"an answer to prompt {self.prompt_id} has {len(self.tokens)} tokens, but {len(log_probs)} "
                    "log-probabilities"
                )

    @property
    def is_cut(self) -> bool:
        """Whether it was truncated at the length limit."""
        return self.stopped_by == "length"

    @property
    def thoughts(self) -> str:
        return split_answer(self.response, self.mode == "long")[0]

    @property
    def answer(self) -> str:
        """The final answer, without reasoning; "" if the reasoning was truncated."""
        return split_answer(self.response, self.mode == "long")[1]


@dataclass(frozen=True)
class Group:
    """All answers to one prompt. domain: name of the prompt's source."""

    question: Question
    rollouts: tuple[Rollout, ...]
    domain: str = ""

    @property
    def mode(self) -> Mode:
        return self.rollouts[0].mode

    @property
    def prompt_id(self) -> int:
        return self.rollouts[0].prompt_id


@dataclass(frozen=True)
class Reward:
    """value: the sum, None if the answer cannot be scored. terms: its terms by name."""

    value: float | None
    terms: Mapping[str, float] = field(default_factory=dict)
