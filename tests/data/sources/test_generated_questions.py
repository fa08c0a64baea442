"""Generated questions: valid whatever their kind, functions of row and seed, and mixed as they are asked to be."""

import pickle
from itertools import pairwise

import numpy as np
import pytest

from demiglace.conversation import Image
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.scoring.answer_filter import fault
from demiglace.scoring.answer_match import is_right
from demiglace.scoring.question import reply
from demiglace.synthesis.questions.text_only import random_text_question
from demiglace.synthesis.questions.topics import TEXT, TOPICS, held_out_question

BETWEEN_CHOICES = {
    *("scene_compare", "scene_locate", "scene_colour", "scene_size"),
    *("chart_compare", "chart_largest", "table_compare", "table_largest"),
    *("text_order", "text_place"),
}
KINDS = {
    "scenes": "scene_count scene_compare scene_locate scene_colour scene_size scene_list",
    "colours": "scene_colour scene_list",
    "charts": "chart_read chart_add chart_compare chart_largest table_read table_add table_compare table_largest",
    "receipts": "receipt_total receipt_date receipt_shop receipt_price receipt_count receipt_change receipt_text",
    "short_receipts": "receipt_total receipt_date receipt_shop receipt_price receipt_count receipt_text",
    "forms": "form_field form_label",
    "documents": "page_heading page_number page_answer page_quote page_line page_word",
    TEXT: "text_sum text_difference text_product text_spell text_order text_place text_letters",
}
rendered = pytest.mark.usefixtures("training_faces", "installed_prose")


def ask(topic, seed):
    rng = np.random.default_rng(seed)
    return [random_text_question(rng)] if topic == TEXT else TOPICS[topic](rng, 140)[1]


@rendered
@pytest.mark.parametrize("topic", [*TOPICS, TEXT])
def test_every_question_has_a_checkable_answer_and_right_steps(topic):
    draws = 80 if topic in ("scenes", TEXT) else 20
    questions = [question for seed in range(draws) for question in ask(topic, seed)]
    assert {question.kind for question in questions} == set(KINDS[topic].split())
    for question in questions:
        for said in (question.answer, question.spoken, f"Answer: {question.answer}", f"**{question.answer}**"):
            assert is_right(said, question.answer, question.choices)
        assert bool(question.choices) == (question.kind in BETWEEN_CHOICES)
        for spoken in (False, True) if question.steps else ():
            assert fault(reply(question, long=True, spoken=spoken), question) is None


@rendered
@pytest.mark.parametrize("topic", [*TOPICS, TEXT])
def test_the_answer_to_another_question_of_the_kind_is_wrong(topic):
    questions = [question for seed in range(20) for question in ask(topic, seed)]
    for kind in KINDS[topic].split():
        own = [question for question in questions if question.kind == kind]
        for question, other in pairwise(own):
            if question.answer.casefold() != other.answer.casefold():
                assert not question.is_answered_by(other.answer)
                assert not question.is_answered_by(f"{question.answer} or {other.answer}")


@rendered
def test_one_choice_and_no_other_is_right_in_a_sentence():
    for topic in ("scenes", "charts", TEXT):
        for question in (question for seed in range(30) for question in ask(topic, seed)):
            for wrong in set(question.choices) - {question.answer}:
                assert not is_right(question.spoken, wrong, question.choices)
                assert not is_right(f"It is {question.answer} or {wrong}.", question.answer, question.choices)


def content(source, row, seed=(3,)):
    asked = source.read(0, row, seed)
    user, assistant = asked.messages[0], asked.messages[-1]
    pictures = [np.asarray(part.source).tobytes() for part in user.content if isinstance(part, Image)]
    return pictures, user.content[-1].text, assistant.content[0].text, asked.thinking


@rendered
def test_a_question_is_a_function_of_row_and_seed():
    source = GeneratedQuestions("made")
    assert source.blocks is None
    first = content(source, 7)
    assert content(pickle.loads(pickle.dumps(source)), 7) == first
    assert content(source, 8) != first
    assert content(source, 7, seed=(4,)) != first
    assert source.where(0, 7) == "made, question 7"


