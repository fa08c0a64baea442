"""Arms of the experiments with RL differ as they say, and shares come with intervals over questions."""

from collections import Counter

import figures
import pytest
from arms import ARMS, RuleSentencePrompts, SentencePrompts, recipe_of

from demiglace.data.mixture import Mixture
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.model.hub import folder_of
from demiglace.recipes.hybrid_rl import numbers_of


@pytest.mark.parametrize(
    ("prompts", "scored_by"), [(SentencePrompts, {"short": "rule", "long": "probability"}), (RuleSentencePrompts, None)]
)
def test_sentences_are_asked_for_and_are_the_references(prompts, scored_by):
    source = GeneratedQuestions("colours", {"colours": 1.0}, text_share=0, kinds=["scene_colour"])
    asked = prompts(Mixture((source,), (1.0,), (1.0,)), 0.5, seed=3)
    for number, draw in enumerate(asked.draws(0, 4)):
        prompt = asked.read(number, draw)
        assert prompt.messages[-1].content[-1].text == prompt.question.text
        assert prompt.question.text.endswith("Answer in a sentence.")
        assert prompt.question.answer == prompt.question.spoken
        assert prompt.scored_by == (scored_by[prompt.mode] if scored_by else "rule")


def test_arms_differ_as_they_say():
    nano = numbers_of("nano")
    made = {arm: recipe_of(arm, 0, 3, folder_of(None), folder_of("nano-reader")) for arm in ARMS}
    assert {arm: recipe.numbers.long_share for arm, recipe in made.items() if recipe.numbers.long_share != 0.5} == {
        **dict.fromkeys(("short", "wide short"), 0.0),
        **dict.fromkeys(("long", "sentences", "sentences by rule"), 1.0),
        **dict.fromkeys(("wide long", "wide sentences", "wide sentences by rule"), 1.0),
    }
    assert [arm for arm, recipe in made.items() if recipe.reward_model] == [
        "reward model",
        "reward model sees thoughts",
    ]
    wide = {arm: recipe.numbers.learning_rate for arm, recipe in made.items() if len(recipe.mixture.entries) == 13}
    assert wide.pop("wide fast") == 2e-4
    assert wide == dict.fromkeys(("wide", "wide short", "wide long", "wide sentences", "wide sentences by rule"), 5e-5)
    assert {made[arm].numbers.learning_rate for arm in made.keys() - wide - {"wide fast"}} == {nano.learning_rate}
    assert Counter(recipe.numbers.policy == made["hybrid"].numbers.policy for recipe in made.values())[True] == 4
    assert Counter(recipe.numbers.policy == made["wide"].numbers.policy for recipe in made.values())[True] == 4


def record(model, number, right, mode="short", domain="flashes"):
    return {
        "model": model, "domain": domain, "number": number, "mode": mode, "temperature": 0.0,
        "right": right, "tokens": 4, "cut": False,
    }  # fmt: skip


def test_a_share_counts_questions_and_not_their_answers():
    records = [record("hybrid-0", 0, True), record("hybrid-1", 0, True), record("hybrid-0", 1, False)]
    found = figures.cell(records)
    assert (found["right"], found["answers"], found["interval"]) == (0.5, 3, [0.0, 1.0])
    assert [figures.arm_of(one) for one in records] == ["hybrid"] * 3
    assert [figures.seed_of(one) for one in [*records, record("untouched", 0, True)]] == [0, 1, 0, None]


def test_arms_are_compared_question_by_question():
    before = [record("untouched", number, number % 2 == 0) for number in range(40)]
    after = [record("no_format-0", number, True) for number in range(40)]
    found = figures.difference([*before, *after], "no format", "untouched", "short", 0.0)
    assert found["points"] == 50
    assert 30 < found["interval"][0] < 50 < found["interval"][1] < 70
