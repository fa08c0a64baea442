"""Choices of rows by letter, and the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from demiglace.evaluation.dataset.choices import choices_of, lettered, right_letter, split_question
from demiglace.evaluation.dataset.row import Row

COLOURS = {"A": "red", "B": "blue"}


@pytest.mark.parametrize(
    "fields",
    [
        {"A": "red", "B": "blue", "C": ""},
        {"options": ["red", "blue"]},
        {"options": "['red', 'blue']"},
        {"candidates": ["A. red", "B. blue"]},
        {"choices": '["(A) red", "(B) blue"]'},
    ],
)
def test_choices_are_read_from_columns_and_lists(fields: dict[str, object]) -> None:
    assert choices_of(Row(fields, Path(), "row 1")) == COLOURS


def test_texts_that_only_look_lettered_stay() -> None:
    assert lettered(["A. Smith", "A. Jones"]) == {"A": "A. Smith", "B": "A. Jones"}


@pytest.mark.parametrize(("answer", "letter"), [("B", "B"), ("(b)", "B"), ("B.", "B"), ("blue", "B"), ("Red", "A")])
def test_answers_are_letters_or_texts(answer: str, letter: str) -> None:
    assert right_letter(answer, COLOURS, "row 1") == letter


def test_a_number_is_a_text_unless_choices_are_numbered() -> None:
    numbers = {"A": "1", "B": "0"}
    assert right_letter("0", numbers, "row 1") == "B"
    assert right_letter("0", numbers, "row 1", numbered=True) == "A"


def test_a_text_that_is_also_a_letter_is_the_text_where_answers_are_texts() -> None:
    letters = {"A": "B", "B": "D", "C": "A", "D": "C"}
    assert [right_letter(text, letters, "row 1", texts=True) for text in "BDAC"] == list("ABCD")
    assert right_letter("B", letters, "row 1") == "B"
    assert right_letter("B", COLOURS, "row 1", texts=True) == "B"


def test_an_answer_that_is_no_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 has the answer 'E', but its choices are A, B"):
        right_letter("E", COLOURS, "row 1")


@pytest.mark.parametrize("mark", ["({}) ", "{}. ", "{}) "])
def test_choices_below_a_question_are_taken_apart(mark: str) -> None:
    text = "\n".join(["What colour?", mark.format("A") + "red", mark.format("B") + "blue"])
    assert split_question(text) == ("What colour?", COLOURS)


def test_a_choice_may_go_on_in_the_next_line() -> None:
    """lmms-eval's reader of MotionBench takes all text up to the next letter; the second line was lost."""
    text = "Which first?\nA. The left hand\n rises.\nB. The ball\nfalls."
    assert split_question(text) == ("Which first?", {"A": "The left hand\n rises.", "B": "The ball\nfalls."})


def test_a_question_without_choices_stays_whole() -> None:
    assert split_question("What?\nB. not the first") == ("What?\nB. not the first", {})
