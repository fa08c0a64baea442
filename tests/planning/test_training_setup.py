from dataclasses import replace

import pytest
import torch
from mixtures import small_config, small_model

from demiglace.model.adapters import Lora
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset
from demiglace.planning.training_setup import PARTS, TrainingSetup, gathered_bytes, held_bytes, part_sizes
from demiglace.training.optim import optimizers
from demiglace.training.trainer import freeze_all_but

FULL = TrainingSetup("full", ("decoder",))
LORA = TrainingSetup("lora", ("decoder",), Lora(rank=3))
NUMBER = sum(value.numel() for value in small_model().parameters())
DECODER = sum(value.numel() for value in small_model().llm.parameters())
ADAPTERS = 3 * 2 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))  # of both layers: q and o, k and v, the MLP's three


def test_parts_are_counted_without_weights():
    assert part_sizes(small_config())["decoder"] == DECODER
    assert sum(part_sizes(small_config()).values()) == NUMBER


@pytest.mark.parametrize(
    ("setup", "weights", "learned"),
    [
        (FULL, 4 * NUMBER, DECODER),
        (replace(FULL, dtype="bfloat16"), 4 * NUMBER + 2 * DECODER, DECODER),
        (replace(LORA, dtype="bfloat16"), 2 * NUMBER + 4 * ADAPTERS, ADAPTERS),
    ],
)
def test_weights_gradients_and_moments(setup, weights, learned):
    held = held_bytes(setup, small_config())
    assert (held.weights, held.gradients, held.moments) == (weights, 4 * learned, 8 * learned)


@pytest.mark.parametrize("muon", [True, False])
@pytest.mark.parametrize("parts", [("encoder", "resampler", "decoder"), ("encoder", "resampler"), ("resampler",)])
def test_moments_are_those_that_the_optimizers_of_a_stage_hold(muon, parts):
    """Of nano; AdamW holds a number more for each tensor: its count of steps."""
    model = MiniCPMV(preset("nano"))
    freeze_all_but(model, tuple(PARTS[part] for part in parts))
    learned = {name: value for name, value in model.named_parameters() if value.requires_grad}
    for value in learned.values():
        value.grad = torch.zeros_like(value)
    held = 0
    for optimizer in optimizers(learned.items(), learning_rate=1e-3, weight_decay=0.1, muon=muon):
        optimizer.step()
        states = [state for one in optimizer.state.values() for name, state in one.items() if name != "step"]
        held += sum(state.nbytes for state in states)
    assert held_bytes(TrainingSetup("full", parts, muon=muon), preset("nano")).moments == held


def test_four_bits_take_less_than_two_bytes():
    bits4, half = (held_bytes(replace(LORA, method=method, dtype="bfloat16"), small_config()).total for method in
                   ("qlora", "lora"))  # fmt: skip
    assert bits4 < half


def test_processes_share_all_but_what_is_gathered():
    alone, two = (held_bytes(replace(FULL, processes=count), small_config()) for count in (1, 2))
    assert two.weights == alone.weights / 2 + gathered_bytes(small_config())
    assert two.moments == alone.moments / 2
