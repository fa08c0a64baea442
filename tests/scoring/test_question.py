"""Questions become conversations, and know whether they are answered."""

import pytest

from demiglace.conversation import Text
from demiglace.scoring.question import Question, conversation, dialogue, in_a_sentence

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
    assert spoken.messages[0].content[-1] == Text("How many? A number. Answer in a sentence.")


def test_questions_follow_each_other_and_only_the_last_is_reasoned_about():
    colour = Question("colour", "Which colour? Answer with a colour.", "red", "It is red.", ("It is red.",))
    asked = dialogue([colour, COUNT, COUNT], [Text("(a picture)")], True, [True, False, True])
    assert [message.role for message in asked.messages] == ["user", "assistant"] * 3
    assert asked.thinking
    texts = ["|".join(part.text for part in message.content) for message in asked.messages]
    assert texts[:4] == ["(a picture)|Which colour? Answer in a sentence.", "It is red.", "How many? A number.", "3"]
    assert texts[4] == "How many? A number. Answer in a sentence."
    assert texts[5] == "<think>\nOne at the left, two at the right.\n1 + 2 = 3.\n</think>\n\nThere are 3 squares."


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("How many? Answer with a number.", "How many?"),
        ("Which shape came? Name colour and shape.", "Which shape came?"),
        ("Which is larger, a or b? Answer a, b or equal.", "Which is larger, a or b?"),
        ("What is the price of Answer? Answer with a number.", "What is the price of Answer?"),
        ('What follows "The Answer is"? Answer with the word.', 'What follows "The Answer is"?'),
        ('Quote what comes after "An Answer came."', 'Quote what comes after "An Answer came."'),
        ("Count the red ones.", "Count the red ones."),
    ],
)
def test_a_sentence_is_asked_for_in_place_of_another_form(text, asked):
    assert in_a_sentence(Question("any", text, "x", "x")).text == f"{asked} Answer in a sentence."


def test_what_cannot_be_a_question_is_refused():
    with pytest.raises(ValueError, match="no steps"):
        conversation(Question("colour", "Which?", "red", "It is red."), [], long=True)
    for texts in (("", "a", "b"), ("q", " ", "b"), ("q", "a", "b</think>")):
        with pytest.raises(ValueError, match="empty text, or one with a mark"):
            Question("colour", *texts)
    with pytest.raises(ValueError, match="'red' is none of the choices: blue, green"):
        Question("colour", "Which?", "red", "It is red.", choices=("blue", "green"))


def test_a_question_is_answered_by_its_answer_and_by_no_other_choice():
    way = Question("way", "Left or right?", "left", "It is left.", choices=("left", "right"))
    assert way.is_answered_by("To the left.")
    assert not way.is_answered_by("To the left or to the right.")
    assert not way.is_answered_by("right")
