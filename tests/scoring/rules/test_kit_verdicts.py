"""What the kits themselves said about given responses; `tests/interop/test_kits.py` asks them again."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.rules.rule_sets import RULES, as_scored, scorer
from demiglace.scoring.verdict import Expected

KITS = ("lmms-eval-0.7.3", "vlmevalkit-2026-08")
RECORDED = [json.loads(line) for line in Path(__file__).with_name("kit_verdicts.jsonl").read_text().splitlines()]
GUIDE = Path(__file__).parents[3] / "docs" / "scoring.md"
EXAMPLE = re.compile(r"\| ([\w ]+?)(?: \([^|]*\))? \|.*\| (\S+), \"(.*)\": (\S+), (\S+), (\S+) \|")
FAMILIES = sorted({row[0] for row in RECORDED})


def by_rules(kit: str, family: str, response: str, answers: list[str], choices: dict[str, str]) -> float | None:
    said = as_scored([response], kit)[0] if family.startswith("contained") else response
    score = scorer(family, kit)(said, Expected(tuple(answers), choices)).score
    return score if score is None else round(score, 6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kit", KITS)
def test_rules_give_the_recorded_verdicts(kit: str, family: str) -> None:
    rows = [row for row in RECORDED if row[0] == family]
    said = [(row[1], row[2][0], by_rules(kit, *row[:4])) for row in rows]
    assert said == [(row[1], row[2][0], row[4][KITS.index(kit)]) for row in rows]


def test_every_family_of_the_kits_is_recorded() -> None:
    assert set(FAMILIES) == set(RULES[KITS[0]]) == set(RULES[KITS[1]])


def test_the_kits_differ_among_themselves() -> None:
    assert (len(RECORDED), sum(first != second for *_, (first, second) in RECORDED)) == (286, 81)


def test_mmmu_in_lmms_eval_counts_what_it_cannot_read_by_chance() -> None:
    verdict = scorer("choice of MMMU", KITS[0])("Nobody could tell", Expected(("C",), dict.fromkeys("ABCD", "x y z")))
    assert (verdict.score, verdict.counted) == (None, 0.25)


@pytest.mark.parametrize(
    ("column", "scored"),
    [
        (["007"], ["7"]),
        (["007", "12", "yes"], ["007", "12", "yes"]),
        (["007", "None"], ["7.0", "nan"]),
        (["0.10", "3"], ["0.1", "3.0"]),
        (["None", "yes", "N/A", ""], ["nan", "yes", "nan", "nan"]),
        (["True", "false"], ["True", "False"]),
        (["1,234", "5"], ["1,234", "5"]),
    ],
)
def test_vlmevalkit_scores_what_a_sheet_gives_back(column: list[str], scored: list[str]) -> None:
    assert as_scored(column, KITS[1]) == scored
    assert as_scored(column, KITS[0]) == as_scored(column) == column


def test_the_guide_has_an_example_of_each_family_that_kits_score() -> None:
    examples = EXAMPLE.findall(GUIDE.read_text())
    assert {family for family, *_ in examples} == set(FAMILIES)
    for family, answer, response, *scores in examples:
        choices = {"A": "cat", "B": "dog", "C": "horse", "D": "bird"} if family.startswith("choice") else {}
        expected = Expected((answer,) * (10 if family == "VQA accuracy" else 1), choices)
        said = [scorer(family, rules)(response, expected).score for rules in ("demiglace", *KITS)]
        assert said == [None if score == "-" else float(score) for score in scores], family
