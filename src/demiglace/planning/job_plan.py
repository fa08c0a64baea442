"""A job on devices: its requirements, whether it fits, and settings that make it fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.model.adapters import TARGETS
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.planning.accelerator import Accelerator
from demiglace.planning.duration import RunCost, answer_flops, decode_rate, run_cost, training_seconds
from demiglace.planning.memory import MemoryParts, process_memory, serving_memory, with_runtime
from demiglace.planning.training_setup import Method, TrainingSetup

MOST_DEVICES = 1024


@dataclass(frozen=True)
class JobPlan:
    """memory: of each device. tokens_per_second: of all devices; for serving, generated tokens."""

    memory: MemoryParts
    num_steps: int
    tokens_per_second: float
    cost: RunCost


@dataclass(frozen=True)
class Answers:
    """Answers to generate: at most `limit` tokens each, `concurrent` in progress on each device."""

    limit: int = 256
    concurrent: int = 32


def training_plan(
    setup: TrainingSetup,
    config: MiniCPMVConfig,
    data: DatasetStatistics,
    device: Accelerator,
    num_steps: int,
    price: float | None = None,
) -> JobPlan:
    """Plan for `num_steps` steps on data like `data`, whose `flops` are from `duration.training_flops`."""
    count = setup.processes
    memory = process_memory(setup, config, data, device.is_cpu)
    tokens = num_steps * setup.batch_rows * setup.length
    seconds = training_seconds(data.flops * tokens / max(1, data.tokens), device, count, setup.dtype)
    return JobPlan(memory, num_steps, tokens / seconds if seconds else 0.0, run_cost(seconds, device, count, price))


def serving_plan(
    config: MiniCPMVConfig,
    data: DatasetStatistics,
    answers: Answers,
    device: Accelerator,
    count: int,
    dtype: str,
    price: float | None = None,
) -> JobPlan:
    """Plan for answering every record once, with requests distributed to `count` devices with a full model each.

    data: its `flops` are for prefill only.
    """
    records = max(1, data.samples)
    prompt = data.tokens / records
    patches = data.patches // records
    width = 2 if dtype == "bfloat16" else 4
    tensors = serving_memory(config, width, round(prompt) + answers.limit, answers.concurrent, patches)
    rate = decode_rate(config, device, dtype, answers.concurrent, prompt + answers.limit / 2, tensors.weights)
    prefill_seconds = training_seconds(data.flops / records, device, 1, dtype)
    seconds = data.num_records * (prefill_seconds + answers.limit / rate) / count
    new_tokens = data.num_records * answers.limit
    memory = with_runtime(tensors, device.is_cpu, tensors.activations)
    return JobPlan(
        memory, data.num_records, new_tokens / seconds if seconds else 0.0, run_cost(seconds, device, count, price)
    )


def pair_plan(
    setup: TrainingSetup,
    config: MiniCPMVConfig,
    data: DatasetStatistics,
    device: Accelerator,
    num_steps: int,
    price: float | None = None,
) -> JobPlan:
    """Plan for steps on preference pairs: a row is a prompt with both of its answers.

    data: of prompts with one answer each; its `flops` are for both, as of `duration.pair_flops`.
    """
    records, learned = max(1, data.samples), data.learned_tokens
    rows = replace(data, tokens=data.tokens + learned, learned_tokens=2 * learned)
    row_setup = replace(
        setup,
        length=math.ceil(rows.tokens / records),
        context=math.ceil(data.tokens / records),
        batch_rows=setup.batch_rows // setup.rows_of_a_unit,
        micro_batch_rows=max(1, setup.micro_batch_rows // setup.rows_of_a_unit),
    )
    return training_plan(row_setup, config, rows, device, num_steps, price)


def rl_plan(
    setup: TrainingSetup,
    config: MiniCPMVConfig,
    data: DatasetStatistics,
    answers: Answers,
    group: int,
    device: Accelerator,
    num_steps: int,
    price: float | None = None,
) -> JobPlan:
    """Plan for steps that sample `group` answers to each of `setup.batch_rows` prompts and train on all.

    A prompt is computed once for its group. The engine uses the trained weights, or a copy if they are sharded or in
    another dtype. data: of the prompts alone; its `flops` are for training on them.
    """
    records = max(1, data.samples)
    prompt = data.tokens / records
    rows, row_setup = with_answers(data, config, setup, answers.limit, group)
    training = training_plan(row_setup, config, rows, device, num_steps)
    limited = replace(answers, concurrent=min(answers.concurrent, group * setup.batch_rows // setup.processes))
    sampling = serving_plan(config, replace(data, num_records=records), limited, device, 1, setup.dtype)
    is_copied = setup.processes > 1 or setup.width == 2
    memory = most_of(training.memory, sampling.memory, is_copied)
    new_tokens = num_steps * setup.batch_rows * group * answers.limit
    rate = decode_rate(
        config, device, setup.dtype, limited.concurrent, prompt + answers.limit / 2, sampling.memory.weights
    )
    seconds = training.cost.seconds + new_tokens / (rate * setup.processes)
    return JobPlan(memory, num_steps, new_tokens / seconds, run_cost(seconds, device, setup.processes, price))


def with_answers(
    data: DatasetStatistics, config: MiniCPMVConfig, setup: TrainingSetup, limit: int, group: int
) -> tuple[DatasetStatistics, TrainingSetup]:
    """Rows of a prompt and `group` answers to it, of which only the answers are learned, and a setup for them."""
    records, written = max(1, data.samples), group * limit
    prompt = round(data.tokens / records)
    rows = replace(
        data,
        tokens=records * (prompt + written),
        learned_tokens=records * written,
        flops=data.flops + records * group * answer_flops(config, prompt, limit, setup),
    )
    return rows, replace(setup, length=prompt + written, context=prompt + limit)


def most_of(training: MemoryParts, sampling: MemoryParts, is_copied: bool) -> MemoryParts:
    """Training and sampling alternate: optimizer moments stay, while activations and the KV cache do not coexist."""
    copied = sampling.weights if is_copied else 0.0
    turns = (
        replace(training, weights=training.weights + copied),
        replace(sampling, weights=training.weights + copied, optimizer=training.optimizer, runtime=training.runtime),
    )
    return max(turns, key=lambda parts: parts.total)


@dataclass(frozen=True)
class Change:
    """Options of the command, and the resulting setup."""

    options: str
    setup: TrainingSetup


def changes(setup: TrainingSetup, has_adapters: bool) -> Iterator[Change]:
    """Changes that reduce memory, each in addition to the previous ones; those that do not change results come first.

    has_adapters: whether the job may train adapters instead. QLoRA runs in one process only, and a step has at least as
    many rows as processes.
    """
    applied: list[str] = []

    def more(option: str, **fields: object) -> Change:
        nonlocal setup
        applied.append(option)
        setup = replace(setup, **fields)  # type: ignore[arg-type]
        return Change(" ".join(applied), setup)

    if setup.micro_batch_rows > setup.rows_of_a_unit:
        yield more("--micro-batch-rows 1", micro_batch_rows=setup.rows_of_a_unit)
    if not setup.activation_checkpointing:
        yield more("--activation-checkpointing", activation_checkpointing=True)
    if setup.dtype != "bfloat16":
        yield more("--dtype bfloat16", dtype="bfloat16")
    before, start = " ".join(applied), setup
    if has_adapters:
        yield from (Change(f"{before} --{method}".strip(), changed) for method, changed in _adapters(start))
    if setup.method != "qlora":
        yield from (Change(f"{before} {options}".strip(), changed) for options, changed in _devices(start))


def _adapters(setup: TrainingSetup) -> Iterator[tuple[Method, TrainingSetup]]:
    if TARGETS.keys().isdisjoint(setup.parts):
        return
    if setup.method == "full":
        yield "lora", replace(setup, method="lora")
    if setup.method != "qlora" and setup.processes == 1:
        yield "qlora", replace(setup, method="qlora")


def _devices(setup: TrainingSetup) -> Iterator[tuple[str, TrainingSetup]]:
    """Doubles the devices repeatedly; a step gets more rows if they cannot be split evenly."""
    count, units = setup.processes, setup.batch_rows // setup.rows_of_a_unit
    while count < MOST_DEVICES:
        count *= 2
        enough = count * math.ceil(units / count)
        options = f"--gpus {count}" if enough == units else f"--gpus {count} --batch-rows {enough}"
        yield options, replace(setup, processes=count, batch_rows=enough * setup.rows_of_a_unit)


def what_fits(
    setup: TrainingSetup, device: Accelerator, memory: Callable[[TrainingSetup], MemoryParts], has_adapters: bool
) -> list[Change]:
    """The first change that fits on as many devices, and if it changes the method, also the first with more devices.

    memory: the job's memory in a setup.
    """
    fitting = [change for change in changes(setup, has_adapters) if memory(change.setup).fits(device)]
    alike = [change for change in fitting if change.setup.processes == setup.processes]
    more = [change for change in fitting if change.setup.processes != setup.processes and not device.is_cpu]
    is_the_same = any(change.setup.method == setup.method for change in alike[:1])
    return alike[:1] if is_the_same else alike[:1] + more[:1]
