"""Whole runs of the two stages of SFT on a small model."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from mixtures import let_sample, write_sft_inputs
from safetensors.torch import load_file
from stopped_runs import STOP_SIGNALS, stops_at

from demiglace.data.mixture_file import read_mixture
from demiglace.engine.sampling import SamplingParams
from demiglace.jobs.staged import run
from demiglace.model import weights
from demiglace.recipes.sft import GENERAL, LONG_COT_3D, SftRecipe, numbers_of
from demiglace.training import checkpoint

FEW = {"length": 512, "batch_rows": 2, "micro_batch_rows": 1, "num_steps": (2, 2)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_sft_inputs(tmp_path_factory.mktemp("sft"))


@pytest.fixture
def recipe(folder):
    return SftRecipe(read_mixture(folder / "sft.toml"), numbers_of("nano", **FEW), folder / "start")


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
    sampled = let_sample(shutil.copytree(recipe.start, tmp_path / "start"))
    model = run(replace(recipe, start=sampled), tmp_path / "run", machine)
    assert SamplingParams.read(model) == SamplingParams.read(sampled)
    start = parts_of(weights.load(recipe.start, torch.float32).state_dict())
    general = parts_of(load_file(checkpoint.latest(tmp_path / "run" / GENERAL) / "learner.safetensors"))
    assert changed(start, general) == {"vpm", "resampler", "llm"}
    finished = parts_of(weights.load(model, torch.float32).state_dict())
    assert changed(general, finished) == {"resampler", "llm"}
    logged = {
        name: [json.loads(line) for line in (tmp_path / "run" / name / "metrics.jsonl").read_text().splitlines()]
        for name in (GENERAL, LONG_COT_3D)
    }
    assert [len(lines) for lines in logged.values()] == [2, 2]
    assert all(line["loss"] > 0 for lines in logged.values() for line in lines)


def test_a_stopped_run_ends_as_an_uninterrupted_one(recipe, machine, tmp_path, monkeypatch):
    run(recipe, tmp_path / "full", machine)
    with monkeypatch.context() as patched:
        patched.setattr(STOP_SIGNALS, stops_at(3))
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
