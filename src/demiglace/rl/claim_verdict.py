"""A verifier's verdict on a claim: probabilities of yes and no at the first token of its answer (RLAIF-V)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

LEAST_MASS = 0.5  # of yes and no together; ours
LIKELIEST = 20  # candidates for the first token: the most that OpenAI's API returns
MOST_TOKENS = 1024  # of a list of claims; ours


@dataclass(frozen=True)
class ClaimVerdict:
    """yes, no: probabilities that the answer begins with this word."""

    yes: float
    no: float

    @property
    def mass(self) -> float:
        return self.yes + self.no

    @property
    def is_rejected(self) -> bool:
        """Whether yes is not more likely than no (RLAIF-V's code)."""
        return self.no >= self.yes

    def is_clear(self, least_mass: float) -> bool:
        """Whether the verifier answers yes or no at all."""
        return self.mass >= least_mass


def claim_verdict(choices: Iterable[tuple[str, float]]) -> ClaimVerdict:
    """choices: the most likely first tokens, as texts with log-probabilities in nats.

    A token counts for the word that begins with it, ignoring case and surrounding blanks: "yes", " Yes", "Y".
    ValueError if a log-probability is NaN or plus infinity.
    """
    sums = {"yes": 0.0, "no": 0.0}
    for text, log_prob in choices:
        if math.isnan(log_prob) or log_prob == math.inf:
            raise ValueError(f"the verifier gives {text!r} the log-probability {log_prob}")
        beginning = text.strip().lower()
        for word in sums:
            sums[word] += math.exp(log_prob) if beginning and word.startswith(beginning) else 0.0
    return ClaimVerdict(**sums)
