"""The three stages of pre-training as data."""

import pytest
import torch
from mixtures import small_config, write_mixture, write_start

from demiglace.data.mixture_file import read_mixture
from demiglace.model.minicpmv import MiniCPMV
from demiglace.recipes.pretraining import NUMBERS, PretrainingRecipe, numbers_of
from demiglace.training.supervised import LanguageLearner


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    return read_mixture(write_mixture(tmp_path_factory.mktemp("mixture")))


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("start"))


@pytest.mark.parametrize("name", list(NUMBERS))
def test_the_stages_are_the_papers(mixture, start, name):
    stages = PretrainingRecipe(mixture, name, NUMBERS[name], start=start).stages()
    assert [(stage.name, stage.trainable) for stage in stages] == [
        ("resampler", ("model.resampler",)),
        ("vision", ("model.resampler", "model.vpm")),
        ("full", ("model",)),
    ]
    first, last = stages[0], stages[2]
    assert [first.learning_rate * first.rate_share(step) for step in (first.warmup, first.num_steps - 1)] == [
        first.learning_rate
    ] * 2
    assert last.learning_rate * last.rate_share(last.num_steps) == pytest.approx(0.2 * last.learning_rate)
    with torch.device("meta"):
        names = [name for name, _ in LanguageLearner(MiniCPMV(small_config())).named_parameters()]
    assert all(any(name.startswith(part) for name in names) for stage in stages for part in stage.trainable)


def test_8b_learns_at_the_papers_rates(mixture, start):
    *_, full = PretrainingRecipe(mixture, "8b", NUMBERS["8b"], start=start).stages()
    rates = [full.learning_rate * full.rate_share(step) for step in (full.num_steps // 2, full.num_steps)]
    assert rates == pytest.approx([5e-5, 1e-5])


def test_rows_fit_their_models(mixture):
    for name in ("nano", "small"):
        recipe = PretrainingRecipe(mixture, name, NUMBERS[name])
        assert recipe.numbers.length <= recipe.config().llm.max_position_embeddings
        assert recipe.processor().tokenizer.vocab_size <= recipe.config().llm.vocab_size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_rows": 0}, "must be above 0: batch_rows 0"),
        ({"learning_rate": -1.0, "length": 0}, r"must be above 0: learning_rate -1\.0, length 0"),
        ({"num_steps": (0, 0, 0)}, r"num_steps must be three numbers.* got \(0, 0, 0\)"),
    ],
)
def test_numbers_out_of_bounds_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        numbers_of("nano", **changes)


def test_8b_does_not_begin_from_nothing(mixture):
    with pytest.raises(ValueError, match="8b starts from a pre-trained encoder and decoder"):
        PretrainingRecipe(mixture, "8b", NUMBERS["8b"])
