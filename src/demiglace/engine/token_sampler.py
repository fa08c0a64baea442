"""One answer in progress: which token comes next, and when it is over. All ways of generation use this class."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from demiglace.engine.guided import GuideProgress
from demiglace.engine.sampling import SamplingParams, check_finite, draw, penalised
from demiglace.engine.token_roles import NO_ROLES, TokenRoles

StoppedBy = Literal["end", "length", "stop"]


@dataclass(frozen=True)
class SampledToken:
    """A new token of an answer.

    log_probability: natural logarithm of the model's own probability of the token, before sampling changes it.
    stopped_by: set on the last token: "end" on an end token, "length" at the limit.
    alternatives: the most likely tokens here with their log-probabilities, the most likely first, if requested.
    """

    token: int
    log_probability: float
    stopped_by: StoppedBy | None = None
    alternatives: tuple[tuple[int, float], ...] = ()


class TokenSampler:
    """The parameters of one answer, and the answer so far.

    output_tokens: its tokens so far. stopped_by: why it ended; None while it continues.
    """

    def __init__(
        self,
        params: SamplingParams,
        roles: TokenRoles = NO_ROLES,
        is_thinking: bool = False,
        guide: GuideProgress | None = None,
    ) -> None:
        """is_thinking: whether the prompt has opened the reasoning. guide: of `params.guide`, if there is one."""
        assert (guide is None) == (params.guide is None), "a guide of the parameters that is not followed, or another"
        self.params, self.roles = params, roles
        self.max_new_tokens = params.max_new_tokens
        self.output_tokens: list[int] = []
        self.stopped_by: StoppedBy | None = None
        self._generator = params.generator()
        self._counts: Counter[int] = Counter()
        self._is_thinking, self._num_thoughts = is_thinking, 0
        self._forced: deque[int] = deque()
        self._guide = guide
        self._limit_thoughts()

    def fit(self, room: int) -> None:
        """Limit the answer to so many tokens, however many were requested."""
        self.max_new_tokens = min(self.max_new_tokens, room)

    @property
    def fitted_params(self) -> SamplingParams:
        """The parameters within the limit of `fit`: the least length cannot exceed it."""
        most = self.max_new_tokens
        return replace(self.params, max_new_tokens=most, min_new_tokens=min(self.params.min_new_tokens, most))

    def stop(self) -> None:
        """End the answer: its text has reached a stop string."""
        self.stopped_by = "stop"

    def takes_likeliest(self, token: int) -> bool:
        """Whether `token`, the model's most likely one, is the next without further use of the logits."""
        is_free = self.params.is_plain and not self._forced and self._guide is None
        return is_free and token not in self.roles.forbidden and (self._may_end or token not in self.roles.ends)

    def next(self, logits: Tensor, log_probabilities: Tensor | None = None) -> SampledToken:
        """The next token. logits: float (vocabulary,); log_probabilities: their log-softmax, if already computed and
        checked to be finite. ValueError if they are NaN or infinite."""
        logits = logits.float()
        if log_probabilities is None:
            log_probabilities = logits.log_softmax(dim=0)
            check_finite(float(log_probabilities.max()))  # also if the damaged logits could not be sampled
        token = self._forced.popleft() if self._forced else self._drawn(logits)
        alternatives: tuple[tuple[int, float], ...] = ()
        if self.params.logprobs:
            likeliest, tokens = log_probabilities.topk(min(self.params.logprobs, len(logits)))
            alternatives = tuple(zip(tokens.tolist(), likeliest.tolist(), strict=True))
        return self.take(token, float(log_probabilities[token]), alternatives)

    def take(
        self, token: int, log_probability: float, alternatives: tuple[tuple[int, float], ...] = ()
    ) -> SampledToken:
        """Append `token` to the answer."""
        self.output_tokens.append(token)
        self._counts[token] += 1
        self._follow_thoughts(token)
        if token in self.roles.ends:
            self.stopped_by = "end"
        elif len(self.output_tokens) >= self.max_new_tokens:
            self.stopped_by = "length"
        return SampledToken(token, log_probability, self.stopped_by, alternatives)

    def _drawn(self, logits: Tensor) -> int:
        if self.params.changes_logits:
            logits = penalised(logits, self._counts, self.params)
        if self.roles.forbidden:
            logits = logits.index_fill(0, self.roles.forbidden_tokens.to(logits.device), -torch.inf)
        if not self._may_end:
            logits = logits.index_fill(0, self.roles.end_tokens.to(logits.device), -torch.inf)
        if self._guide is None or self._is_thinking:
            return draw(logits, self.params, self._generator)
        token = draw(self._guide.masked(logits), self.params, self._generator)
        self._guide.advance(token)
        return token

    @property
    def _may_end(self) -> bool:
        is_too_early = self.params.ignore_eos or len(self.output_tokens) < self.params.min_new_tokens
        return not is_too_early and not (self._guide and self._is_thinking)

    def _follow_thoughts(self, token: int) -> None:
        if token == self.roles.think_end:
            self._is_thinking = False
            if self._guide and not self._forced:  # the tokens between reasoning and answer are not guided
                self._forced.extend(self.roles.after_thoughts)
        elif self._is_thinking:
            self._num_thoughts += 1
        elif token == self.roles.think_start:
            self._is_thinking = True
        self._limit_thoughts()

    def _limit_thoughts(self) -> None:
        """Close the reasoning when its budget is used up."""
        budget = self.params.thinking_budget
        if budget is not None and self._is_thinking and self._num_thoughts >= budget and not self._forced:
            self._forced.extend(self.roles.closing)


def next_tokens(logits: Tensor, samplers: Sequence[TokenSampler]) -> list[SampledToken | ValueError]:
    """The next token of each answer, or its error; logits: float32 (rows, vocabulary).

    Tokens that are not drawn at random are read from the device together. A ValueError means that logits are NaN or
    infinite, even if the damaged ones could not be sampled.
    """
    likeliest, log_probabilities = logits.argmax(dim=1, keepdim=True), logits.log_softmax(dim=1)
    largest = log_probabilities.gather(1, likeliest)
    found: list[SampledToken | ValueError] = []
    for row, (sampler, (token,), (log_probability,)) in enumerate(
        zip(samplers, likeliest.tolist(), largest.tolist(), strict=True)
    ):
        try:
            check_finite(log_probability)
            if sampler.takes_likeliest(token):
                found.append(sampler.take(token, log_probability))
            else:
                found.append(sampler.next(logits[row], log_probabilities[row]))
        except ValueError as error:
            found.append(error)
    return found
