"""The two stages as data, and the mixtures that are printed and shipped."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mixtures import small_config, write_sft_inputs

from demiglace.data.mixture_file import read_mixture
from demiglace.model.minicpmv import MiniCPMV
from demiglace.recipes.sft import GENERAL, LONG_COT_3D, NUMBERS, SftRecipe, numbers_of
from demiglace.training.supervised import LanguageLearner
from demiglace.training.trainer import freeze_all_but

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_sft_inputs(tmp_path_factory.mktemp("sft"))


@pytest.fixture
def recipe(folder):
    return SftRecipe(read_mixture(folder / "sft.toml"), NUMBERS["nano"], folder / "start")


def rates(stage):
    return [stage.learning_rate * stage.rate_share(step) for step in range(stage.num_steps + 1)]


@pytest.mark.parametrize("name", list(NUMBERS))
def test_stages_rise_once_and_fall_as_a_cosine_to_the_least_rate(recipe, name):
    numbers = NUMBERS[name]
    stages = replace(recipe, numbers=numbers).stages()
    assert [(stage.name, stage.trainable) for stage in stages] == [
        (GENERAL, ("model",)), (LONG_COT_3D, numbers.long_trainable),
    ]  # fmt: skip
    for stage, peak in zip(stages, (numbers.learning_rate, numbers.long_learning_rate), strict=True):
        run_of = rates(stage)
        top = run_of.index(max(run_of))
        assert run_of[: top + 1] == sorted(run_of[: top + 1])
        assert run_of[top:] == sorted(run_of[top:], reverse=True)
        assert 0 < top <= 0.06 * stage.num_steps
        assert max(run_of) == pytest.approx(peak, rel=0.01)
        assert run_of[stage.num_steps // 2] == pytest.approx((peak + numbers.min_learning_rate) / 2, rel=0.01)
        assert run_of[-1] == pytest.approx(numbers.min_learning_rate)


def test_8b_learns_at_the_papers_rates(recipe):
    general, long_cot_3d = replace(recipe, numbers=NUMBERS["8b"]).stages()
    assert (max(rates(general)), rates(general)[-1]) == pytest.approx((1e-5, 1e-6), rel=0.01)
    assert (max(rates(long_cot_3d)), rates(long_cot_3d)[-1]) == pytest.approx((5e-6, 1e-6), rel=0.01)
    assert rates(long_cot_3d)[0] < 0.02 * 5e-6  # paper: warmed up


def test_everything_learns_but_nanos_encoder_in_its_second_stage(recipe):
    for name, frozen in (("nano", {"vpm"}), ("small", set()), ("8b", set())):
        for stage, still in zip(replace(recipe, numbers=NUMBERS[name]).stages(), (set(), frozen), strict=True):
            with torch.device("meta"):
                learner = LanguageLearner(MiniCPMV(small_config()))
            freeze_all_but(learner, stage.trainable)
            parts = {name.split(".")[1] for name, value in learner.named_parameters() if not value.requires_grad}
            assert parts == still


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_rows": 0}, "must be above 0: batch_rows 0"),
        ({"learning_rate": -1.0, "length": 0}, r"must be above 0: learning_rate -1\.0, length 0"),
        ({"sample_power": 1.5}, r"sample_power must lie in \[0, 1\], got 1\.5"),
        ({"min_learning_rate": 1.0}, r"rates fall to 1\.0, but begin at 0\.001 and 0\.0006"),
        ({"num_steps": (0, 0)}, r"num_steps must be two numbers.* got \(0, 0\)"),
        ({"num_steps": (-1, 5)}, r"got \(-1, 5\)"),
    ],
)
def test_numbers_out_of_bounds_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        numbers_of("nano", **changes)


def test_the_mixtures_that_are_printed_and_shipped_can_be_read(tmp_path):
    (printed,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "sft.md").read_text(), re.DOTALL)
    (tmp_path / "printed.toml").write_text(printed)
    (tmp_path / "chats.jsonl").write_text('{"messages": []}\n')
    for path in (tmp_path / "printed.toml", ROOT / "experiments" / "nano" / "sft.toml"):
        mixture = read_mixture(path)
        for stage in (GENERAL, LONG_COT_3D):
            assert mixture.mixture(stage).sources, f"{path} has nothing for {stage}"


def test_a_run_that_leaves_static_patches_out_says_so(recipe):
    chosen = replace(recipe, static_patches=4.0)
    assert chosen.processor().config.static_patches == 4.0
    assert chosen.settings() == recipe.settings() | {"static_patches": 4.0}
    assert recipe.processor().config.static_patches is None
