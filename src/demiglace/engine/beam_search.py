"""Beam search: the most likely partial answers are extended together, and the best complete one is returned.

Candidates, scores and stopping are those of transformers' `generate(num_beams=N, do_sample=False)`, token for token;
the repetition penalty counts only the answer. Rows of a batch do not affect each other: each ends as it would alone.

Axes: rows, beams, candidates (of a row), length (tokens of an answer so far).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from demiglace.batch import Batch
from demiglace.engine.sampling import SamplingParams, check_finite
from demiglace.engine.token_roles import TokenRoles
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV

NEVER = -1e9  # added to the scores of candidates that must not be chosen (transformers)
NOTHING = -1  # fills the places after the end of an answer


@dataclass(frozen=True)
class BestBeam:
    """The answer of a row. log_probabilities: the model's own, of each token."""

    row: int
    tokens: list[int]
    log_probabilities: list[float]


@torch.inference_mode()
def search_beams(
    model: MiniCPMV,
    logits: Tensor,
    cache: KVCache,
    lengths: Sequence[int],
    sampling: Sequence[SamplingParams],
    roles: TokenRoles,
) -> Iterator[BestBeam]:
    """The answers of rows whose prompts are in `cache`, each as soon as its search is over.

    logits (rows, vocabulary), of the first token; lengths: of the prompts. All rows have the same number of beams, and
    the `max_new_tokens` of each must fit. One forward pass advances all beams of all rows.
    """
    beams, start = sampling[0].num_beams, cache.length
    search = BeamSearch(lengths, sampling, roles, logits.device)
    logits, cache = logits.repeat_interleave(beams, dim=0), cache.repeated(beams)
    while True:
        parents, over = search.advance(logits)
        yield from map(search.best, over)
        if len(over) == len(search.rows):
            return
        cache.reorder(parents, start)
        if over:
            order = cache.drop([row * beams + beam for row in over for beam in range(beams)])
            search.keep([place // beams for place in order[::beams]])
        logits = model.logits(model(search.next_batch(), cache)[:, -1]).float()


@dataclass(frozen=True)
class _Answers:
    """Several answers for each row, the most likely first.

    tokens int64 and log_probabilities (rows, beams, length); scores and are_complete (rows, beams).
    """

    tokens: Tensor
    log_probabilities: Tensor
    scores: Tensor
    are_complete: Tensor

    @classmethod
    def none(cls, scores: Tensor) -> _Answers:
        nothing = scores.new_empty(*scores.shape, 0)
        return cls(nothing.long(), nothing, scores, torch.zeros_like(scores, dtype=torch.bool))

    def taken(self, places: Tensor) -> _Answers:
        """The answers at `places` of each row, int64 (rows, any number)."""
        steps = places.unsqueeze(2).expand(-1, -1, self.tokens.shape[2])
        return _Answers(
            self.tokens.gather(1, steps),
            self.log_probabilities.gather(1, steps),
            self.scores.gather(1, places),
            self.are_complete.gather(1, places),
        )

    def with_token(self, tokens: Tensor, log_probabilities: Tensor) -> _Answers:
        """Each extended by one token; tokens and log_probabilities (rows, beams)."""
        return replace(
            self,
            tokens=torch.cat([self.tokens, tokens.unsqueeze(2)], dim=2),
            log_probabilities=torch.cat([self.log_probabilities, log_probabilities.unsqueeze(2)], dim=2),
        )

    def beside(self, others: _Answers) -> _Answers:
        return _Answers(*(torch.cat(both, dim=1) for both in zip(self._values(), others._values(), strict=True)))

    def of_rows(self, rows: list[int]) -> _Answers:
        return _Answers(*(values[rows] for values in self._values()))

    def _values(self) -> tuple[Tensor, ...]:
        return self.tokens, self.log_probabilities, self.scores, self.are_complete


@dataclass
class _Row:
    """number: index in the original batch; length: of its prompt."""

    number: int
    length: int
    params: SamplingParams


class BeamSearch:
    """For every row, its beams and its best complete answers."""

    def __init__(
        self,
        lengths: Sequence[int],
        sampling: Sequence[SamplingParams],
        roles: TokenRoles,
        device: torch.device,
    ) -> None:
        numbered = enumerate(zip(lengths, sampling, strict=True))
        self.rows = [_Row(number, length, params) for number, (length, params) in numbered]
        self.beams = sampling[0].num_beams
        self.num_candidates = max(2, 1 + len(roles.ends)) * self.beams  # so that enough are left if all others end
        self.ends, self.forbidden = (
            torch.tensor(sorted(tokens), dtype=torch.int64, device=device) for tokens in (roles.ends, roles.forbidden)
        )
        scores = torch.full((len(self.rows), self.beams), NEVER, device=device)
        self.complete = _Answers.none(scores)
        self.begun = _Answers.none(scores.index_fill(1, torch.tensor([0], device=device), 0.0))  # all are the same
        self.can_improve = torch.ones(len(self.rows), 1, dtype=torch.bool, device=device)

    def advance(self, logits: Tensor) -> tuple[Tensor, list[int]]:
        """Advance every beam by a token. logits (rows * beams, vocabulary).

        Returns the parent of each new beam, int64 (rows * beams,), and which rows are over.
        """
        candidates, parents = self._candidates(logits.log_softmax(dim=-1).unflatten(0, (-1, self.beams)))
        length = candidates.tokens.shape[2]
        is_full = self._column([length >= row.params.max_new_tokens for row in self.rows])
        ends = torch.isin(candidates.tokens[:, :, -1], self.ends) | is_full
        going_on = replace(candidates, scores=candidates.scores + ends.float() * NEVER)
        followed = going_on.scores.topk(self.beams).indices
        self.begun = going_on.taken(followed)
        self._complete(candidates, ends, length)
        self.can_improve &= self._may_improve(length)
        is_over = ~self.can_improve | self._is_satisfied() | ends.all(dim=1, keepdim=True)
        likeliest, *finished = torch.cat([candidates.scores[:, :1].sum(dim=0), is_over.flatten().float()]).tolist()
        check_finite(likeliest)
        offsets = self.beams * torch.arange(len(self.rows), device=parents.device).unsqueeze(1)
        return (parents.gather(1, followed) + offsets).flatten(), [row for row, over in enumerate(finished) if over]

    def best(self, row: int) -> BestBeam:
        tokens = self.complete.tokens[row, 0].tolist()
        tokens = tokens[: tokens.index(NOTHING)] if NOTHING in tokens else tokens
        log_probabilities = self.complete.log_probabilities[row, 0, : len(tokens)].tolist()
        return BestBeam(self.rows[row].number, tokens, log_probabilities)

    def keep(self, rows: list[int]) -> None:
        self.rows = [self.rows[row] for row in rows]
        self.begun, self.complete = self.begun.of_rows(rows), self.complete.of_rows(rows)
        self.can_improve = self.can_improve[rows]

    def next_batch(self) -> Batch:
        """The newest token of each beam, (rows * beams, 1)."""
        tokens = self.begun.tokens[:, :, -1:].flatten(0, 1)
        lengths = self._column([row.length for row in self.rows]).repeat_interleave(self.beams, dim=0)
        return Batch(
            tokens,
            lengths + self.begun.tokens.shape[2] - 1,
            torch.ones_like(tokens),
            visual_places=tokens.new_empty(0),
        )

    def _candidates(self, log_probs: Tensor) -> tuple[_Answers, Tensor]:
        """The most likely extensions by a token, and the beam that each continues, int64 (rows, candidates).

        log_probs (rows, beams, vocabulary).
        """
        totals = (self._allowed(self._penalised(log_probs)) + self.begun.scores.unsqueeze(2)).flatten(1)
        scores, places = totals.topk(self.num_candidates)
        parents, tokens = places // log_probs.shape[2], places % log_probs.shape[2]
        longer = self.begun.taken(parents).with_token(tokens, log_probs.flatten(1).gather(1, places))
        return replace(longer, scores=scores), parents

    def _penalised(self, log_probs: Tensor) -> Tensor:
        """Tokens of the answer so far are penalised, as in `sampling`: a log-probability is negative."""
        penalties = self._column([row.params.repetition_penalty for row in self.rows]).unsqueeze(2)
        values = log_probs.gather(2, self.begun.tokens)
        return log_probs.scatter(2, self.begun.tokens, torch.where(values < 0, values * penalties, values / penalties))

    def _allowed(self, log_probs: Tensor) -> Tensor:
        """Minus infinity for forbidden tokens and for those that would end an answer too early. log_probs as above."""
        length = self.begun.tokens.shape[2]
        is_too_early = [row.params.ignore_eos or length < row.params.min_new_tokens for row in self.rows]
        log_probs = log_probs.index_fill(2, self.forbidden, -torch.inf)
        if any(is_too_early):
            early = torch.tensor(is_too_early, device=log_probs.device).nonzero()
            log_probs[early, :, self.ends] = -torch.inf
        return log_probs

    def _complete(self, candidates: _Answers, ends: Tensor, length: int) -> None:
        """Keep the best complete answers, including candidates that end, if they are among the first `beams`."""
        first = torch.arange(self.num_candidates, device=ends.device) < self.beams
        are_complete = ends & first
        scores = candidates.scores / self._column([length**row.params.length_penalty for row in self.rows])
        scores += self._is_satisfied().float() * NEVER
        scores += (~self.can_improve).float() * NEVER
        scores += (~are_complete).float() * NEVER
        shape = self.complete.scores.shape
        known = self.complete.with_token(ends.new_full(shape, NOTHING, dtype=torch.int64), scores.new_zeros(shape))
        merged = known.beside(replace(candidates, scores=scores, are_complete=are_complete))
        self.complete = merged.taken(merged.scores.topk(self.beams).indices)

    def _is_satisfied(self) -> Tensor:
        """bool (rows, 1): whether a row has enough complete answers to stop early."""
        is_early = self._column([row.params.early_stopping is True for row in self.rows])
        return self.complete.are_complete.all(dim=1, keepdim=True) & is_early

    def _may_improve(self, length: int) -> Tensor:
        """bool (rows, 1): whether a beam may still beat the worst complete answer."""
        hoped = self.begun.scores[:, :1] / self._column([_hoped_length(row, length) for row in self.rows])
        worst = self.complete.scores.min(dim=1, keepdim=True).values
        return (hoped > torch.where(self.complete.are_complete, worst, NEVER)).any(dim=1, keepdim=True)

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, device=self.begun.scores.device).unsqueeze(1)


def _hoped_length(row: _Row, length: int) -> float:
    """The divisor of a beam's hoped-for score: a power of its length, or of the longest if that scores higher."""
    params = row.params
    is_longest = params.early_stopping == "never" and params.length_penalty > 0
    return float((params.max_new_tokens if is_longest else length) ** params.length_penalty)