@rendered
def test_shares_are_kept_at_their_ends():
    for row in range(8):
        pictures, text, said, thinking = content(
            GeneratedQuestions("made", {"scenes": 1.0}, long_share=1, spoken_share=1, text_share=0, turns_share=0), row
        )
        assert len(pictures) == 1
        assert text.endswith("Answer in a sentence.")
        assert thinking
        assert said.startswith("<think>\n")
        pictures, _, said, thinking = content(GeneratedQuestions("made", long_share=0, text_share=1), row)
        assert pictures == []
        assert thinking is False
        assert "<think>" not in said


@rendered
def test_about_a_tenth_are_without_a_picture():
    source = GeneratedQuestions("made", {"scenes": 1.0})
    assert 5 <= sum(not content(source, row)[0] for row in range(150)) <= 30


@rendered
def test_an_examination_is_repeated_by_its_numbers():
    for topic in (*TOPICS, TEXT):
        parts, question = held_out_question(topic, number=2, seed=1)
        again, same = held_out_question(topic, number=2, seed=1)
        assert question == same
        assert [part.source.tobytes() for part in parts] == [part.source.tobytes() for part in again]
        assert len(parts) == (topic != TEXT)
        assert question.kind in KINDS[topic].split()
    assert held_out_question("scenes", 2)[1] != held_out_question("scenes", 3)[1]


def turns(asked):
    """What is said in each message, after what is shown."""
    return [message.content[-1].text for message in asked.messages]


@rendered
@pytest.mark.parametrize("options", [{"text_share": 0}, {"text_share": 1}], ids=["pictures", "text alone"])
def test_several_questions_are_asked_about_what_is_shown_once(options):
    source = GeneratedQuestions("made", {"scenes": 1.0, "receipts": 1.0}, long_share=0.5, turns_share=1, **options)
    lengths, ways = set(), set()
    for row in range(40):
        asked = source.read(0, row, (3,))
        said = turns(asked)
        lengths.add(len(said) // 2)
        assert len(set(said[::2])) == len(said) // 2  # no question twice
        assert all(len(message.content) == 1 for message in asked.messages[1:])
        assert not any("<think>" in earlier for earlier in said[:-1])
        assert said[-1].startswith("<think>\n") == asked.thinking
        ways.add(asked.thinking)
        for question, answer in zip(said[::2], said[1::2], strict=True):
            answer = answer.split("</think>\n\n")[-1]
            assert question.endswith("Answer in a sentence.") or not answer.startswith(("There ", "The "))
    assert lengths <= {1, 2, 3}
    assert {2, 3} <= lengths
    assert ways == {True, False}


@rendered
def test_how_many_samples_have_turns():
    counts = []
    for share in (0, 0.3):
        source = GeneratedQuestions("made", {"scenes": 1.0}, text_share=0, turns_share=share)
        counts.append(sum(len(turns(source.read(0, row, (3,)))) > 2 for row in range(100)))
    assert counts[0] == 0
    assert 15 <= counts[1] <= 45


@rendered
def test_a_form_is_asked_about_once():
    """Its questions name each other's answers."""
    source = GeneratedQuestions("made", {"forms": 1.0}, text_share=0, turns_share=1)
    assert {len(turns(source.read(0, row, (3,)))) for row in range(4)} == {2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topics": {"poems": 1.0}}, "topics: 'poems' is unknown; there are scenes"),
        ({"topics": {"scenes": 0.0}}, "must not all have the weight 0"),
        ({"topics": {"scenes": -1.0}}, "topics.scenes must be a number in .*, got -1"),
        ({"topics": {"scenes": "many"}}, "topics.scenes must be a number in .*, got 'many'"),
        ({"long_share": 1.5}, "long_share must be a number in"),
        ({"turns_share": -0.1}, "turns_share must be a number in"),
        ({"smallest": 300, "largest": 200}, "got 300 and 200"),
        ({"smallest": 3}, "smallest must be a whole number from 100 to 2000, got 3"),
    ],
)
def test_options_out_of_bounds_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GeneratedQuestions("made", **options)


def test_an_unknown_examination_is_refused():
    with pytest.raises(ValueError, match=r"topic must be one of scenes, .*, text, got 'poems'"):
        held_out_question("poems", 0)
