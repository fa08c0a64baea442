"""Generated questions: valid whatever their kind, functions of row and seed, and mixed as they are asked to be."""

import pickle

import numpy as np
import pytest

from demiglace.conversation import Image
from demiglace.data.sources.generated_questions import GeneratedQuestions

rendered = pytest.mark.usefixtures("training_faces", "installed_prose")


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
def test_a_question_alone_is_the_one_that_its_sample_asks_first():
    source = GeneratedQuestions("made", {"scenes": 1.0, "colours": 1.0}, spoken_share=0, turns_share=0)
    for row in range(8):
        parts, question = source.ask(0, row, (3,))
        pictures = [np.asarray(part.source).tobytes() for part in parts]
        shown, text, said, thinking = content(source, row)
        assert (pictures, question.text) == (shown, text)
        assert thinking or said == question.answer


def test_kinds_that_are_named_alone_are_asked():
    source = GeneratedQuestions("made", {"colours": 1.0}, text_share=0, kinds=["scene_colour"])
    assert {source.ask(0, row, (3,))[1].kind for row in range(8)} == {"scene_colour"}
    with pytest.raises(ValueError, match="made: of 200 questions none is of the kinds form_label"):
        GeneratedQuestions("made", {"colours": 1.0}, text_share=0, kinds=["form_label"]).ask(0, 0, (3,))


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
