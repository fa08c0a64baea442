import pytest
from rollouts import group, rollout

from demiglace.rl.rewards import (
    RewardSettings,
    accuracy_by_rule,
    format_rewards,
    group_rewards,
    preference_rewards,
    repetition_rewards,
)

LONG = "I see red.\n</think>\n\n"


def test_the_final_answer_alone_is_compared():
    answers = group("red", "It is red.", "red or green", "blue", "")
    assert accuracy_by_rule(answers) == [1, 1, 0, 0, 0]
    thought = group(f"{LONG}red", f"{LONG}blue", "red", "Red.\n</think>\n\nIt is blue.", mode="long")
    assert accuracy_by_rule(thought) == [1, 0, 0, 0]


def test_a_short_answer_has_no_marks_of_thoughts():
    assert format_rewards(group("red", "blue", "", " ", "</think>red", "<think>")) == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("response", "worth"),
    [
        (f"{LONG}red", 1),
        (f"{LONG}blue", 1),
        ("red", 0),
        ("I see red.\n</think>\n\n", 0),
        ("\n</think>\n\nred", 0),
        (f"{LONG}red</think>", 0),
        (f"<think>{LONG}red", 0),
    ],
)
def test_a_long_answer_has_thoughts_their_end_and_an_answer(response, worth):
    assert format_rewards(group(response, mode="long")) == [worth]


def test_a_cut_answer_is_wrong_however_it_begins():
    cut = group(rollout("red", stopped_by="length"), "red")
    assert accuracy_by_rule(cut) == [0, 1]
    assert format_rewards(cut) == [0, 1]
    left_out, kept = group_rewards(cut, accuracy_by_rule(cut), RewardSettings(cut="left out"))
    assert left_out.value is None
    assert kept.value == 2


def test_a_phrase_that_comes_ten_times_costs_one():
    phrase = "one two three four five six seven eight nine ten "
    answers = group(phrase * 9, phrase * 10, phrase.replace(" ", "_") * 10, "red")
    assert repetition_rewards(answers, 10) == [0, -1, -1, 0]
    assert repetition_rewards(answers, 6) == [-1, -1, -1, 0]
    assert repetition_rewards(group("这个三角形是红色的吗？" * 10, "这个三角形是红色的。"), 10) == [-1, 0]


def test_half_of_the_standardised_score_is_added():
    assert preference_rewards([1.0, 3.0]) == pytest.approx([-0.5, 0.5])
    found = preference_rewards([0.1, 7.0, 2.0, -4.0])
    assert sum(found) == pytest.approx(0)
    assert sum(one**2 for one in found) / 4 == pytest.approx(0.25)
    assert preference_rewards([0.9, 0.3 * 3]) == [0, 0]
    assert preference_rewards([5.0]) == [0]


def test_answers_that_are_left_out_do_not_enter_the_spread_of_the_scores():
    """A cut long answer says nothing, which a reward model scores far from the others."""
    answers = group(f"{LONG}red", f"{LONG}blue", rollout("I see", mode="long", stopped_by="length"), mode="long")
    rewards = group_rewards(answers, [0.0] * 3, RewardSettings(cut="left out"), lambda *_: [1.0, 2.0, -50.0])
    assert [one.terms.get("preference") for one in rewards] == pytest.approx([-0.5, 0.5, None])
    assert rewards[2].value is None


@pytest.mark.parametrize(("sees_thoughts", "shown"), [(False, "red"), (True, f"{LONG}red")])
def test_the_reward_model_sees_the_final_answer_alone_unless_told(sees_thoughts, shown):
    seen = []

    def model(asked, texts):
        seen.extend(texts)
        return [0.0, 1.0]

    answers = group(f"{LONG}red", f"{LONG}blue", mode="long")
    rewards = group_rewards(answers, [1.0, 0.0], RewardSettings(sees_thoughts=sees_thoughts), model)
    assert seen[0] == shown
    assert [one.terms["preference"] for one in rewards] == pytest.approx([-0.5, 0.5])


def test_the_sum_keeps_its_terms():
    answers = group("red", "blue")
    right, wrong = group_rewards(answers, accuracy_by_rule(answers), RewardSettings(), lambda *_: [0.0, 2.0])
    assert right.terms == {"accuracy": 1, "format": 1, "repetition": 0, "preference": -0.5}
    assert (right.value, wrong.value) == (1.5, 1.5)


def test_terms_are_left_out_by_setting():
    answers = group("red", "blue")
    settings = RewardSettings(terms=("accuracy", "preference"))
    assert [one.value for one in group_rewards(answers, [1.0, 0.0], settings)] == [1, 0]


def test_what_has_no_accuracy_cannot_be_scored():
    first, second = group_rewards(group("red", "blue"), [None, 0.0], RewardSettings())
    assert first.value is None
    assert second.value == 1


def test_wrong_settings_and_counts_are_told():
    with pytest.raises(
        ValueError, match="unknown reward 'speed'; choose from accuracy, format, repetition, preference"
    ):
        RewardSettings(terms=("speed",))
    with pytest.raises(ValueError, match="'wrong' or 'left out', got 'kept'"):
        RewardSettings(cut="kept")
    with pytest.raises(ValueError, match="from 2 occurrences on, got 1"):
        RewardSettings(most_repeats=1)
    with pytest.raises(ValueError, match="2 answers, but 1 accuracies"):
        group_rewards(group("a", "b"), [1.0], RewardSettings())
    with pytest.raises(ValueError, match="2 answers, but 3 scores of the reward model"):
        group_rewards(group("a", "b"), [1.0, 0.0], RewardSettings(), lambda *_: [1.0, 2.0, 3.0])
