import math

import numpy as np
import pytest

from demiglace.rl.advantages import STD_EPS, advantages, has_spread


def test_the_mean_of_the_group_is_the_baseline():
    assert advantages([1.0, 0.0, 0.0, 1.0]) == [0.5, -0.5, -0.5, 0.5]
    found = advantages([2.0, 0.5, -1.0])
    assert sum(found) == pytest.approx(0)
    assert found == pytest.approx([1.5, 0.0, -1.5])


def test_by_choice_they_are_divided_by_the_standard_deviation():
    rewards = [1.0, 0.0, 0.25, 0.0]
    wanted = (np.array(rewards) - np.mean(rewards)) / (np.std(rewards, ddof=1) + STD_EPS)
    assert advantages(rewards, by_std=True) == pytest.approx(wanted.tolist())


@pytest.mark.parametrize("by_std", [False, True])
def test_rounding_is_no_spread(by_std):
    rewards = [float(np.float32(0.9)), 0.9, float(np.float32(0.3)) * 3]
    assert len(set(rewards)) == 3
    assert not has_spread(rewards)
    assert advantages(rewards, by_std) == [0.0, 0.0, 0.0]
    assert has_spread([0.9, 0.9 + 2e-6])


@pytest.mark.parametrize("by_std", [False, True])
def test_what_cannot_be_scored_leaves_the_baseline(by_std):
    found = advantages([1.0, None, 0.0, None], by_std)
    assert found[1] is None
    assert found[3] is None
    assert [found[0], found[2]] == advantages([1.0, 0.0], by_std)
    assert not has_spread([None, None])
    assert not has_spread([1.0, None])
    assert advantages([None, 1.0]) == [None, 0.0]


@pytest.mark.parametrize("damaged", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_not_finite_is_told(damaged):
    with pytest.raises(ValueError, match="1 of 3 rewards of a group are not finite"):
        advantages([1.0, damaged, 0.0])
