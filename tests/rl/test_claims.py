"""Answers of the project's own world and of real text, split into claims."""

import pytest

from demiglace.rl.claims import (
    MOST_CLAIMS,
    YES_OR_NO,
    SplitAnswer,
    claims_by_rule,
    split_by_model,
    split_by_rule,
    written_claims,
)
from demiglace.scoring.question import in_a_sentence
from demiglace.synthesis.clips import kinds
from demiglace.synthesis.questions import topics


def asked(answer, question="What is there?"):
    return [claim.question.removesuffix(YES_OR_NO) for claim in claims_by_rule(question, answer)]


@pytest.mark.parametrize(
    ("answer", "questions"),
    [
        (
            "top: red circle, orange star; middle: nothing; bottom: red circle",
            [
                "Is there a red circle in the top row?",
                "Is there an orange star in the top row?",
                "Is there nothing in the middle row?",
                "Is there a red circle in the bottom row?",
            ],
        ),
        (
            "Row by row, top: nothing; middle: blue cross; bottom: nothing.",
            [
                "Is there nothing in the top row?",
                "Is there a blue cross in the middle row?",
                "Is there nothing in the bottom row?",
            ],
        ),
        ("The red cross appeared.", ["Did the red cross appear?"]),
        ("The red cross appeared last.", ["Did the red cross appear last?"]),
        ("A star appeared 5 times.", ["Did a star appear 5 times?"]),
        ("The star flashes up.", ["Does the star flash up?"]),
        ("The circle is red.", ["Is the circle red?"]),
        ("There are 3 circles.", ["Are there 3 circles?"]),
        ("At 0.0 s I see the red circle and the blue star.", ["Is there a red circle?", "Is there a blue star?"]),
        ("I see a cross, an orange star.", ["Is there a cross?", "Is there an orange star?"]),
        ("I see no shape.", ["Is there no shape?"]),
        ("It jumps over the fence.", ["Is it true that it jumps over the fence?"]),
        ("The dog is brown. The dog is brown. It runs!", ["Is the dog brown?", "Is it true that it runs?"]),
        ("", []),
        ("... !", []),
    ],
)
def test_each_claim_of_an_answer_is_a_question_once(answer, questions):
    assert asked(answer) == questions


def test_an_answer_that_is_no_sentence_is_a_claim_about_its_question():
    question = "What colour is the star? Answer with a colour."
    assert asked("black", question) == ["What colour is the star? Is the answer black?"]
    assert asked("Black.", question) == ["What colour is the star? Is the answer Black?"]
    assert asked("No. The dog is brown.", "Is it a cat?") == ["Is it a cat? Is the answer No?", "Is the dog brown?"]


@pytest.mark.parametrize(
    "line", ["1. **Is it red?**", "* Is it red?", "*Is it red?*", '- "Is it red?"', "“Is it red?”", "2、Is it red?"]
)
def test_questions_of_a_models_list_may_be_emphasised_or_quoted(line):
    others = 'Does the sign say "STOP"?\n是红色的吗？'
    found = [claim.statement for claim in written_claims(f"{line}\n{others}")]
    assert found == ["Is it red?", *others.splitlines()]


def test_true_answers_of_all_drawn_questions_make_claims():
    drawn = [topics.held_out_question(topic, number)[1] for topic in ("scenes", "shapes") for number in range(6)]
    drawn += [kinds.held_out_question(kind, 0).question for kind in ("appear", "flashes", "order", "recolour")]
    for question in drawn:
        for one, said in ((question, question.answer), (in_a_sentence(question), question.spoken)):
            claims = claims_by_rule(one.text, said)
            assert claims, said
            assert all(claim.question.endswith("?" + YES_OR_NO) for claim in claims)


def test_too_many_claims_are_an_error():
    text = " ".join(f"Thing {number} is red." for number in range(MOST_CLAIMS + 1))
    with pytest.raises(ValueError, match=f"makes {MOST_CLAIMS + 1} claims, more than {MOST_CLAIMS}"):
        claims_by_rule("What?", text)


def test_a_model_splits_real_text_by_a_prompt():
    prompts = []

    def write(texts):
        prompts.extend(texts)
        listed = "Here they are:\n- Is there a dog?\n2. Is the dog brown?\n* Is there a dog?\n"
        return [listed, "I cannot help.", None]

    asked = [("What is there?", "A brown dog sleeps."), ("Who?", "Nobody."), ("What?", "A crowd.")]
    first, second, cut = split_by_model(write)(asked)
    assert [claim.statement for claim in first.claims] == ["Is there a dog?", "Is the dog brown?"]
    assert first.claims[0].question == "Is there a dog? Answer yes or no."
    assert "Question: What is there?\nAnswer: A brown dog sleeps." in prompts[0]
    assert second.claims == ()
    assert second.problem.endswith("got 'I cannot help.'")
    assert cut == SplitAnswer(problem="its list of claims is cut after 1024 tokens")


def test_answers_are_split_by_rule_together():
    many = " ".join(f"Thing {number} is red." for number in range(MOST_CLAIMS + 1))
    first, second, third = split_by_rule([("What?", "The dog is brown."), ("What?", many), ("What?", "...")])
    assert [claim.question for claim in first.claims] == ["Is the dog brown?" + YES_OR_NO]
    assert "more than 64" in second.problem
    assert third.problem == "makes no claim"
