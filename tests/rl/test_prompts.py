import json

import pytest

from demiglace.conversation import Image, Video
from demiglace.data.mixture import Mixture
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.data.sources.generated_instructions import GeneratedInstructions
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.data.sources.jsonl import JsonFile
from demiglace.records.bad_record import BadRecord
from demiglace.rl.prompts import Prompts


def mixture(*sources):
    return Mixture(sources, (1.0,) * len(sources), (1.0,) * len(sources))


WORDS = GeneratedQuestions("words", text_share=1.0)
COLOURS = GeneratedQuestions("colours", topics={"colours": 1.0}, text_share=0.0)


def read(prompts, start, count):
    return [prompts.read(start + at, draw) for at, draw in enumerate(prompts.draws(start, count))]


@pytest.fixture
def records(tmp_path):
    path = tmp_path / "records.jsonl"
    lines = [
        {"messages": [{"role": "user", "content": f"What is {n} + 1?"}, {"role": "assistant", "content": str(n + 1)}]}
        for n in range(5)
    ]
    thought = "<think>\nI count.\n</think>\n\nseven"
    lines.append({"messages": [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": thought}]})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return JsonFile("records", path)


def test_any_prompt_of_the_order_is_the_same_however_one_comes_to_it(records):
    sources = mixture(WORDS, records)
    wanted = read(Prompts(sources, 0.5, seed=3), 0, 12)
    assert read(Prompts(sources, 0.5, seed=3), 7, 5) == wanted[7:]
    again = Prompts(sources, 0.5, seed=3)
    assert [one for start in (0, 4, 8) for one in read(again, start, 4)] == wanted
    assert read(again, 2, 3) == wanted[2:5]
    assert read(Prompts(sources, 0.5, seed=4), 0, 12) != wanted
    assert {one.domain for one in wanted} == {"words", "records"}
    assert len({one.name for one in wanted}) == 12


@pytest.mark.parametrize(("share", "long"), [(0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)])
def test_a_share_of_the_prompts_is_asked_for_long_answers(share, long):
    asked = read(Prompts(mixture(WORDS), share, seed=0), 0, 12)
    assert sum(one.mode == "long" for one in asked) == long
    assert all(one.conversation().thinking == (one.mode == "long") for one in asked)
    assert asked[0].conversation("short").thinking is False


def test_every_record_comes_once_before_one_comes_twice(records):
    asked = read(Prompts(mixture(records), 0.5, seed=0), 0, 12)
    for epoch in (asked[:6], asked[6:]):
        assert sorted(one.question.answer for one in epoch) == ["1", "2", "3", "4", "5", "seven"]


def test_what_is_drawn_brings_a_typed_reference():
    colours, clips = (
        read(Prompts(mixture(source), 0.0, seed=0), 0, 4)
        for source in (COLOURS, GeneratedClips("clips", kinds=("order",), several_share=0.0))
    )
    assert all(isinstance(one.messages[0].content[0], Image) for one in colours)
    assert all(isinstance(one.messages[0].content[0], Video) for one in clips)
    assert all(one.question.is_answered_by(one.question.answer) for one in (*colours, *clips))
    assert any(one.question.choices for one in (*colours, *clips))
    assert all(one.messages[-1].role == "user" for one in (*colours, *clips))


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("3 + 4 = 7, so the result is $\\boxed{7}$.", "7"),
        ("<think>\nI count.\n</think>\n\n<answer> 3 </answer>", "3"),
        ("<answer>\\boxed{-.5}</answer>", "-.5"),
        ("She sold 48/2 = <<48/2=24>>24 clips in May.\nTogether 48+24 = <<48+24=72>>72.\n#### 72", "72"),
        ("#### The answer is 72.", "72"),
        ("#### Clips\n48 and 24 are 72.", "#### Clips\n48 and 24 are 72."),
        ("The answer is B.", "B"),
        ('Answer: 5"', '5"'),
        ("The answer is 7, because two are hidden.", "7"),
        ("\\boxed{7} or \\boxed{8}", "\\boxed{7} or \\boxed{8}"),
        ("It is red, since the sun is low.", "It is red, since the sun is low."),
    ],
)
def test_the_reference_is_what_an_answer_marks_as_its_final_one(tmp_path, answer, reference):
    path = tmp_path / "marked.jsonl"
    messages = [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": answer}]
    path.write_text(json.dumps({"messages": messages}) + "\n")
    (asked,) = read(Prompts(mixture(JsonFile("marked", path)), 0.0, seed=0), 0, 1)
    assert asked.question.answer == reference
    assert asked.question.is_answered_by(reference)
    assert asked.question.is_answered_by(answer.rpartition("</think>")[2])


def test_a_record_without_a_reference_is_named(tmp_path):
    path = tmp_path / "records.jsonl"
    turns = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "<think>\nI see.\n</think>\n\n"}]
    path.write_text(json.dumps({"messages": turns}) + "\n")
    with pytest.raises(BadRecord, match=r"records.jsonl:1: .*"):
        read(Prompts(mixture(JsonFile("records", path)), 0.5, seed=0), 0, 1)


def test_a_share_beyond_all_is_refused():
    with pytest.raises(ValueError, match=r"lies in \[0, 1\], got 1.5"):
        Prompts(mixture(WORDS), 1.5, seed=0)


def constrained(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return Prompts(mixture(JsonFile("own", path)), 0.5, seed=0)


ASKED = {"role": "user", "content": "Say three words."}
THREE_WORDS = [{"kind": "words", "exactly": 3}]


def test_constraints_of_a_record_are_checked_instead_of_its_answer(tmp_path):
    turns = [{"role": "system", "content": "Be brief."}, ASKED, {"role": "assistant", "content": "One two three four."}]
    prompts = constrained(tmp_path / "own.jsonl", {"messages": turns, "constraints": THREE_WORDS})
    for prompt in read(prompts, 0, 2):
        assert [message.role for message in prompt.messages] == ["system", "user"]
        assert prompt.question.text == "Say three words."
        assert prompt.scored_by == "rule"
        assert prompt.question.is_answered_by("A dark sky")
        assert not prompt.question.is_answered_by("One two three four.")


def test_a_record_with_constraints_needs_no_answer(tmp_path):
    (prompt,) = read(constrained(tmp_path / "own.jsonl", {"messages": [ASKED], "constraints": THREE_WORDS}), 0, 1)
    assert [message.role for message in prompt.messages] == ["user"]
    assert prompt.question.answer == prompt.question.wanted == "exactly 3 words"


def test_constraints_that_cannot_be_are_a_bad_record(tmp_path):
    prompts = constrained(tmp_path / "own.jsonl", {"messages": [ASKED], "constraints": [{"kind": "rhyme"}]})
    with pytest.raises(BadRecord, match=r"own.jsonl:1: constraints\[0\]: unknown kind of constraint 'rhyme'"):
        read(prompts, 0, 1)


def test_instructions_are_asked_without_a_picture_in_both_modes():
    asked = read(Prompts(mixture(GeneratedInstructions("instructions")), 0.5, seed=0), 0, 8)
    assert {one.mode for one in asked} == {"short", "long"}
    assert all(one.scored_by == "rule" and len(one.messages[0].content) == 1 for one in asked)
    assert all(one.question.is_answered_by(one.question.answer) for one in asked)
