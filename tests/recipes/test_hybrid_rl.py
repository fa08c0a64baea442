from dataclasses import replace

import pytest
from mixtures import write_sft_mixture

from demiglace.data.mixture_file import read_mixture
from demiglace.recipes.hybrid_rl import NUMBERS, HybridRlRecipe, numbers_of


@pytest.fixture
def recipe(tmp_path):
    return HybridRlRecipe(read_mixture(write_sft_mixture(tmp_path)), numbers_of("nano"), tmp_path / "start")


def test_the_8b_numbers_are_the_papers():
    numbers = NUMBERS["8b"]
    assert (numbers.policy.batch_prompts, numbers.policy.answers, numbers.policy.long_limit) == (128, 8, 8192)
    assert (numbers.learning_rate, numbers.long_share) == (1e-6, 0.5)


@pytest.mark.parametrize("preset", NUMBERS)
def test_the_rate_is_the_same_in_every_step(recipe, preset):
    stage = replace(recipe, numbers=NUMBERS[preset]).stage()
    assert {stage.rate_share(step) for step in range(stage.num_steps)} == {1.0}


def test_what_decides_a_run_is_written_down_and_what_does_not_is_free(recipe):
    settings = recipe.settings()
    assert settings["numbers"]["policy"]["clip"] == {"low": 0.2, "high": 0.28}
    freely = replace(recipe, numbers=numbers_of("nano", micro_batch_prompts=1, num_steps=7))
    assert freely.settings() == settings
    assert replace(recipe, numbers=numbers_of("nano", long_share=0.0)).settings() != settings


def test_numbers_that_cannot_be_are_told(recipe):
    with pytest.raises(ValueError, match="unknown preset 'huge'; choose from nano, small, 8b"):
        numbers_of("huge")
    with pytest.raises(ValueError, match=r"must be above 0: learning_rate 0.0"):
        numbers_of("nano", learning_rate=0.0)
    with pytest.raises(ValueError, match=r"long_share must lie in \[0, 1\], got 2"):
        numbers_of("nano", long_share=2)
