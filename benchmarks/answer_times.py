"""When the tokens of answers came, and what is made of it: requests a second, and two quantiles of the waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AnswerTimes:
    """One answer. asked: when it was. pieces: when each piece of its text was there. All are seconds of one clock."""

    asked: float
    pieces: tuple[float, ...]
    text: str


def figures(answers: Sequence[AnswerTimes]) -> dict[str, float]:
    """Of answers to requests that were measured together; seconds but for the first."""
    first = [one.pieces[0] - one.asked for one in answers]
    between = np.concatenate([np.diff(one.pieces) for one in answers])
    return {
        "requests_per_second": requests_per_second(answers),
        "first_token_p50": float(np.quantile(first, 0.5)),
        "first_token_p95": float(np.quantile(first, 0.95)),
        "between_tokens_p50": float(np.quantile(between, 0.5)),
        "between_tokens_p95": float(np.quantile(between, 0.95)),
    }


def requests_per_second(answers: Sequence[AnswerTimes]) -> float:
    """From the first that was asked to the last that was answered."""
    return len(answers) / (max(one.pieces[-1] for one in answers) - min(one.asked for one in answers))
