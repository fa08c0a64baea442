"""Relaxed numbers, ANLS, VQA accuracy, contained texts, yes or no, short answers: tables of verdicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.families.containment import score_contained, score_formula_contained
from demiglace.scoring.families.edit_distance import score_anls, score_text, similarity
from demiglace.scoring.families.relaxed_number import score_relaxed_number
from demiglace.scoring.families.rounded_number import score_rounded_number
from demiglace.scoring.families.short_answer import score_short_answer
from demiglace.scoring.families.vqa_accuracy import agreement, score_vqa
from demiglace.scoring.families.yes_no import score_yes_no
from demiglace.scoring.verdict import UNREADABLE, Expected

texts = st.text(max_size=30)


@pytest.mark.parametrize(
    ("wanted", "response", "score"),
    [
        ("24", "24", 1), ("24", "25.2", 1), ("24", "25.3", 0), ("24", "It comes to 24.9.", 1), ("24", "24%", 1),
        ("24%", "24", 0), ("24%", "0.24", 0), ("40%", "41.9 %", 1), ("5678", "5,700", 1), ("$48", "$49", 1),
        ("$48", "49", 0), ("48", "48 million", 0), ("1995", "1994", 0), ("1995", "1995", 1), ("1,995", "2,000", 1),
        ("0", "0.0", 1), ("0", "0.01", 0), ("-7", "7", 0), ("0.25", "15/60", 1), ("24", "twenty-four", 1),
        ("Yes", "Yes.", 1), ("[3, 8]", "3, 8", 1), ("[3, 8]", "8", 0), ("Oak", "Elm", 0),
        ("24", "24 or 25", None), ("24", "many", None), ("24", "", None), ("24", "<think>24", None),
        ("24", "about 24, not 30", 1), ("24", "not 24", 0),
    ],
)  # fmt: skip
def test_relaxed_number(wanted: str, response: str, score: float | None) -> None:
    assert score_relaxed_number(response, Expected((wanted,))).score == score


def test_the_best_of_several_numbers_counts() -> None:
    assert score_relaxed_number("31", Expected(("24", "30"))).score == 1


@pytest.mark.parametrize(
    ("wanted", "response", "score"),
    [
        ("Oslo", "OSLO", 1), ("Oslo", "Oslo.", 0.8), ("Oslo", "The answer is Oslo", 1), ("wxyz", "wx", 0.5),
        ("wxyz", "w", 0), ("Oslo Norway", " Oslo \n Norway ", 1), ("Oslo", "Rome" + " " * 40, 0), ("Oslo", "", None),
        ("Oslo", "<think>Rome?</think>Oslo", 1), ("it\u2019s", "it's", 1),
    ],
)  # fmt: skip
def test_anls(wanted: str, response: str, score: float | None) -> None:
    assert score_anls(response, Expected((wanted,))).score == (score if score is None else pytest.approx(score))


@pytest.mark.parametrize(
    ("others", "response", "score"),
    [
        (10, "Pepsi Max.", 1), (10, "the pepsi-max", 1), (4, "pepsi max", 1), (3, "pepsi max", 0.9),
        (2, "pepsi max", 0.6), (1, "pepsi max", 0.3), (10, "pepsi", 0), (10, "", None),
        (10, "The answer is Pepsi Max", 1),
    ],
)  # fmt: skip
def test_vqa_accuracy(others: int, response: str, score: float | None) -> None:
    people = ("pepsi max",) * others + tuple(f"another {number}" for number in range(10 - others))
    assert score_vqa(response, Expected(people)).score == (score if score is None else pytest.approx(score))


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("two dogs", "2 dogs", True), ("peter's", "peters", True), ("24/7", "24 7", True), ("1,200", "1200", True),
        ("8:45", "8.45", False), ("60", "60%", False), ("a", "the", False), ("none", "0", True),
        ("no. 7", "no 7", True),
    ],
)  # fmt: skip
def test_people_agree_in_other_writing(one: str, other: str, agree: bool) -> None:
    assert score_vqa(one, Expected((other,) * 10)).score == agree


def test_vqa_accuracy_takes_enough_people() -> None:
    with pytest.raises(ValueError, match="takes 4 answers at least, here are 1"):
        score_vqa("pepsi", Expected(("pepsi",)))


@pytest.mark.parametrize(
    ("wanted", "response", "score"),
    [
        ("HARBOUR", "It says harbour.", 1), ("harbour", "harbourmaster", 0), ("harbour", "har bour", 0),
        ("456", "14567", 0), ("3", "sum: 3", 1), ("3", "3.5", 0), ("north gate", "NORTH\n gate", 1),
        ("ABC", "\uff21\uff22\uff23", 1), ("3", "", None), ("3", "<think>3", None), ("3", "<think>4</think>3", 1),
    ],
)  # fmt: skip
def test_contained_text(wanted: str, response: str, score: float | None) -> None:
    assert score_contained(response, Expected(("elsewhere", wanted))).score == score


@pytest.mark.parametrize(
    ("wanted", "response", "score"),
    [(r"\frac{3}{4}", r"$\frac { 3 } { 4 }$", 1), ("y-2", "Y-2", 0), ("y-2", "y - 21", 0), ("y-2", "y - 2 = x", 1)],
)
def test_contained_formula(wanted: str, response: str, score: float) -> None:
    assert score_formula_contained(response, Expected((wanted,))).score == score


@pytest.mark.parametrize(
    ("response", "word"),
    [
        ("Yes", "yes"), ("No.", "no"), ("no, there is not", "no"), ("Yes, there is a dog.", "yes"), ("**Yes**", "yes"),
        ("", None), ("It is not clear", None), ("Yes and no", None), ("There is no dog", None), ("I see nothing", None),
    ],
)  # fmt: skip
def test_yes_or_no(response: str, word: str | None) -> None:
    verdict = score_yes_no(response, Expected(("Yes",)))
    assert (verdict.read or None, verdict.score) == (word, None if word is None else float(word == "yes"))


def test_what_is_neither_yes_nor_no_is_a_fault() -> None:
    with pytest.raises(ValueError, match="the answer is 'maybe', but it must be yes or no"):
        score_yes_no("yes", Expected(("maybe",)))


def test_a_short_answer_is_right_by_its_type() -> None:
    assert score_short_answer("It is 7.", Expected(("7",))).score == 1
    assert score_short_answer("It is 8.", Expected(("7", "seven apples"))).score == 0
    assert score_short_answer("<think>7", Expected(("7",))) == UNREADABLE


@pytest.mark.parametrize(
    ("response", "score"), [("It is left.", 1), ("right", 0), ("left or right", None), ("up", None), ("88", None)]
)
def test_a_short_answer_that_chooses_nothing_is_unreadable(response: str, score: float | None) -> None:
    assert score_short_answer(response, Expected(("left",), {"left": "left", "right": "right"})).score == score


def test_a_whole_text_is_compared_with_its_case() -> None:
    assert score_text("<think>x</think>Two  lines\nof text", Expected(("Two lines of text",))).score == 1
    assert score_text("two", Expected(("Two",))).score == pytest.approx(2 / 3)
    assert score_text("", Expected(("Two",))) == UNREADABLE
    assert score_text("", Expected(("",))).score == 1


@given(texts, texts)
def test_similarity_is_symmetric_and_of_equals_1(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, one) == 1


@given(st.lists(st.booleans(), min_size=4, max_size=12))
def test_agreement_grows_with_people(agreeing: list[bool]) -> None:
    assert 0 <= agreement([False, *agreeing]) <= agreement([True, *agreeing]) <= 1
    assert agreement([True] * len(agreeing)) == 1
    assert agreement([False] * len(agreeing)) == 0


@pytest.mark.parametrize(
    ("wanted", "response", "score"),
    [
        ("0.67", "0.6667", 1), ("0.67", "It is 0.666 m.", 1), ("1.20", "1.2", 1), ("-0.67", "-0.6667", 1),
        ("0.67", "0.7", 0), ("0.67", "-0.6667", 0), ("0.67", "2/3", 1), ("0.67", "66.67%", 0), ("2.67", "2.675", 1),
        ("0.67", "0.67 or 0.6667 or 0.5", None), ("0.67", "none", None), ("0.67", "not 0.6667", 0), ("7", "7.4", 0),
    ],
)  # fmt: skip
def test_a_number_is_rounded_to_the_decimals_of_the_reference(wanted: str, response: str, score: float | None) -> None:
    assert score_rounded_number(response, Expected((wanted,))).score == score
