"""Frozen records: an answer that was drawn, the answers to one prompt, and what an answer is worth."""

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
    """An answer drawn from the policy.

    prompt_id: number of the prompt in the run's order.
    tokens: of the answer, the one that ends it included. log_probs: of each, in nats, as the sampler had them.
    policy_version: updates that the weights had seen. response: the text, thoughts and marks included.
    old_log_probs: as the learner had them before the first update on this batch; None where there is only one, at
        which they are the learner's own.
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
        """Whether the limit on its length ended it."""
        return self.stopped_by == "length"

    @property
    def thoughts(self) -> str:
        return split_answer(self.response, self.mode == "long")[0]

    @property
    def answer(self) -> str:
        """The final answer, without thoughts; "" where they were cut off."""
        return split_answer(self.response, self.mode == "long")[1]


@dataclass(frozen=True)
class Group:
    """All answers to one prompt. domain: name of the source that asks."""

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
    """value: the sum, None where the answer cannot be scored. terms: what it is the sum of, by name."""

    value: float | None
    terms: Mapping[str, float] = field(default_factory=dict)
