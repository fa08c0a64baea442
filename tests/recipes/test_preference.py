import math

import pytest

from demiglace.recipes.preference import NUMBERS, PreferenceRecipe, VerifierChoice, numbers_of


def test_the_paper_s_numbers_are_those_of_its_size():
    numbers = NUMBERS["8b"]
    assert (numbers.batch_pairs, numbers.learning_rate, numbers.beta, numbers.num_steps) == (256, 1e-6, 0.1, 400)
    assert numbers.answers.answers == 10
    assert numbers.pairs_of_a_prompt == 2
    assert numbers.prompts * numbers.pairs_of_a_prompt == numbers.batch_pairs * numbers.num_steps


def test_the_rate_warms_up_and_falls_to_nothing(tmp_path):
    stage = PreferenceRecipe(None, NUMBERS["8b"], tmp_path).stage()
    assert stage.warmup == 20
    assert stage.rate_share(20) == pytest.approx(1, abs=0.01)
    assert stage.rate_share(399) == pytest.approx(0, abs=0.001)


def test_numbers_that_cannot_be_are_errors():
    with pytest.raises(ValueError, match="must be above 0: batch_pairs 0, prompts 0"):
        numbers_of("nano", batch_pairs=0, prompts=0)
    with pytest.raises(ValueError, match="must be above 0: learning_rate inf, beta nan"):
        numbers_of("nano", learning_rate=math.inf, beta=math.nan)
    for weight in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"nll_weight must be a number from 0, got {weight}"):
            numbers_of("nano", nll_weight=weight)
    with pytest.raises(ValueError, match=r"long_share must lie in \[0, 1\], got 2"):
        numbers_of("nano", long_share=2)


def test_a_server_may_move_while_a_run_goes_on():
    here, there = (VerifierChoice(address=f"http://{name}/v1", model="judge") for name in ("here", "there"))
    assert here.settings() == there.settings()
    assert here.settings() != VerifierChoice().settings()
