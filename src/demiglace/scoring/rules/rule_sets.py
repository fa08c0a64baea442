"""The available rules by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demiglace.scoring.rules.demiglace import DEMIGLACE
from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.lmms_eval import LMMS_EVAL
from demiglace.scoring.rules.vlmevalkit import VLMEVALKIT
from demiglace.scoring.rules.vlmevalkit_table import as_stored
from demiglace.scoring.verdict import Scorer

LMMS_EVAL_NAME = "lmms-eval-0.7.3"
VLMEVALKIT_NAME = "vlmevalkit-2026-08"
RULES: Mapping[str, Mapping[Family, Scorer]] = {
    "demiglace": DEMIGLACE,
    LMMS_EVAL_NAME: LMMS_EVAL,
    VLMEVALKIT_NAME: VLMEVALKIT,
}


def rule_set(rules: str) -> Mapping[Family, Scorer]:
    """The scorers of the named rules; ValueError if there are no rules of that name."""
    if rules not in RULES:
        raise ValueError(f"unknown rules {rules!r}; choose from {', '.join(RULES)}")
    return RULES[rules]


def scorer(family: Family, rules: str = "demiglace") -> Scorer:
    """The scorer of a family in the named rules.

    Raises ValueError if there are no rules of that name, or if they do not have the family.
    """
    scorers = rule_set(rules)
    if family not in scorers:
        raise ValueError(f"the rules {rules!r} do not score {family!r}; they score {', '.join(scorers)}")
    return scorers[family]


def as_scored(responses: Sequence[str], rules: str = "demiglace") -> list[str]:
    """The responses of a benchmark as the rules see them: unchanged, except for VLMEvalKit's rules."""
    return as_stored(responses) if rules == VLMEVALKIT_NAME else list(responses)
