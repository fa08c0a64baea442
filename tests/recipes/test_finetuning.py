"""Fine-tuning: what a run takes and leaves, whole and by adapters; a resumed run ends as an uninterrupted one."""

import json
from dataclasses import replace

import PIL.Image
import pytest
import torch
from mixtures import small_model, write_mixture, write_start
from safetensors.torch import load_file

from demiglace.batch import IGNORE, Batch
from demiglace.inference.demiglace import Demiglace
from demiglace.jobs.finetuning import finetune, held_out, survey
from demiglace.jobs.finetuning_estimate import bytes_of_a_token, held_weights, predict
from demiglace.jobs.machine import Machine
from demiglace.jobs.run_folder import latest_progress
from demiglace.model import weights
from demiglace.model.adapters import Lora, add_adapters, merge_adapter
from demiglace.processing.processor import Processor
from demiglace.recipes.finetuning import FinetuningRecipe
from demiglace.training import checkpoint
from demiglace.training.distributed import ProcessGroup
from demiglace.training.supervised import LanguageLearner
from demiglace.training.trainer import freeze_all_but


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("finetuning")
    write_start(found / "start")
    write_mixture(found)
    return found


@pytest.fixture
def recipe(folder):
    return FinetuningRecipe(
        folder / "start", (folder / "pictures.jsonl",), method="full", epochs=4, length=256, batch_rows=2, held_out=0.25
    )


@pytest.fixture
def machine():
    return Machine(torch.device("cpu"), torch.float32, num_workers=0)


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
    calls = iter(range(100))
    monkeypatch.setattr("demiglace.training.trainer.Trainer._should_stop", lambda self: next(calls) == 2)
    assert finetune(recipe, seen, tmp_path / "parts", machine) is None
    assert checkpoint.num_steps(checkpoint.latest(tmp_path / "parts" / "finetune")) == 2
    finetune(replace(recipe, patience=50), seen, tmp_path / "parts", machine)  # which is free to change
    left, right = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("full", "parts"))
    assert all(torch.equal(left[name], right[name]) for name in left)


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


def test_weights_are_counted_by_method(recipe):
    config = weights.read_config(recipe.model)
    number = sum(value.numel() for value in small_model().parameters())
    decoder = sum(value.numel() for value in small_model().llm.parameters())
    assert held_weights(recipe, config, torch.float32) == 4 * number + 12 * decoder
    adapters = 2 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))  # of both layers: q and o, k and v, the three of mlp
    assert held_weights(recipe, config, torch.bfloat16) == 4 * number + 14 * decoder
    lora = replace(recipe, method="lora", lora=Lora(rank=3))
    assert held_weights(lora, config, torch.bfloat16) == 2 * number + 16 * 3 * adapters
    assert held_weights(replace(lora, method="qlora"), config, torch.bfloat16) < 1.5 * number + 16 * 3 * adapters


def test_less_is_predicted_where_layers_are_computed_again(recipe, machine):
    seen = survey(recipe)
    plain, spared = (
        predict(replace(recipe, activation_checkpointing=activation_checkpointing), seen, machine, 1e9)
        for activation_checkpointing in (False, True)
    )
    assert plain.weight_bytes < spared.memory_bytes < plain.memory_bytes
    assert plain.num_steps == recipe.num_steps(seen.expected_tokens)
    assert plain.seconds == 2 * predict(recipe, seen, machine, 2e9).seconds > 0
    two = predict(recipe, seen, replace(machine, ranks=ProcessGroup(0, 2)), 1e9)
    assert plain.weight_bytes == 2 * two.weight_bytes


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_what_the_decoder_keeps_of_a_token_is_what_autograd_holds(recipe, method, dtype):
    """Two lengths, so that what does not grow with the tokens, such as copies of weights, drops out."""
    config, width, held = small_model().config, 4 if dtype == torch.float32 else 2, {}
    for length in (256, 512):
        recipe = replace(recipe, method=method, length=length, lora=Lora(rank=2))
        held[length] = kept_bytes(recipe, length, dtype), length * bytes_of_a_token(config, width, recipe)
    counted, predicted = (long - short for short, long in zip(held[256], held[512], strict=True))
    assert predicted == pytest.approx(counted, rel=0.05)


def kept_bytes(recipe, length, dtype):
    """Of storages that a row of two samples leaves for the backward pass, without parameters."""
    model = small_model()
    if recipe.method == "full":
        freeze_all_but(model, ("llm",))
    else:
        pytest.importorskip("peft")
        add_adapters(model.to(dtype), ("decoder",), recipe.lora)
    parameters = {value.untyped_storage().data_ptr() for value in model.parameters()}
    positions = torch.arange(length // 2).repeat(2)[None]
    segments = torch.tensor([1, 2]).repeat_interleave(length // 2)[None]
    labels = torch.full((1, length), IGNORE)
    labels[0, -1] = 5
    nothing = torch.zeros(0, dtype=torch.int64)
    batch = Batch(torch.zeros(1, length, dtype=torch.int64), positions, segments, nothing, None, labels)
    found = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        found[storage.data_ptr()] = tensor, storage.nbytes()  # the tensor too, so that its place is not given away
        return tensor

    is_mixed = dtype != torch.float32
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept), torch.autocast("cpu", dtype, is_mixed):
        loss, _ = LanguageLearner(model)(batch)
    assert loss.requires_grad
    return sum(size for place, (_, size) in found.items() if place not in parameters)


def test_what_is_kept_of_pictures_is_what_learns_from_them(recipe, machine):
    seen = survey(recipe)
    parts = ("decoder",), ("resampler", "decoder"), ("encoder", "resampler", "decoder")
    costs = [predict(replace(recipe, parts=trainable), seen, machine, 1e9) for trainable in parts]
    kept = [cost.memory_bytes - cost.weight_bytes for cost in costs]
    assert kept == sorted(set(kept))
    assert seen.patches == 9 * 8


def test_a_run_knows_how_far_it_came(tmp_path):
    assert latest_progress(tmp_path / "none") == latest_progress(tmp_path) == "the beginning"
    for step in (3, 12):
        held = tmp_path / "finetune" / f"step-{step:08d}"
        held.mkdir(parents=True)
        (held / "state.json").write_text("{}")
    (tmp_path / "finetune" / "step-00000099.part").mkdir()
    assert latest_progress(tmp_path) == "step 12 of finetune"


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
        ({"parts": ()}, "parts that learn are some of encoder, resampler, decoder, got none"),
        ({"parts": ("head",)}, "got head"),
        ({"patience": -1}, "patience must be at least 0"),
        ({"data": ()}, "there is no file to learn from"),
        ({"max_slices": 0}, "max_slices must be a whole number from 1 to 256, got 0"),
        ({"max_slices": 257}, "max_slices must be a whole number from 1 to 256, got 257"),
    ],
)
def test_numbers_out_of_bounds(recipe, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(recipe, **changes)


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
