from dataclasses import replace

import pytest

from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.model.presets import preset
from demiglace.planning.accelerator import ACCELERATORS
from demiglace.planning.job_plan import (
    Answers,
    changes,
    rl_plan,
    serving_plan,
    training_plan,
    what_fits,
    with_answers,
)
from demiglace.planning.memory import MemoryParts, process_memory
from demiglace.planning.training_setup import TrainingSetup

CONFIG = preset("8b")
SEEN = DatasetStatistics(100, samples=100, tokens=100_000, learned_tokens=20_000, patches=200_000, flops=1e15)
H100, H200, SMALL = (ACCELERATORS[name] for name in ("h100-80gb", "h200", "rtx-4090"))
FULL = TrainingSetup("full", ("decoder",), dtype="bfloat16", batch_rows=64)


def in_training(setup: TrainingSetup) -> MemoryParts:
    return process_memory(setup, CONFIG, SEEN, is_cpu=False)


def test_the_released_size_does_not_learn_whole_on_one_device_and_what_helps_does_fit():
    assert not in_training(FULL).fits(H100)
    alike, more = what_fits(FULL, H100, in_training, has_adapters=True)
    assert (alike.setup.method, alike.setup.processes) == ("lora", 1)
    assert more.options.endswith(f"--gpus {more.setup.processes}")
    for change in (alike, more):
        assert in_training(change.setup).fits(H100)
    half = replace(more.setup, processes=more.setup.processes // 2)
    assert not in_training(half).fits(H100)


def test_reinforcement_learning_fits_only_where_its_writing_does():
    answers = Answers(1024, concurrent=512)

    def learned(setup: TrainingSetup) -> MemoryParts:
        rows, row_setup = with_answers(SEEN, CONFIG, setup, answers.limit, 8)
        return process_memory(row_setup, CONFIG, rows, is_cpu=False)

    def in_rl(setup: TrainingSetup) -> MemoryParts:
        return rl_plan(setup, CONFIG, SEEN, answers, 8, H100, num_steps=1).memory

    (learning,), (whole,) = (what_fits(FULL, H100, memory, has_adapters=False) for memory in (learned, in_rl))
    assert not in_rl(learning.setup).fits(H100)
    assert in_rl(whole.setup).fits(H100)
    assert whole.setup.processes > learning.setup.processes


def test_a_picture_of_a_prompt_is_encoded_once_for_all_its_answers():
    """Its operations are not spread over the answers, as if each of their tokens brought a part of a picture."""

    def seconds(group: int, flops: float) -> float:
        seen = replace(SEEN, flops=flops)
        return rl_plan(FULL, CONFIG, seen, Answers(256), group, H100, num_steps=5).cost.seconds

    few, many = (seconds(group, 2e15) - seconds(group, 1e15) for group in (1, 8))
    assert many == pytest.approx(few)


def test_longer_answers_take_more_memory_in_reinforcement_learning():
    short, long = (rl_plan(FULL, CONFIG, SEEN, Answers(limit), 8, H100, 5).memory for limit in (64, 1024))
    assert long.logits == 16 * short.logits


def test_more_devices_are_no_cure_where_one_does_as_well():
    setup = TrainingSetup("lora", ("decoder",), dtype="bfloat16")
    (alike,) = what_fits(setup, SMALL, in_training, has_adapters=True)
    assert (alike.options, alike.setup.processes) == ("--activation-checkpointing", 1)


def test_changes_are_options_that_the_command_takes():
    told = [change.options for change in changes(replace(FULL, batch_rows=4, micro_batch_rows=2), has_adapters=True)]
    before = "--micro-batch-rows 1 --activation-checkpointing"
    assert told[:5] == [
        "--micro-batch-rows 1", before, f"{before} --lora", f"{before} --qlora", f"{before} --gpus 2",
    ]  # fmt: skip
    assert told[5:7] == [f"{before} --gpus 4", f"{before} --gpus 8 --batch-rows 8"]
    assert [change.options for change in changes(replace(FULL, method="qlora"), has_adapters=True)] == [
        "--activation-checkpointing"
    ]


def test_changes_keep_pairs_together_and_offer_adapters_to_finetuning_alone():
    pairs = replace(FULL, reads_reference=True, batch_rows=8, micro_batch_rows=2)
    found = {change.options: change.setup for change in changes(pairs, has_adapters=False)}
    assert next(iter(found)) == "--activation-checkpointing"
    assert not any("lora" in options for options in found)
    assert found["--activation-checkpointing --gpus 8 --batch-rows 8"].batch_rows == 16


def test_adapters_beside_four_bits_fit_a_small_card():
    setup = TrainingSetup("qlora", ("decoder",), dtype="bfloat16", activation_checkpointing=True)
    assert in_training(setup).fits(SMALL)
    assert not in_training(replace(setup, method="lora")).fits(replace(SMALL, memory_bytes=16e9))


def test_twice_the_devices_take_half_the_time_and_the_same_money():
    one, two = (training_plan(replace(FULL, processes=count), CONFIG, SEEN, H100, 10, price=2.0) for count in (1, 2))
    assert (two.cost.seconds, two.cost.money) == (one.cost.seconds / 2, one.cost.money)
    assert two.tokens_per_second == 2 * one.tokens_per_second


def test_keys_and_values_grow_with_the_answers_under_way():
    few, many = (serving_plan(CONFIG, SEEN, Answers(256, count), H200, 1, "bfloat16") for count in (1, 64))
    assert many.memory.keys_and_values == 64 * few.memory.keys_and_values
    assert many.tokens_per_second > few.tokens_per_second


def test_reinforcement_learning_keeps_the_moments_and_writes_with_a_copy():
    setup = replace(FULL, processes=8)
    learning = in_training(setup)
    found = rl_plan(setup, CONFIG, SEEN, Answers(), 8, H100, num_steps=5)
    assert found.memory.total >= learning.total + 2 * 8e9
    assert found.cost.seconds > rl_plan(setup, CONFIG, SEEN, Answers(limit=64), 8, H100, num_steps=5).cost.seconds > 0
