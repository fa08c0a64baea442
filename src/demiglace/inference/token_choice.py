"""Log-probabilities of a sampled token and of the likeliest alternatives at its place."""

from __future__ import annotations

from dataclasses import dataclass

from demiglace.engine.token_sampler import SampledToken
from demiglace.processing.tokenizer import Tokenizer


@dataclass(frozen=True)
class TokenProbability:
    """content: UTF-8, maybe part of a character. log_probability: natural logarithm, before any sampling parameters."""

    token: int
    content: bytes
    log_probability: float


@dataclass(frozen=True)
class TokenChoice:
    """One place of an answer. alternatives: the likeliest tokens there, in descending order."""

    taken: TokenProbability
    alternatives: tuple[TokenProbability, ...]

    @classmethod
    def of(cls, sampled: SampledToken, tokenizer: Tokenizer) -> TokenChoice:
        pairs = ((sampled.token, sampled.log_probability), *sampled.alternatives)
        taken, *others = (TokenProbability(token, tokenizer.bytes_of(token), value) for token, value in pairs)
        return cls(taken, tuple(others))
