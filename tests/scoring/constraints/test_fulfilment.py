"""Which constraints a response meets, with reasoning, without a word, and with leniency."""

from demiglace.scoring.constraints.constraint import Bounds
from demiglace.scoring.constraints.counted import LetterCount, UnitCount
from demiglace.scoring.constraints.fulfilment import unmet, written
from demiglace.scoring.constraints.written_form import LetterCase
from demiglace.scoring.question import Question

THREE, NO_E, SMALL = (
    UnitCount("words", Bounds.exactly(3)),
    LetterCount("e", Bounds.exactly(0)),
    LetterCase("lower_case"),
)


def test_those_that_are_not_met_are_told_in_order() -> None:
    assert unmet([THREE, NO_E, SMALL], "a dark sky") == []
    assert unmet([THREE, NO_E, SMALL], "The sea") == [THREE, NO_E, SMALL]


def test_reasoning_is_not_looked_at_and_without_an_end_there_is_no_answer() -> None:
    assert written("<think>\nThe E.\n</think>\n\na dark sky ") == "a dark sky"
    assert unmet([THREE, NO_E], "The E.\n</think>\na dark sky") == []
    assert unmet([NO_E], "<think>\na dark sky") == [NO_E]


def test_nothing_meets_nothing() -> None:
    assert unmet([NO_E], " \n") == [NO_E]
    assert unmet([NO_E], "", loosely=True) == [NO_E]


def test_leniency_forgives_a_greeting_a_farewell_and_asterisks() -> None:
    for said in ("Sure, here:\na dark sky", "a dark sky\nBye, there!", "Here:\na dark sky\nThe end", "a dark\n* sky"):
        assert unmet([THREE, NO_E], said, loosely=True) == []
        assert unmet([THREE, NO_E], said) != [] or "*" in said
    assert unmet([THREE], "a dark sky tonight", loosely=True) == [THREE]


def test_a_question_with_constraints_wants_all_of_them() -> None:
    question = Question("instruction", "Three words without e.", "a dark sky", "a dark sky", constraints=(THREE, NO_E))
    assert question.is_answered_by("a big cat")
    assert question.is_answered_by("No.\n</think>\n\na big cat")
    assert not question.is_answered_by("a big hen")
    assert not question.is_answered_by("")
    assert question.wanted == 'exactly 3 words; the letter "e" exactly 0 times'
