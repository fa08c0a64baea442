"""The nano recipe from random weights to a model that loads, in a few steps; and its parts."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image as Pillow

from demiglace.bootstrap.picture_shards import make_sample
from demiglace.conversation import Conversation, Image
from demiglace.jobs import nano
from demiglace.jobs.execution import DEFAULT_EXECUTION
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.recipes.nano import NANO_STAGES, NanoRecipe, quick


@pytest.fixture(scope="module")
def recipe(training_faces, installed_prose) -> NanoRecipe:
    """A step a stage; what several steps give is pinned in `golden/behaviour.json`."""
    one = dict.fromkeys((f"{name}_steps" for name in NANO_STAGES), 1)
    return replace(quick(NanoRecipe()), batch_size=2, shard_size=4, only=NANO_STAGES, **one)


def test_every_stage_names_parts_that_exist(recipe, tmp_path):
    processor = nano.nano_processor(recipe)
    with torch.device("meta"):
        learner = nano.Learner(recipe.config)
    names = [name for name, _ in learner.named_parameters()]
    for stage, _ in nano.stages(recipe, processor, nano.Streams(recipe, tmp_path, None, DEFAULT_EXECUTION)):
        assert all(any(name.startswith(part) for name in names) for part in stage.trainable)


def test_the_recipe_runs_and_its_model_loads(recipe, tmp_path):
    folder = nano.train(recipe, tmp_path)
    model, processor = weights.load(folder, torch.float32, "cpu"), Processor.load(folder)
    assert sum(parameter.numel() for parameter in model.parameters()) == 9_901_568
    assert (folder / "model.safetensors").stat().st_size <= 32 * 2**20
    assert processor.config.slicing.max_slices == 1
    stages = recipe.only
    logged = [
        json.loads(line) for name in stages for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()
    ]
    assert {line["stage"] for line in logged} == set(stages)
    again = nano.initial_learner(replace(recipe, start=tmp_path / "model"))
    assert torch.equal(again.model.llm.lm_head.weight, model.llm.lm_head.weight)
    assert not torch.equal(again.book.glyphs, nano.initial_learner(recipe).book.glyphs)
    assert "character error rate" in (tmp_path / "full" / "samples.txt").read_text()


def test_one_stage_alone_is_run_and_changes_what_it_learns(recipe, tmp_path):
    start = nano.initial_learner(recipe)
    (tmp_path / "start").mkdir()
    nano.export_with_heads(start, nano.nano_processor(recipe), tmp_path / "start")
    seeing = replace(recipe, start=tmp_path / "start" / "model", only=("colours",))
    folder = nano.train(seeing, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"colours", "model", "heads.safetensors"}
    assert not (tmp_path / "run" / "decay").exists()
    before, after = (weights.load(path, torch.float32, "cpu").state_dict() for path in (seeing.start, folder))
    assert {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])} == {"vpm"}


def test_a_stage_that_is_none_is_refused():
    with pytest.raises(ValueError, match="unknown stage 'colour'; choose from encoder"):
        NanoRecipe(only=("decay", "colour"))


def test_later_stages_need_a_model_to_go_on_from():
    with pytest.raises(
        ValueError, match="decay, colours need a model to start from; without one, training begins with enc"
    ):
        NanoRecipe(only=("decay", "colours"))


def test_the_prompt_is_the_processors_own(recipe):
    processor = nano.nano_processor(recipe)
    asked = nano.prompt(processor, "Read the text.")
    sample = make_sample(recipe.spec(1), 0)
    shown = processor.prepare(Conversation.ask("Read the text.", Image(Pillow.new("RGB", (300, 40)))))
    assert torch.equal(asked.tokens, shown.tokens)
    assert torch.equal(asked.visual_places, shown.visual_places)
    assert sample.patches.shape == (sample.grid[0] * sample.grid[1], 14**2)


def test_another_run_in_the_folder_is_refused_by_what_differs(tmp_path, monkeypatch):
    monkeypatch.setattr(nano, "run_stages", lambda recipe, folder, *rest: (folder / "encoder").mkdir(exist_ok=True))
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "a.pdf").write_bytes(b"a page")
    recipe, folder = NanoRecipe(documents=tmp_path / "papers"), tmp_path / "run"
    nano.train(recipe, folder, pytest.fail)
    nano.train(replace(recipe, only=("encoder",)), folder, pytest.fail)  # which stages, is free
    with pytest.raises(ValueError, match="has seed 0, not 1: this run needs a folder of its own"):
        nano.train(replace(recipe, seed=1), folder)
    (tmp_path / "papers" / "a.pdf").write_bytes(b"two pages")
    with pytest.raises(ValueError, match=f"changed since it began: {tmp_path / 'papers' / 'a.pdf'} has changed"):
        nano.train(recipe, folder)
    nano.train(recipe, folder, restart=True)
    assert (folder / "earlier-1" / "encoder").is_dir()


@pytest.mark.parametrize(("name", "message"), [("documents", "no PDF in "), ("start", "config.json")])
def test_what_a_later_stage_would_miss_is_told_before_the_folder_is_taken(tmp_path, name, message):
    with pytest.raises(ValueError, match=message):
        nano.train(NanoRecipe(**{name: tmp_path / "nothing"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_from_before_there_were_records_goes_on_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(nano, "run_stages", lambda *given: None)
    (tmp_path / "encoder").mkdir()
    messages = []
    nano.train(NanoRecipe(), tmp_path, messages.append)
    assert "whether they are still the same cannot be told" in messages[0]
    nano.train(NanoRecipe(), tmp_path, pytest.fail)


def test_what_was_read_is_written_again_where_a_kill_cut_it_off(recipe, tmp_path):
    callback = nano.Samples(recipe, nano.nano_processor(recipe), count=1)
    assert callback.is_unrecorded(tmp_path, 10)
    callback(nano.initial_learner(recipe), tmp_path, 10)
    assert not callback.is_unrecorded(tmp_path, 10)
    assert callback.is_unrecorded(tmp_path, 1)
