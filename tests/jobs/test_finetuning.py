"""Fine-tuning: what a run takes and leaves, whole and by adapters; a resumed run ends as an uninterrupted one."""

import json
from dataclasses import replace

import PIL.Image
import pytest
import torch
from mixtures import small_model
from safetensors.torch import load_file
from stopped_runs import STOP_SIGNALS, stops_at

from demiglace.inference.demiglace import Demiglace
from demiglace.jobs import finetuning
from demiglace.jobs.finetuning import finetune, held_out, survey
from demiglace.jobs.supervised_stage import open_loader
from demiglace.model import weights
from demiglace.model.adapters import Lora, merge_adapter
from demiglace.processing.processor import Processor
from demiglace.training import checkpoint


def test_the_model_learns_and_leaves_in_the_released_layout(recipe, machine, tmp_path):
    seen = survey(recipe)
    assert (seen.num_records, seen.samples, seen.bad) == (9, 9, [])
    result = finetune(replace(recipe, learning_rate=3e-3), seen, tmp_path, machine)
    assert result == tmp_path / "model"
    learned, start = weights.load(result, torch.float32).state_dict(), small_model().state_dict()
    changed = {name.split(".")[0] for name in start if not torch.allclose(learned[name], start[name], atol=1e-2)}
    assert changed == {"llm"}
    lines = (tmp_path / "finetune" / "validation.jsonl").read_text().splitlines()
    assert len(lines) > 1
    assert (tmp_path / "finetune" / "best" / "learner.safetensors").is_file()


def test_a_stopped_run_ends_as_an_uninterrupted_one(recipe, machine, tmp_path, monkeypatch):
    seen = survey(recipe)
    finetune(recipe, seen, tmp_path / "full", machine)
    monkeypatch.setattr(STOP_SIGNALS, stops_at(2))
    assert finetune(recipe, seen, tmp_path / "parts", machine) is None
    assert checkpoint.num_steps(checkpoint.latest(tmp_path / "parts" / "finetune")) == 2
    finetune(replace(recipe, patience=50), seen, tmp_path / "parts", machine)  # which is free to change
    left, right = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("full", "parts"))
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_stop_between_checkpoints_is_not_measured(recipe, machine, tmp_path, monkeypatch):
    """Or it might be the best, and would count for the patience: the run would end otherwise than without the stop."""
    monkeypatch.setattr("demiglace.recipes.finetuning.ROUNDS_OF_CHECKPOINTS", 2)
    seen = survey(recipe)
    finetune(recipe, seen, tmp_path / "full", machine)
    monkeypatch.setattr(STOP_SIGNALS, stops_at(1))
    assert finetune(recipe, seen, tmp_path / "parts", machine) is None
    assert not (tmp_path / "parts" / "finetune" / "validation.jsonl").exists()
    finetune(recipe, seen, tmp_path / "parts", machine)
    left, right = (tmp_path / name / "finetune" / "validation.jsonl" for name in ("full", "parts"))
    assert left.read_text() == right.read_text()
    assert len(left.read_text().splitlines()) > 1


def test_adapters_are_all_that_is_saved_and_what_is_merged_is_the_best(recipe, machine, tmp_path):
    pytest.importorskip("peft")
    recipe = replace(
        recipe, method="lora", lora=Lora(rank=2, scale=4), parts=("decoder", "resampler"), learning_rate=1e-2
    )
    result = finetune(recipe, survey(recipe), tmp_path, machine)
    assert result == tmp_path / "adapter"
    kept = load_file(tmp_path / "finetune" / "best" / "learner.safetensors")
    assert all("lora_" in name or "resampler" in name for name in kept)
    merged = merge_adapter(weights.load(recipe.model, torch.float32), result).state_dict()
    start = small_model().state_dict()
    changed = {name.split(".")[0] for name in start if not torch.allclose(merged[name], start[name], atol=1e-2)}
    assert changed <= {"llm", "resampler"}
    assert "llm" in changed


def test_small_steps_of_the_resampler_are_learned_in_bfloat16(recipe, machine, tmp_path):
    """A step of 1e-5 is less than half a unit of most of its weights in bfloat16."""
    pytest.importorskip("peft")
    recipe = replace(recipe, method="lora", parts=("decoder", "resampler"), learning_rate=1e-5)
    result = finetune(recipe, survey(recipe), tmp_path, replace(machine, dtype=torch.bfloat16))
    tensors = load_file(result / "adapter_model.safetensors")
    learned = {name.rpartition("resampler.")[2]: value for name, value in tensors.items() if "resampler." in name}
    start = small_model().resampler.state_dict()
    changed = [learned[name].float() != start[name].bfloat16().float() for name in learned]
    assert min(float(part.float().mean()) for part in changed) > 0.9


def test_nobody_learns_from_what_is_held_out(recipe):
    source = recipe.mixture(held_out=False).sources[0]
    kept = recipe.mixture(held_out=True).sources[0]
    learned = {source.where(0, row) for row in range(source.blocks[0])}
    assert len(learned) == 9
    assert learned.isdisjoint(kept.where(0, row) for row in range(kept.blocks[0]))
    assert len(held_out(recipe, Processor.load(recipe.model))) == 3
    nothing = replace(recipe, held_out=0.0)
    assert held_out(nothing, Processor.load(recipe.model)) == []
    assert survey(nothing, held_out=True).num_records == 0


