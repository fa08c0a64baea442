"""The two stages as data, whole runs of them on a small model, and the mixtures that are printed and shipped."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mixtures import SFT_MIXTURE, small_config, write_mixture, write_start
from safetensors.torch import load_file

from demiglace.data.mixture_file import read_mixture
from demiglace.jobs.machine import Machine
from demiglace.jobs.staged import run
from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMV
from demiglace.recipes.sft import GENERAL, LONG_COT_3D, NUMBERS, SftRecipe, numbers_of
from demiglace.training import checkpoint
from demiglace.training.supervised import LanguageLearner
from demiglace.training.trainer import freeze_all_but

ROOT = Path(__file__).parents[2]
FEW = {"length": 512, "batch_rows": 2, "micro_batch_rows": 1, "num_steps": (2, 2)}


def write_sft_mixture(folder: Path) -> Path:
    write_mixture(folder)
    path = folder / "sft.toml"
    path.write_text(SFT_MIXTURE)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("sft")
    write_start(found / "start")
    write_sft_mixture(found)
    return found


@pytest.fixture
def recipe(folder):
    return SftRecipe(read_mixture(folder / "sft.toml"), numbers_of("nano", **FEW), folder / "start")


@pytest.fixture
def machine():
    return Machine(torch.device("cpu"), torch.float32, num_workers=0)


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
    ("changes", "told"),
    [
        ({"batch_rows": 0}, "must be above 0: batch_rows 0"),
        ({"learning_rate": -1.0, "length": 0}, r"must be above 0: learning_rate -1\.0, length 0"),
        ({"sample_power": 1.5}, r"sample_power must lie in \[0, 1\], got 1\.5"),
        ({"min_learning_rate": 1.0}, r"rates fall to 1\.0, but begin at 0\.001 and 0\.0006"),
        ({"num_steps": (0, 0)}, r"two numbers of steps .* got \(0, 0\)"),
        ({"num_steps": (-1, 5)}, r"got \(-1, 5\)"),
    ],
)
def test_numbers_out_of_bounds_are_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        numbers_of("nano", **changes)


def parts_of(tensors):
    """The tensors of each part of a model, by its name and theirs."""
    parts = {"vpm": {}, "resampler": {}, "llm": {}}
    for name, value in tensors.items():
        _, part, rest = ("model." + name.removeprefix("model.")).split(".", 2)
        parts[part][rest] = value.bfloat16()
    return parts


def changed(before, after):
    return {
        part for part in before if any(not torch.equal(after[part][name], before[part][name]) for name in before[part])
    }


def test_the_second_stage_goes_on_from_the_first_and_leaves_nanos_encoder(recipe, machine, tmp_path):
    recipe = replace(recipe, numbers=numbers_of("nano", **FEW, learning_rate=1e-2, long_learning_rate=1e-2))
    model = run(recipe, tmp_path, machine)
    start = parts_of(weights.load(recipe.start, torch.float32).state_dict())
    general = parts_of(load_file(checkpoint.latest(tmp_path / GENERAL) / "learner.safetensors"))
    assert changed(start, general) == {"vpm", "resampler", "llm"}
    finished = parts_of(weights.load(model, torch.float32).state_dict())
    assert changed(general, finished) == {"resampler", "llm"}
    logged = {
        name: [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in (GENERAL, LONG_COT_3D)
    }
    assert [len(lines) for lines in logged.values()] == [2, 2]
    assert all(line["loss"] > 0 for lines in logged.values() for line in lines)


def test_a_stopped_run_ends_as_an_uninterrupted_one(recipe, machine, tmp_path, monkeypatch):
    run(recipe, tmp_path / "full", machine)
    with monkeypatch.context() as patched:
        calls = iter(range(100))
        patched.setattr("demiglace.training.trainer.Trainer._should_stop", lambda self: next(calls) == 3)
        assert run(recipe, tmp_path / "parts", machine) is None  # after the first step of the second stage
    assert checkpoint.num_steps(checkpoint.latest(tmp_path / "parts" / LONG_COT_3D)) == 1
    freely = replace(
        recipe, numbers=replace(recipe.numbers, micro_batch_rows=1, activation_checkpointing=True), save_every=1
    )
    run(freely, tmp_path / "parts", machine)  # how a step is computed is free to change
    left, right = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("full", "parts"))
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_stage_without_steps_is_left_out(recipe, machine, tmp_path):
    run(replace(recipe, numbers=numbers_of("nano", **{**FEW, "num_steps": (0, 1)})), tmp_path, machine)
    assert not (tmp_path / GENERAL).exists()
    assert (tmp_path / LONG_COT_3D).exists()


def test_a_mixture_without_a_source_for_a_stage_is_refused(recipe, machine, folder, tmp_path):
    mixture = read_mixture(folder / "mixture.toml")
    with pytest.raises(ValueError, match=r"mixture\.toml: no source has a weight for general"):
        run(replace(recipe, mixture=mixture), tmp_path, machine)


def test_a_folder_holds_one_run(recipe, machine, tmp_path):
    few = replace(recipe, numbers=numbers_of("nano", **{**FEW, "num_steps": (1, 0)}))
    run(few, tmp_path, machine)
    with pytest.raises(ValueError, match=r"run\.json has seed 0, not 1: this run needs a folder of its own"):
        run(replace(few, seed=1), tmp_path, machine)


def test_rows_longer_than_the_model_reaches_are_refused(recipe, machine, tmp_path):
    with pytest.raises(ValueError, match="rows of 2048 tokens, more than 1024"):
        run(replace(recipe, numbers=replace(recipe.numbers, length=2048)), tmp_path, machine)


def test_the_mixtures_that_are_printed_and_shipped_can_be_read(tmp_path):
    (printed,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "sft.md").read_text(), re.DOTALL)
    (tmp_path / "printed.toml").write_text(printed)
    (tmp_path / "chats.jsonl").write_text('{"messages": []}\n')
    for path in (tmp_path / "printed.toml", ROOT / "experiments" / "nano" / "sft.toml"):
        mixture = read_mixture(path)
        for stage in (GENERAL, LONG_COT_3D):
            assert mixture.mixture(stage).sources, f"{path} has nothing for {stage}"
