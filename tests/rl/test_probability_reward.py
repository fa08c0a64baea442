import math

import pytest

from demiglace.rl.probability_reward import mean_probability, probability_reward, scored_by
from demiglace.scoring.question import Question


def question(answer, choices=()):
    return Question("kind", "What?", answer, answer, choices=choices)


@pytest.mark.parametrize(
    ("reference", "way"),
    [
        ("7", "rule"),
        ("$35.25", "rule"),
        ("red", "rule"),
        ("the red circle", "rule"),
        ("12 March 2024", "rule"),
        ("red, blue, green, yellow, white", "rule"),
        ("It moves to the left because it was hit.", "probability"),
        ("a small dog near the door", "probability"),
        ("北京大学", "rule"),
        ("红色的圆形在蓝色的方块上", "probability"),
        ("赤い車が左にある", "probability"),
    ],
)
def test_short_and_typed_references_are_compared_by_rule(reference, way):
    assert scored_by(question(reference), "long") == way
    assert scored_by(question(reference), "short") == "rule"


def test_a_choice_is_compared_by_rule_however_long():
    long, other = "it moves away from the wall", "it moves towards the wall again"
    assert scored_by(question(long), "long") == "probability"
    assert scored_by(question(long, (long, other)), "long") == "rule"


def test_the_mean_is_of_probabilities_and_not_of_their_logarithms():
    assert mean_probability([math.log(0.5), math.log(0.1)]) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="at least 1 token, got 0"):
        mean_probability([])


def test_thoughts_are_worth_what_they_add():
    assert probability_reward(0.75, 0.5) == 0.25
    assert probability_reward(0.25, 0.5) == 0.0
