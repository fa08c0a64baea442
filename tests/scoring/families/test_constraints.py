"""Verdicts on instructions: all or nothing, the share of single ones apart."""

import pytest

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.families.constraints import count_met, score_constraints, score_constraints_loosely
from demiglace.scoring.verdict import UNREADABLE, Expected

EXPECTED = Expected(('[{"kind": "words", "exactly": 3}, {"kind": "letter", "letter": "e", "exactly": 0}]',))


@pytest.mark.parametrize(
    ("response", "strict", "loose", "met"),
    [
        ("a dark sky", 1.0, 1.0, 2),
        ("the dark sky", 0.0, 0.0, 1),
        ("dark sky", 0.0, 0.0, 1),
        ("Here it is:\na dark sky", 0.0, 1.0, 0),
    ],
)  # fmt: skip
def test_verdicts(response: str, strict: float, loose: float, met: int) -> None:
    assert score_constraints(response, EXPECTED).score == strict
    assert score_constraints_loosely(response, EXPECTED).score == loose
    assert count_met(response, EXPECTED) == (met, 2)


def test_what_is_missed_is_told_and_nothing_is_unreadable() -> None:
    assert score_constraints("The sky", EXPECTED).read == 'not met: exactly 3 words; the letter "e" exactly 0 times'
    assert score_constraints(" ", EXPECTED) == UNREADABLE
    assert score_constraints("<think>a dark sky", EXPECTED) == UNREADABLE
