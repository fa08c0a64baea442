"""The filter of long answers lets right ones pass and says what is wrong with others."""

import operator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demiglace.data.answer_filter import fault, repeats, teaches_reasoning, wrong_claims
from demiglace.data.questions import Question, reply

QUESTION = Question("sum", "What is 3 + 4?", "7", "The sum is 7.", ("3 + 4 = 7", "Check: 7 - 4 = 3."))


def said(reasoning, answer="7"):
    return f"<think>\n{reasoning}\n</think>\n\n{answer}"


@pytest.mark.parametrize("spoken", [False, True])
def test_what_a_question_says_itself_passes(spoken):
    assert fault(reply(QUESTION, long=True, spoken=spoken), QUESTION) is None


@pytest.mark.parametrize("steps", [(), ("3 + 4 = 8",), ("Once more, the sum of the two numbers here. " * 3,)])
def test_only_steps_that_pass_teach(steps):
    assert teaches_reasoning(QUESTION)
    assert not teaches_reasoning(replace(QUESTION, steps=steps))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (said("3 + 4 = 7", answer="8"), "answer"),
        (said("3 + 4 = 8, no, 7"), "claim: 3 + 4 = 8"),
        (said("One more look at the sum of the two numbers. " * 3), "repetition"),
        ("3 + 4 = 7\n</think>\n\n7", "marks"),
        ("<think>\n3 + 4 = 7\n\n7", "marks"),
        (said("3 + 4 = 7\n</think>\n<think>"), "marks"),
        (said(" "), "marks"),
        (said("3 + 4 = 7", answer=""), "marks"),
        ("7", "marks"),
    ],
)
def test_each_fault_is_named(text, why):
    assert fault(text, QUESTION) == why


def test_an_answer_that_names_two_choices_is_none():
    way = Question("way", "Left or right?", "left", "It is left.", ("Left.",), ("left", "right"))
    assert fault(said("Look.", answer="To the left."), way) is None
    assert fault(said("Look.", answer="To the left or to the right."), way) == "answer"


@pytest.mark.parametrize(
    "claim",
    [
        "12 - 7 = 5",
        "2 + 3 * 4 = 14",
        "3.50 + 4.25 = 7.75",
        "7 / 2 = 3.5",
        "1 / 3 = 0.33",
        "2 × 3 = 6 = 5 + 1",
        "12 > 7",
        "-3 < 2",
        "5 - -3 = 8",
        "1,200 + 300 = 1,500",
        "x - 1 = 4",
        "3 cm + 4 cm = 9 cm",
        'It says "2 + 2 = 5".',
        "a3 = 4",
    ],
)
def test_claims_that_hold_or_are_none(claim):
    assert wrong_claims(f"So {claim}, it seems.") == []


@pytest.mark.parametrize(
    "claim",
    [
        "12 - 7 = 6",
        "2 + 3 * 4 = 20",
        "3.50 + 4.25 = 7.754",
        "7 / 2 = 3.6",
        "1 / 3 = 0.34",
        "1 / 0 = 0",
        "7 > 12",
        "3 = 4",
        "2 + 2 = 4 = 5",
        "3 < 3",
        "10 / 4 < 2",
    ],
)
def test_claims_that_do_not_hold(claim):
    assert wrong_claims(f"So {claim}.\nAnd 1 + 1 = 2.") == [claim]


@settings(deadline=None)
@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from("+-*"), st.integers(-3, 3))
def test_a_claim_is_wrong_by_as_much_as_it_is_off(one, other, sign, off):
    value = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](one, other)
    assert (wrong_claims(f"{one} {sign} {other} = {value + off}") == []) == (off == 0)


def test_phrases_are_counted():
    assert repeats("a b c a b c a b", num_words=3) == 2
    assert repeats("the same word again", num_words=8) == 0
    assert repeats("so " * 50) == 43
