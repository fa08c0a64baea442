"""The rule that each kit has for a benchmark, as the guide tells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.kit_rules import benchmark_scorer, kit_family
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.scores import score_predictions
from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.rule_sets import RULES

KITS = ("lmms-eval-0.7.3", "vlmevalkit-2026-08")
GUIDE = Path(__file__).parents[2] / "docs" / "scoring.md"
ROW = re.compile(rf"^\| ((?:{'|'.join(BENCHMARKS)})(?:, [\w-]+)*) \| (.*?) \| (.*?) \|$", re.MULTILINE)
FAMILIES: dict[str, tuple[Family, ...]] = {
    **dict.fromkeys(("MMBench", "MMStar", "AI2D"), ("choice",)),
    "MMMU": ("choice of MMMU", "open question of MMMU"),
    "MathVista": ("choice", "short answer", "rounded number"),
    **dict.fromkeys(("DocVQA", "InfoVQA"), ("ANLS",)),
    "ChartQA": ("relaxed number",),
    "TextVQA": ("VQA accuracy",),
    "OCRBench": ("contained text", "contained formula"),
    "HallusionBench": ("yes or no",),
    **dict.fromkeys(("Video-MME", "MLVU", "LVBench", "MotionBench"), ("choice of a video",)),
}


def told(benchmark: str, rules: str) -> str:
    """What the guide's table should have."""
    try:
        return ", ".join(kit_family(benchmark, family, rules) for family in FAMILIES[benchmark])
    except ValueError as error:
        reason = str(error).removeprefix(f"the rules {rules!r} do not score {benchmark}: ")
        return f"refused: {reason}"


def test_the_guide_has_the_rule_of_each_benchmark() -> None:
    rows = {name: cells for names, *cells in ROW.findall(GUIDE.read_text()) for name in names.split(", ")}
    assert rows == {name: [told(name, rules) for rules in KITS] for name in FAMILIES}


def predicted(answer: str) -> Prediction:
    choices = {"A": "red", "B": "green", "C": "blue", "D": "none"}
    return Prediction("1", "", "Which?", "choice", ["B"], choices, {}, {}, "", Reply(answer=answer))


def test_mmstar_in_lmms_eval_is_scored_by_its_own_rule() -> None:
    """AI2D's rule reads no letter behind other words."""
    verdicts = [
        score_predictions([predicted("The answer is B")], KITS[0], benchmark=name)[0].counted
        for name in ("MMStar", "AI2D")
    ]
    assert verdicts == [1.0, 0.0]


@pytest.mark.parametrize(
    ("benchmark", "rules"),
    [
        *((name, KITS[0]) for name in ("MMBench", "MathVista", "HallusionBench", "MotionBench")),
        *((name, KITS[1]) for name in ("MathVista", "MLVU", "LVBench", "MotionBench")),
    ],
)
def test_a_benchmark_without_a_rule_in_a_kit_is_refused_by_name(benchmark: str, rules: str) -> None:
    with pytest.raises(ValueError, match=f"the rules '{rules}' do not score {benchmark}: "):
        benchmark_scorer(benchmark, FAMILIES[benchmark][0], rules)


def test_our_rules_score_every_benchmark() -> None:
    for name, families in FAMILIES.items():
        for family in families:
            assert benchmark_scorer(name, family, "demiglace") is RULES["demiglace"][family]
