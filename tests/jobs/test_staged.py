"""Whole runs of the stages of pre-training on a small model; those of SFT are in test_staged_sft.py."""

import io
import json
import tarfile
from dataclasses import replace

import pytest
import torch
from mixtures import write_mixture, write_start

from demiglace.data.mixture_file import MixtureFile, read_mixture
from demiglace.jobs.staged import initial_learner
from demiglace.jobs.staged import run as pretrain
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.recipes.pretraining import NUMBERS, PretrainingRecipe, numbers_of
from demiglace.training.distributed import ProcessGroup

FEW = {"length": 256, "batch_rows": 2, "micro_batch_rows": 1, "num_steps": (1, 1, 3)}


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    return read_mixture(write_mixture(tmp_path_factory.mktemp("mixture")))


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("start"))


@pytest.fixture
def recipe(mixture, start):
    return PretrainingRecipe(mixture, "nano", numbers_of("nano", **FEW), start=start)


def test_a_run_from_a_model_to_a_model(recipe, machine, tmp_path):
    messages = []
    folder = pretrain(recipe, tmp_path, replace(machine, log=messages.append))
    before, model = weights.load(recipe.start, torch.float32), weights.load(folder, torch.float32)
    assert not torch.equal(before.llm.lm_head.weight, model.llm.lm_head.weight)
    assert Processor.load(folder).config == recipe.processor().config
    logged = {
        name: [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("resampler", "vision", "full")
    }
    assert {name: len(lines) for name, lines in logged.items()} == {"resampler": 1, "vision": 1, "full": 3}
    names = {"loss", "lr", "grad_norm", "token_accuracy", "data_wait_s", "seconds", "memory_gb"}
    names |= {"tokens_per_second", "visual_tokens_per_second", "flop_utilisation"}
    assert all(line.keys() == names | {"stage", "step"} for lines in logged.values() for line in lines)
    assert all(line["flop_utilisation"] > 0 for lines in logged.values() for line in lines)
    assert len(messages) == 1
    assert "TFLOP/s in a float32 matrix product" in messages[0]


def test_files_that_are_left_out_are_named_once(recipe, machine, tmp_path):
    for name in ("train.tar", "test.tar"):
        with tarfile.open(tmp_path / name, "w") as shard:
            member = tarfile.TarInfo("0.txt")
            member.size = 5
            shard.addfile(member, io.BytesIO(b"words"))
    weights_of_both = "{ vision = 1, full = 1 }"
    (tmp_path / "mix.toml").write_text(
        f'[[source]]\nname = "a"\nkind = "webdataset"\npath = "*.tar"\nweights = {weights_of_both}\n'
    )
    numbers, messages = numbers_of("nano", **{**FEW, "num_steps": (0, 1, 1)}), []
    recipe = replace(recipe, mixture=read_mixture(tmp_path / "mix.toml"), numbers=numbers)
    pretrain(recipe, tmp_path / "run", replace(machine, log=messages.append))
    assert [message for message in messages if "test.tar; to learn from" in message] == [messages[0]]


def test_only_what_learns_in_a_stage_changes(recipe, machine, tmp_path):
    pretrain(replace(recipe, numbers=numbers_of("nano", **{**FEW, "num_steps": (1, 0, 0)})), tmp_path, machine)
    before, after = weights.load(recipe.start, torch.float32), weights.load(tmp_path / "model", torch.float32)
    after = dict(after.named_parameters())
    changed = {
        name for name, value in before.named_parameters() if not torch.equal(value.bfloat16().float(), after[name])
    }
    assert changed
    assert all(name.startswith("resampler.") for name in changed)


def test_a_finished_run_is_not_run_again(recipe, machine, tmp_path):
    pretrain(recipe, tmp_path, machine)
    before = (tmp_path / "full" / "metrics.jsonl").read_text()
    assert pretrain(recipe, tmp_path, replace(machine, log=lambda message: pytest.fail(message))) == tmp_path / "model"
    assert (tmp_path / "full" / "metrics.jsonl").read_text() == before


@pytest.mark.parametrize("change", [{"seed": 1}, {"numbers": numbers_of("nano", **{**FEW, "learning_rate": 1e-3})}])
def test_a_folder_holds_one_run(recipe, machine, tmp_path, change):
    pretrain(replace(recipe, numbers=numbers_of("nano", **{**FEW, "num_steps": (1, 0, 0)})), tmp_path, machine)
    with pytest.raises(ValueError, match=r"run\.json has .* this run needs a folder of its own"):
        pretrain(replace(recipe, **change), tmp_path, machine)


def test_bad_records_are_listed_or_fatal(recipe, machine, tmp_path, capsys):
    folder = recipe.mixture.path.parent
    (tmp_path / "bad.jsonl").write_text(
        '{"messages": []}\n' + (folder / "pictures.jsonl").read_text().replace('"images": ["', f'"images": ["{folder}/')
    )
    (tmp_path / "mix.toml").write_text(
        f'[[source]]\nname = "a"\nkind = "jsonl"\npath = "bad.jsonl"\nmedia = "{folder}"\nweights = {{ resampler = 1 }}'
    )
    few = numbers_of("nano", **{**FEW, "num_steps": (1, 0, 0)})
    recipe = replace(recipe, mixture=read_mixture(tmp_path / "mix.toml"), numbers=few)
    with pytest.raises(ValueError, match=r"bad\.jsonl:1: "):
        pretrain(recipe, tmp_path / "run", machine)
    pretrain(recipe, tmp_path / "run", replace(machine, skip_bad=True))
    output = " ".join(capsys.readouterr().out.split())
    read = int(output.split(" samples learned from")[0].split()[-1])
    assert f"{read} samples learned from (a {read}); " in output
    assert "bad.jsonl:1: " in (tmp_path / "run" / "resampler" / "skipped.txt").read_text()


def test_a_model_from_nothing_follows_the_seed(mixture):
    first, again, other = (
        initial_learner(PretrainingRecipe(mixture, "nano", NUMBERS["nano"], seed=seed), None) for seed in (0, 0, 1)
    )
    assert torch.equal(first.model.llm.lm_head.weight, again.model.llm.lm_head.weight)
    assert not torch.equal(first.model.llm.lm_head.weight, other.model.llm.lm_head.weight)


def test_processes_that_cannot_share_a_step_are_refused_before_anything_is_read(recipe, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(MixtureFile, "mixture", pytest.fail)
    with pytest.raises(ValueError, match=r"rows per step cannot be split evenly among 7 processes"):
        pretrain(recipe, tmp_path / "run", replace(machine, ranks=ProcessGroup(0, 7)))
    assert not (tmp_path / "run").exists()
