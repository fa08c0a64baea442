"""Which constraints a response meets, strictly or with IFEval's leniency."""

from __future__ import annotations

from collections.abc import Sequence

from demiglace.scoring.constraints.constraint import Constraint

_END_OF_REASONING, _REASONING = "</think>", "<think>"


def written(response: str) -> str:
    """The response without reasoning; "" if the reasoning never ends."""
    behind = response.rpartition(_END_OF_REASONING)[2]
    return "" if _REASONING in behind else behind.strip()


def unmet(constraints: Sequence[Constraint], response: str, loosely: bool = False) -> list[Constraint]:
    """The constraints that `response` does not meet; all if the answer is empty.

    loosely: also tries without the first line, the last or both, and without asterisks, separately for each constraint:
        this forgives a greeting or bold print, and some wrong answers (IFEval, "loose accuracy").
    """
    answer = written(response)
    texts = [text for text in (_variants(answer) if loosely else [answer]) if text.strip()]
    return [constraint for constraint in constraints if not any(map(constraint.is_met_by, texts))]


def _variants(text: str) -> list[str]:
    lines = text.split("\n")
    cut = [text, *("\n".join(kept).strip() for kept in (lines[1:], lines[:-1], lines[1:-1]))]
    return [*cut, *(variant.replace("*", "") for variant in cut)]
