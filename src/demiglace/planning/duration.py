"""Operations of a job, and its time, energy and money.

Training time is operations by formula, including recomputation by activation checkpointing, over a share of the
device's peak. Decoding is limited by reading weights, keys and values, or by operations, whichever is slower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from demiglace.batch import IGNORE, Batch
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.planning.accelerator import Accelerator
from demiglace.planning.memory import bytes_of_a_place
from demiglace.planning.training_setup import TrainingSetup, adapter_weights, part_sizes
from demiglace.training.flops import Learning, llm_flops, resampler_flops, sample_lengths, vision_flops

UTILISATION = 0.4  # ours: of the peak, in training and prefill
BANDWIDTH_SHARE = 0.6  # ours: of the memory bandwidth, in decoding
JOULES_OF_A_KWH = 3.6e6


@dataclass(frozen=True)
class RunCost:
    """For all devices together. kwh: None if their watts are unknown; money: None without a price."""

    seconds: float
    kwh: float | None
    money: float | None


def run_cost(seconds: float, device: Accelerator, count: int, price: float | None) -> RunCost:
    """price: per device and hour. Watts are the devices' maximum, without the rest of the machine."""
    kwh = None if device.watts is None else count * device.watts * seconds / JOULES_OF_A_KWH
    return RunCost(seconds, kwh, None if price is None else count * price * seconds / 3600)


def training_flops(config: MiniCPMVConfig, batch: Batch, setup: TrainingSetup) -> float:
    """Operations for a batch as computed: with adapters, frozen weights get no gradient, and the adapters' products are
    added; checkpointed layers run forward twice; a reference model reads everything once."""
    forward = (vision_flops(config, batch), resampler_flops(config, batch), llm_flops(config, batch))
    factors = list(Learning(*(part in setup.parts for part in ("encoder", "resampler", "decoder"))).factors())
    if not setup.is_full:
        factors[0], factors[2] = min(2, factors[0]), min(2, factors[2])
    if setup.activation_checkpointing:
        factors[0] += "encoder" in setup.parts
        factors[2] += 1
    extra = sum(forward) if setup.reads_reference else 0.0
    own = 0.0 if setup.is_full else adapter_flops(config, batch, setup)
    return sum(factor * cost for factor, cost in zip(factors, forward, strict=True)) + own + extra


def pair_flops(config: MiniCPMVConfig, batch: Batch, setup: TrainingSetup) -> float:
    """Operations for training on two answers to a prompt, from a sample of the prompt with one of them."""
    learned = 0 if batch.labels is None else int((batch.labels != IGNORE).sum())
    prompt = int(sample_lengths(batch.segments).sum()) - learned
    return training_flops(config, batch, setup) + answer_flops(config, prompt, learned, setup)


def answer_flops(config: MiniCPMVConfig, prompt: int, tokens: int, setup: TrainingSetup) -> float:
    """Operations for training on an answer of so many tokens to a prompt that is computed apart from it."""
    whole, before = (training_flops(config, _text(length, prompt), setup) for length in (prompt + tokens, prompt))
    return whole - before


def _text(length: int, prompt: int) -> Batch:
    """A row of text of which what follows the prompt is learned."""
    row = torch.arange(length).unsqueeze(0)
    labels = torch.where(row < prompt, IGNORE, 0)
    return Batch(row, row, torch.ones_like(row), row.new_zeros(0), None, labels)


def adapter_flops(config: MiniCPMVConfig, batch: Batch, setup: TrainingSetup) -> float:
    """Operations of only the adapters, forward and for both gradients."""
    places = {"decoder": int(sample_lengths(batch.segments).sum())}
    if batch.visual is not None:
        places["encoder"] = batch.visual.patches.shape[0]
    passes = 4 if setup.activation_checkpointing else 3
    parts = [part for part in setup.parts if part in places]
    return sum(2.0 * passes * places[part] * adapter_weights(replace(setup, parts=(part,)), config) for part in parts)


def training_seconds(flops: float, device: Accelerator, count: int, dtype: str) -> float:
    return flops / (UTILISATION * device.peak(dtype) * count)


def decode_rate(
    config: MiniCPMVConfig, device: Accelerator, dtype: str, answers: int, context: float, weight_bytes: float
) -> float:
    """Tokens a second that one device generates, with `answers` in progress of `context` tokens each."""
    width = 2 if dtype == "bfloat16" else 4
    decoder = part_sizes(config)["decoder"] - config.llm.vocab_size * config.llm.hidden_size  # one row of embeddings
    share = decoder / sum(part_sizes(config).values())
    read = weight_bytes * share + answers * context * bytes_of_a_place(config.llm, width)
    pairs = config.llm.num_layers * config.llm.num_heads * config.llm.head_dim * context
    computed = answers * (2 * decoder + 4 * pairs)
    seconds = max(read / (BANDWIDTH_SHARE * device.bandwidth), computed / (UTILISATION * device.peak(dtype)))
    return answers / seconds
