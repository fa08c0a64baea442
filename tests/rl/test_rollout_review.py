import PIL.Image
import pytest
from rollouts import COLOUR, group, rollout

from demiglace.rl.rollout import Reward
from demiglace.rl.rollout_log import ScoredGroup
from demiglace.rl.rollout_review import ReviewedGroup, review
from demiglace.rl.rollout_sheet import rollout_sheet, terms_in_words


def scored(prompt_id, *values, domain="colours", response="red"):
    made = group(*(rollout(f"{response} {place}", prompt_id=prompt_id) for place in range(len(values))), domain=domain)
    return ScoredGroup(made, "rule", tuple(Reward(value) for value in values), (0.0,) * len(values))


def ids(reviewed, title):
    return [one.scored.group.prompt_id for one in reviewed if one.title.startswith(title)]


def test_the_best_and_the_worst_come_in_order():
    found = review([scored(0, 1.0, 0.0), scored(1, 2.0, 2.0), scored(2, 0.0, 0.0), scored(3, 1.0, 1.5)], count=2)
    assert ids(found, "best") == [1, 3]
    assert ids(found, "worst") == [2, 0]


def test_the_kind_whose_reward_has_changed_most_is_shown_early_and_late():
    steady = [scored(number, 1.0, domain="steady") for number in (0, 2, 4, 6)]
    lifted = [scored(number, number / 10, domain="lifted") for number in (1, 3, 5, 7)]
    groups = sorted([*steady, *lifted], key=lambda one: one.group.prompt_id)
    found = [one for one in review(groups) if "changed" in one.title]
    assert [one.scored.group.prompt_id for one in found] == [1, 7]
    assert found[0].title == "lifted colour short changed most, from 0.10 to 0.70: early"


def test_answers_that_cannot_be_scored_count_for_nothing_and_come_last():
    found = review([scored(0, None, 1.0, 0.5), scored(1, None, None)])
    assert ids(found, "best") == ids(found, "worst") == [0]
    assert [reward.value for _, reward in found[0].answers] == [1.0, 0.5, None]
    with pytest.raises(ValueError, match="0 groups of the run have a reward"):
        review([scored(1, None, None)])


def test_the_page_holds_everything_and_no_markup_of_an_answer():
    one = scored(5, 1.0, response="<script>alert(1)</script>")
    page = rollout_sheet("Run <1>", [(ReviewedGroup("best", one), PIL.Image.new("RGB", (4, 4), "red"))])
    assert "data:image/png;base64," in page
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 0" in page
    assert "best: prompt 5 of colours, short, by rule" in page
    assert COLOUR.text in page


def test_a_reward_is_told_with_its_terms():
    assert terms_in_words(Reward(0.5, {"format": 1.0, "repetition": -0.5})) == "0.5 = format 1 - repetition 0.5"
    assert terms_in_words(Reward(None, {"format": 1.0})) == "not scored = format 1"
    assert terms_in_words(Reward(None)) == "not scored"
