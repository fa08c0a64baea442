"""Instructions with checkable constraints: 1 if all constraints are met, else 0 (IFEval, "prompt-level").

A share would reward meeting only the easy half. `count_met` gives the share; over a whole set it is IFEval's
"instruction-level accuracy". The expected answer is the constraints as JSON (`scoring.constraints.record`).
"""

from __future__ import annotations

from demiglace.scoring.constraints.fulfilment import unmet, written
from demiglace.scoring.constraints.record import of_text
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict


def score_constraints(response: str, expected: Expected) -> Verdict:
    """`read` lists the constraints that are not met, or else the answer; unreadable if the answer is empty."""
    return _score(response, expected, loosely=False)


def score_constraints_loosely(response: str, expected: Expected) -> Verdict:
    """As `score_constraints`, with IFEval's leniency (`unmet`)."""
    return _score(response, expected, loosely=True)


def count_met(response: str, expected: Expected, loosely: bool = False) -> tuple[int, int]:
    """The number of constraints met, and of all constraints."""
    constraints = of_text(expected.answers[0])
    return len(constraints) - len(unmet(constraints, response, loosely)), len(constraints)


def _score(response: str, expected: Expected, loosely: bool) -> Verdict:
    if not written(response):
        return UNREADABLE
    missed = unmet(of_text(expected.answers[0]), response, loosely)
    if missed:
        return Verdict(0.0, "not met: " + "; ".join(constraint.in_words for constraint in missed))
    return Verdict(1.0, written(response))
