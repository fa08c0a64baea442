from dataclasses import replace

import pytest
import torch
from mixtures import small_config, small_model
from torch.utils.flop_counter import FlopCounterMode

from demiglace.batch import Batch
from demiglace.model.adapters import Lora, add_adapters
from demiglace.planning.accelerator import ACCELERATORS, accelerator
from demiglace.planning.duration import (
    BANDWIDTH_SHARE,
    UTILISATION,
    adapter_flops,
    decode_rate,
    run_cost,
    training_flops,
    training_seconds,
)
from demiglace.planning.training_setup import TrainingSetup, adapter_weights, part_sizes
from demiglace.training.flops import llm_flops
from demiglace.training.supervised import LanguageLearner

H100 = ACCELERATORS["h100-80gb"]


def text(length=64):
    row = torch.arange(length)[None]
    return Batch(row, row, torch.ones_like(row), torch.zeros(0, dtype=torch.int64), None, row)


def test_operations_by_method():
    forward = llm_flops(small_config(), text())
    setups = {
        3: TrainingSetup("full", ("decoder",)),
        4: TrainingSetup("full", ("decoder",), reads_reference=True),
    }
    for factor, setup in setups.items():
        assert training_flops(small_config(), text(), setup) == factor * forward
    again = replace(setups[3], activation_checkpointing=True)
    assert training_flops(small_config(), text(), again) == 4 * forward


def test_adapters_spare_the_gradient_of_frozen_weights_and_add_their_own_products():
    config, forward, tokens = small_config(), llm_flops(small_config(), text()), 64
    setup = TrainingSetup("lora", ("encoder", "decoder"))
    own = adapter_weights(replace(setup, parts=("decoder",)), config)
    assert training_flops(config, text(), setup) == 2 * forward + 6 * own * tokens
    again = replace(setup, activation_checkpointing=True)
    assert training_flops(config, text(), again) == 3 * forward + 8 * own * tokens


def test_the_products_of_adapters_are_those_that_a_counter_sees():
    """In the first layer no gradient goes on to what comes in, and that is left out of the formula."""
    pytest.importorskip("peft")
    counted = {}
    for rank in (4, 36):
        learner = LanguageLearner(small_model())
        add_adapters(learner.model, ("decoder",), Lora(rank, 1.0))
        with FlopCounterMode(display=False) as counter:
            learner(text())[0].sum().backward()
        counted[rank] = counter.get_total_flops()
    setup = TrainingSetup("lora", ("decoder",), Lora(32))
    assert counted[36] - counted[4] == pytest.approx(adapter_flops(small_config(), text(), setup), rel=0.1)


def test_time_energy_and_money_of_all_devices():
    seconds = training_seconds(3600 * 8 * UTILISATION * 989e12, H100, 8, "bfloat16")
    assert seconds == pytest.approx(3600)
    found = run_cost(seconds, H100, 8, price=2.5)
    assert (found.kwh, found.money) == (pytest.approx(5.6), pytest.approx(20))
    assert run_cost(seconds, replace(H100, watts=None), 8, None) == replace(found, kwh=None, money=None)


def test_few_answers_wait_for_the_weights_to_be_read():
    config = small_config()
    bytes_ = 2.0 * sum(part_sizes(config).values())
    one, many = (decode_rate(config, H100, "bfloat16", count, 1, bytes_) for count in (1, 1000))
    decoder = part_sizes(config)["decoder"] - 384 * 32
    assert one == pytest.approx(BANDWIDTH_SHARE * H100.bandwidth / (2 * decoder), rel=0.01)
    assert one < many < 1000 * one


def test_a_device_and_a_dtype_are_in_the_table():
    with pytest.raises(ValueError, match="unknown device 'tpu'; choose from cpu, a100-40gb"):
        accelerator("tpu", "float32")
    with pytest.raises(ValueError, match="the speed of h100-80gb is known for bfloat16, float32, not for float16"):
        H100.peak("float16")
