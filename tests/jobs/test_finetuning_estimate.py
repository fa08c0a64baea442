"""What fine-tuning is predicted to take: weights as counted, what is kept as autograd holds it."""

from dataclasses import replace

import pytest
import torch
from mixtures import small_model

from demiglace.batch import IGNORE, Batch
from demiglace.jobs.finetuning import survey
from demiglace.jobs.finetuning_estimate import bytes_of_a_token, held_weights, predict
from demiglace.model import weights
from demiglace.model.adapters import Lora, add_adapters
from demiglace.training.distributed import ProcessGroup
from demiglace.training.supervised import LanguageLearner
from demiglace.training.trainer import freeze_all_but


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
