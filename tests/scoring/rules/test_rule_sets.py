from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.rule_sets import RULES, scorer
from demiglace.scoring.verdict import Expected


def test_our_rules_score_every_family() -> None:
    assert set(RULES["demiglace"]) == set(get_args(Family))


def test_a_rule_is_found_by_name() -> None:
    assert scorer("choice")("B", Expected(("B",), {"A": "", "B": ""})).score == 1


def test_unknown_rules_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"unknown rules 'mine'; choose from demiglace, lmms-eval-0\.7\.3, vlmevalkit-2026-08"
    ):
        scorer("choice", "mine")


def test_a_family_that_a_kit_does_not_score_is_named() -> None:
    with pytest.raises(ValueError, match=r"the rules 'lmms-eval-0\.7\.3' do not score 'text'; they score choice, "):
        scorer("text", "lmms-eval-0.7.3")


@settings(deadline=None)
@given(st.text("aeT07.,-% $'/", min_size=1, max_size=12).filter(lambda text: any(map(str.isalnum, text))))
def test_the_answer_itself_is_right(answer: str) -> None:
    asked = {
        "short answer": (answer,), "relaxed number": (answer,), "ANLS": (answer,), "contained text": (answer,),
        "contained formula": (answer,), "text": (answer,), "page text": (answer,), "VQA accuracy": (answer,) * 10,
    }  # fmt: skip
    scores = {family: scorer(family)(answer, Expected(answers)).score for family, answers in asked.items()}
    assert scores == dict.fromkeys(asked, 1.0)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_scores_are_shares_whatever_is_said(response: str) -> None:
    choice, yes = Expected(("A",), {"A": "red", "B": "7", "C": ""}), Expected(("yes",))
    words = Expected(('[{"kind": "words", "at_most": 3}, {"kind": "quoted"}]',))
    table = Expected(("a | b\n--|--\n7 | 8\n\n$$a_7$$",) * 4)
    for rules, families in RULES.items():
        for family in families:
            from_some = family.startswith("choice") or family == "named objects"
            expected = choice if from_some else yes if family.startswith("yes") else table
            expected = words if family.startswith("constraints") else expected
            verdict = scorer(family, rules)(response, expected)
            assert verdict.score is None or 0 <= verdict.score <= 1
            assert 0 <= verdict.counted <= 1
