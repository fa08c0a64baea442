"""Questions become conversations, and a rule says whether an answer is right."""

import pytest

from demiglace.conversation import Text
from demiglace.data.questions import Question, conversation, is_right

COUNT = Question(
    "count", "How many? A number.", "3", "There are 3 squares.", ("One at the left, two at the right.", "1 + 2 = 3.")
)


def test_short_long_and_spoken_answers():
    short, long, spoken = (
        conversation(COUNT, [Text("(a picture)")], *how) for how in ((False,), (True,), (False, True))
    )
    said = [asked.messages[-1].content[0].text for asked in (short, long, spoken)]
    assert said[0] == "3"
    assert said[1] == "<think>\nOne at the left, two at the right.\n1 + 2 = 3.\n</think>\n\n3"
    assert said[2] == "There are 3 squares."
    assert [short.thinking, long.thinking] == [False, True]
    assert short.messages[0].content == (Text("(a picture)"), Text("How many? A number."))


def test_what_cannot_be_a_question_is_refused():
    with pytest.raises(ValueError, match="no steps"):
        conversation(Question("colour", "Which?", "red", "It is red."), [], long=True)
    for texts in (("", "a", "b"), ("q", " ", "b"), ("q", "a", "b</think>")):
        with pytest.raises(ValueError, match="empty text, or one with a mark"):
            Question("colour", *texts)


@pytest.mark.parametrize(
    ("said", "answer", "right"),
    [
        ("3", "3", True),
        ("There are 3 squares.", "3", True),
        ("3.0", "3", True),
        ("There are 2 circles and 3 squares.", "3", False),
        ("13", "3", False),
        ("1,250.50", "1250.50", True),
        ("The total is $1,250.50.", "1250.5", True),
        ("Red.", "red", True),
        ("The square is dark red", "red", True),
        ("It is coloured", "red", False),
        ("-4", "4", False),
        ("", "4", False),
        ("left " * 60, "left", False),
    ],
)
def test_right_and_wrong(said, answer, right):
    assert is_right(said, answer) == right
