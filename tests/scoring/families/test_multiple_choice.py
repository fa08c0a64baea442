import pytest

from demiglace.scoring.families.multiple_choice import chosen_letter, score_choice
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

CHOICES = {"A": "red", "B": "green", "C": "blue", "D": "yellow"}


@pytest.mark.parametrize(
    "response",
    [
        "C", "c", "C.", "(C)", "C)", "C. blue", "C: blue", "**C**", "$C$", r"\boxed{C}", "Option C",
        "The answer is C", "The correct option is C.", "The answer is (C) blue.", "blue", "It is blue.",
        "A blue one, so C", "Not A. C", "C\n\nBecause A is red", "Both A and D are wrong; C", "<think>A or B</think>C",
        "Based on the picture, the answer is C.", "'C'", "‘C’", "“C”", "'C.'", "'C. blue'", "The answer is 'C'.",
        "Not 'A'. 'C'",
    ],
)  # fmt: skip
def test_a_letter_or_its_text_is_chosen(response: str) -> None:
    assert chosen_letter(response, CHOICES) == "C"
    assert score_choice(response, Expected(("C",), CHOICES)) == Verdict(1.0, "C")
    assert score_choice(response, Expected(("B",), CHOICES)) == Verdict(0.0, "C")


@pytest.mark.parametrize(
    "response",
    [
        "",
        "It is hard to say",
        "A or B",
        "A, B",
        "Because of Brown",
        "C. red",
        "red or blue",
        "E",
        "<think>It is C",
        "'A' or 'C'",
    ],
)
def test_none_is_chosen_by_chance(response: str) -> None:
    assert chosen_letter(response, CHOICES) is None
    assert score_choice(response, Expected(("C",), CHOICES)) == UNREADABLE


@pytest.mark.parametrize(
    ("response", "choices", "letter"),
    [
        ("1,000", {"A": "1000", "B": "2000"}, "A"),
        ("It is 12 %.", {"A": "11%", "B": "12%"}, "B"),
        ("5cm", {"A": "5 cm", "B": "6 cm"}, "A"),
        ("(B) 12", {"A": "10", "B": "11", "C": "12"}, None),
        ("1000 or 2000", {"A": "1,000", "B": "2,000"}, None),
    ],
)
def test_a_number_in_another_writing_chooses_where_no_letter_is_said(
    response: str, choices: dict[str, str], letter: str | None
) -> None:
    assert chosen_letter(response, choices) == letter


def test_choices_may_have_no_text() -> None:
    assert chosen_letter("I choose B.", {"A": "", "B": "", "C": ""}) == "B"


def test_what_a_question_wants_must_be_possible() -> None:
    with pytest.raises(ValueError, match="the answer is 'E', but the choices are A, B, C, D"):
        Expected(("E",), CHOICES)
    with pytest.raises(ValueError, match="0 answers"):
        Expected(())
