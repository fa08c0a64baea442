"""Instructions whose fulfilment can be checked: 1 where all constraints are met, else 0 (IFEval, "prompt-level").

A share would pay for the easy half of what was asked. It is `count_met`, over a whole set IFEval's "instruction-level
accuracy". What is expected is the constraints as JSON (`scoring.constraints.record`).
"""

from __future__ import annotations

from demiglace.scoring.constraints.fulfilment import unmet, written
from demiglace.scoring.constraints.record import of_text
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict


def score_constraints(response: str, expected: Expected) -> Verdict:
    """Read are the constraints that are not met, else the answer; unreadable where nothing is written."""
    return _score(response, expected, loosely=False)


def score_constraints_loosely(response: str, expected: Expected) -> Verdict:
    """With IFEval's leniency (`unmet`)."""
    return _score(response, expected, loosely=True)


def count_met(response: str, expected: Expected, loosely: bool = False) -> tuple[int, int]:
    """How many constraints are met, and of how many."""
    constraints = of_text(expected.answers[0])
    return len(constraints) - len(unmet(constraints, response, loosely)), len(constraints)


def _score(response: str, expected: Expected, loosely: bool) -> Verdict:
    if not written(response):
        return UNREADABLE
    missed = unmet(of_text(expected.answers[0]), response, loosely)
    if missed:
        return Verdict(0.0, "not met: " + "; ".join(one.in_words for one in missed))
    return Verdict(1.0, written(response))
