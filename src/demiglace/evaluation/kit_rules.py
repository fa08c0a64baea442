"""Which rule a kit has for a benchmark, where it is not the one for its family; docs/scoring.md has the table."""

from __future__ import annotations

from collections.abc import Mapping

from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.rule_sets import LMMS_EVAL_NAME, VLMEVALKIT_NAME, scorer
from demiglace.scoring.verdict import Scorer

_JUDGED = "a judge model decides there"
_ABSENT = "the kit does not have it"
_NOT_COPIED = "its rule there is not copied here"
_REFUSED: Mapping[str, Mapping[str, str]] = {
    LMMS_EVAL_NAME: {
        "MMBench": _JUDGED,
        "MathVista": _JUDGED,
        "HallusionBench": _JUDGED,
        "MotionBench": _NOT_COPIED,
    },
    VLMEVALKIT_NAME: {
        "MathVista": _JUDGED,
        "MLVU": _NOT_COPIED,
        "LVBench": _ABSENT,
        "MotionBench": _ABSENT,
    },
}
_OTHER_FAMILIES: Mapping[tuple[str, str], Family] = {(LMMS_EVAL_NAME, "MMStar"): "choice of a video"}


def kit_family(benchmark: str, family: Family, rules: str) -> Family:
    """The family by which those rules score a benchmark; ValueError where they have no rule for that benchmark."""
    if reason := _REFUSED.get(rules, {}).get(benchmark):
        raise ValueError(f"the rules {rules!r} do not score {benchmark}: {reason}")
    return _OTHER_FAMILIES.get((rules, benchmark), family)


def benchmark_scorer(benchmark: str, family: Family, rules: str) -> Scorer:
    """The scorer of an example of a benchmark; ValueError as of `kit_family` and `scorer`."""
    return scorer(kit_family(benchmark, family, rules), rules)
