"""The filter of long answers lets right ones pass and says what is wrong with others."""

from dataclasses import replace

import pytest

from demiglace.scoring.answer_filter import fault, teaches_reasoning
from demiglace.scoring.question import Question, reply

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
