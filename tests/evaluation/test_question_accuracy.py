"""Right answers are counted by kind, beside what the commonest answer would get."""

from __future__ import annotations

import pytest
from PIL import Image as Pillow

from demiglace import Demiglace
from demiglace.conversation import Image
from demiglace.evaluation.question_accuracy import Score, answer_questions, score, score_by_kind
from demiglace.scoring.question import Question


def question(kind: str, answer: str) -> Question:
    return Question(kind, "How many?", answer, f"There are {answer}.")


def test_right_answers_and_the_commonest_are_counted():
    questions = [question("count", answer) for answer in ("2", "2", "3", "4")]
    assert score(questions, ["2", "There are 2.", "4", ""]) == Score(asked=4, right=2, commonest=2, unfinished=1)


def test_kinds_are_scored_apart():
    questions = [question("count", "2"), question("add", "5"), question("count", "3")]
    found = score_by_kind(questions, ["2", "6", "3"])
    assert list(found) == ["add", "count"]
    assert (found["add"].right, found["count"].right, found["count"].asked) == (0, 2, 2)


@pytest.mark.parametrize(("questions", "said"), [([], []), ([question("count", "2")], [])])
def test_each_question_needs_an_answer(questions, said):
    with pytest.raises(ValueError, match=rf"{len(questions)} questions, but {len(said)} answers"):
        score(questions, said)


def test_every_question_gets_the_answer_that_ask_gives_and_none_where_it_is_cut_off():
    assistant = Demiglace.load()
    pictures = [Pillow.new("RGB", (60, 20 + 10 * number), "white") for number in range(3)]
    asked = [([Image(picture)], question("count", "2")) for picture in pictures]
    said = answer_questions(assistant, asked, most_tokens=24)
    alone = [assistant.ask("How many?", picture, sampling=assistant.sampling) for picture in pictures]
    for one, whole in zip(said, alone, strict=True):
        assert one == (whole.text if whole.stopped_by == "end" and whole.new_tokens < 24 else "")
    assert answer_questions(assistant, asked, most_tokens=1) == [""] * 3
