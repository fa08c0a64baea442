"""The recipe of fine-tuning: its rates, and numbers out of bounds."""

from dataclasses import replace
from pathlib import Path

import pytest

from demiglace.recipes.finetuning import FinetuningRecipe


@pytest.fixture
def recipe():
    return FinetuningRecipe(
        Path("start"), (Path("pictures.jsonl"),), method="full", epochs=4, length=256, batch_rows=2, held_out=0.25
    )


def test_the_rate_falls_as_a_cosine_to_a_tenth(recipe):
    stage = recipe.stage(("model",), 100, 1e-5)
    shares = [stage.rate_share(step) for step in range(stage.num_steps)]
    assert max(shares[5:]) == pytest.approx(1, abs=0.01)
    assert shares[50] == pytest.approx(0.55, abs=0.01)
    assert shares[-1] == pytest.approx(0.1, abs=0.01)
    assert shares[10] > 0.97 > 0.9 > shares[25]


def test_larger_models_learn_more_slowly_and_adapters_faster(recipe):
    assert [recipe.peak_learning_rate(size) for size in (10**7, 2 * 10**8, 9 * 10**9)] == [3e-4, 5e-5, 1e-5]
    assert replace(recipe, method="lora").peak_learning_rate(9 * 10**9) == pytest.approx(1e-4)
    assert replace(recipe, learning_rate=0.5).peak_learning_rate(1) == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "must be above 0: epochs 0"),
        ({"learning_rate": -1.0}, "must be above 0: learning_rate -1.0"),
        ({"length": 0, "batch_rows": -2}, "must be above 0: length 0, batch_rows -2"),
        ({"parts": ()}, "the parts to train must be among encoder, resampler, decoder, got none"),
        ({"parts": ("head",)}, "got head"),
        (
            {"method": "lora", "parts": ("resampler",)},
            "adapters are for encoder and decoder, but the parts to train are resampler",
        ),
        ({"patience": -1}, "patience must be at least 0"),
        ({"patience": 3, "held_out": 0.0}, "patience 3 requires held-out records, got a share of 0"),
        ({"data": ()}, "no training file is given"),
        ({"max_slices": 0}, "max_slices must be a whole number from 1 to 256, got 0"),
        ({"max_slices": 257}, "max_slices must be a whole number from 1 to 256, got 257"),
    ],
)
def test_numbers_out_of_bounds(recipe, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(recipe, **changes)
