from dataclasses import replace

import pytest
from mixtures import small_config, small_model

from demiglace.model.adapters import Lora
from demiglace.planning.training_setup import TrainingSetup, gathered_bytes, held_bytes, part_sizes

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


def test_four_bits_take_less_than_two_bytes():
    bits4, half = (held_bytes(replace(LORA, method=method, dtype="bfloat16"), small_config()).total for method in
                   ("qlora", "lora"))  # fmt: skip
    assert bits4 < half


def test_processes_share_all_but_what_is_gathered():
    alone, two = (held_bytes(replace(FULL, processes=count), small_config()) for count in (1, 2))
    assert two.weights == alone.weights / 2 + gathered_bytes(small_config())
    assert two.moments == alone.moments / 2
