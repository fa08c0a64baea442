import pytest
from rollouts import group, rollout

from demiglace.rl.rollout import Rollout


def test_thoughts_and_answer_are_told_apart_by_mode():
    long = rollout("I see red.\n</think>\n\nred", "long")
    assert (long.thoughts, long.answer) == ("I see red.", "red")
    assert rollout("I see", "long", "length").answer == ""
    assert rollout("red").answer == "red"


def test_an_answer_cut_at_the_limit_is_known():
    assert rollout("red", stopped_by="length").is_cut
    assert not rollout("red").is_cut
    assert group("red", "blue").mode == "short"


def test_each_token_has_a_log_probability():
    with pytest.raises(ValueError, match="prompt 7 has 2 tokens, but 1 log-probabilities"):
        Rollout(7, "short", (1, 2), (-0.5,), 0, "end", "")
    with pytest.raises(ValueError, match="2 tokens, but 3 log-probabilities"):
        Rollout(7, "short", (1, 2), (-0.5, -0.5), 0, "end", "", (-1.0, -1.0, -1.0))