def test_files_for_validation_are_measured_and_all_records_learned_from(recipe, machine, tmp_path, monkeypatch):
    """As held-out records are: the best checkpoint is kept, and a stopped run ends as an uninterrupted one."""
    kept = recipe.data[0].with_name("kept.jsonl")
    kept.write_text("".join(f"{line}\n" for line in recipe.data[0].read_text().splitlines()[:5]))
    recipe = replace(recipe, validation=(kept,), held_out=0.0, epochs=2, patience=3, learning_rate=1e-2)
    seen, measured = survey(recipe), survey(recipe, held_out=True)
    assert (seen.num_records, measured.num_records, measured.samples) == (12, 5, 5)
    assert len(held_out(recipe, Processor.load(recipe.model))) == 5
    finetune(recipe, seen, tmp_path / "full", machine)
    monkeypatch.setattr(STOP_SIGNALS, stops_at(2))
    assert finetune(recipe, seen, tmp_path / "parts", machine) is None
    finetune(recipe, seen, tmp_path / "parts", machine)
    left, right = (tmp_path / name / "finetune" for name in ("full", "parts"))
    assert (left / "validation.jsonl").read_text() == (right / "validation.jsonl").read_text()
    lines = list(map(json.loads, (left / "validation.jsonl").read_text().splitlines()))
    best = load_file(left / "best" / "learner.safetensors")
    step = min(lines, key=lambda line: line["loss"])["step"]
    if (left / checkpoint.name_of(step)).exists():
        of_step = load_file(left / checkpoint.name_of(step) / "learner.safetensors")
        assert all(torch.equal(best[name], of_step[name]) for name in best)


def test_a_share_is_not_held_out_beside_files_for_validation(recipe):
    with pytest.raises(ValueError, match=r"a share of 0.25 cannot be held out beside files for validation"):
        replace(recipe, validation=recipe.data)


def test_images_are_cut_in_training_as_the_recipe_says_and_the_result_asks_so_too(recipe, machine, tmp_path):
    """Pictures of 100 x 50 pixels have an overview of 42 pixels, and two slices where they are allowed."""
    recipe = with_wide_pictures(recipe, tmp_path)
    plain, sliced = survey(recipe), survey(replace(recipe, max_slices=2))
    assert (plain.slices, sliced.slices) == (9, 27)
    recipe = replace(recipe, max_slices=2, upscale=False, epochs=0.1)
    result = finetune(recipe, survey(recipe), tmp_path / "full", machine)
    config = Processor.load(result).config.slicing
    assert (config.max_slices, config.upscale) == (2, False)
    kept = json.loads((tmp_path / "full" / "run.json").read_text())
    assert (kept["max_slices"], kept["upscale"], kept["sampling"]) == (2, False, None)
    assert json.loads((result / "config.json").read_text())["slice_config"]["max_slice_nums"] == 2


def with_wide_pictures(recipe, folder):
    for number in range(12):
        PIL.Image.new("RGB", (100, 50)).save(folder / f"{number}.png")
    return replace(recipe, media=folder)


def test_an_adapter_keeps_how_images_were_cut(recipe, machine, tmp_path):
    pytest.importorskip("peft")
    recipe = replace(recipe, method="lora", max_slices=2, epochs=0.1)
    adapter = finetune(recipe, survey(recipe), tmp_path, machine)
    assert Processor.load(recipe.model).config.slicing.max_slices == 1
    assert Processor.load(recipe.model, adapter).config.slicing.max_slices == 2
    asked = Demiglace.load(recipe.model, device="cpu", adapter=adapter)
    assert asked.processor.config.slicing.max_slices == 2


def test_several_files_are_learned_from_together(recipe):
    (path,) = recipe.data
    lines = path.read_text().splitlines()
    parts = path.with_name("first.jsonl"), path.with_name("second.jsonl")
    parts[0].write_text("\n".join(lines[:5]))
    parts[1].write_text("\n".join(lines[5:]))
    together = replace(recipe, data=parts)
    assert survey(together).num_records + survey(together, held_out=True).num_records == 12
    assert survey(together).bad == []
    assert together.data_named == f"{parts[0]} and 1 more"


def in_two_files(recipe, folder, lengths=(20, 20)):
    """Three hundred texts in each, of so many letters: the first file's are all "a", the second's all "b"."""
    paths = []
    for letter, length in zip("ab", lengths, strict=True):
        said = ({"role": "user", "content": letter * length}, {"role": "assistant", "content": "Yes."})
        paths.append(folder / f"{letter}.jsonl")
        paths[-1].write_text((json.dumps({"messages": said}) + "\n") * 300)
    return replace(recipe, data=tuple(paths), length=512, batch_rows=4)


def share_of_first(processor, token_lists):
    texts = [processor.tokenizer.decode(tokens) for tokens in token_lists]
    return sum("aaaa" in text for text in texts) / len(texts)


def test_no_step_has_one_file_alone(recipe, machine, tmp_path):
    recipe = in_two_files(recipe, tmp_path)
    processor = Processor.load(recipe.model)
    mixture, rows = recipe.mixture(held_out=False), {"length": recipe.length, "batch_rows": recipe.batch_rows}
    loader = open_loader(mixture, processor, machine, **rows, seed=0)
    for _ in range(recipe.num_steps(survey(recipe).lengths)):
        read = [sample.tokens.tolist() for row in loader.next_rows(0.0) for sample in row]
        assert len(read) < 16 or 0.1 < share_of_first(processor, read) < 0.9


def test_what_is_measured_is_drawn_from_all_files(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(finetuning, "MOST_RECORDS", 200)
    monkeypatch.setattr(finetuning, "MOST_HELD_OUT", 40)
    recipe = in_two_files(recipe, tmp_path, (20, 200))
    steps = [one.num_steps(survey(one).lengths) for one in (replace(recipe, seed=seed) for seed in range(4))]
    assert max(steps) < 1.15 * min(steps)
    processor = Processor.load(recipe.model)
    kept = held_out(recipe, processor)
    assert len(kept) == 40
    assert 0.25 < share_of_first(processor, [batch.tokens[0].tolist() for batch in kept]) < 0.75
