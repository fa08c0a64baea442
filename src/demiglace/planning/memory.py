"""The most memory that a job takes at once, by part, and whether it fits a device."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.qwen3 import MAX_TOKENS_AT_ONCE, Qwen3Config
from demiglace.planning.accelerator import (
    ADAPTER_RUNTIME,
    CPU_KEPT,
    CPU_KEPT_BY_ADAPTERS,
    CPU_RUNTIME,
    GPU_FRAGMENTS,
    GPU_RUNTIME,
    Accelerator,
)
from demiglace.planning.activations import (
    bytes_of_a_patch,
    bytes_of_a_token,
    gradients_of_a_layer,
    input_of_a_layer,
    layer_of_a_patch,
    layer_of_a_token,
)
from demiglace.planning.training_setup import TrainingSetup, held_bytes, part_sizes

LOSS_BYTES = 12  # of a logit: itself, its logarithm and its gradient, in float32


@dataclass(frozen=True)
class MemoryParts:
    """Bytes of one process, of what is there at the moment when most is."""

    weights: float = 0.0
    gradients: float = 0.0
    optimizer: float = 0.0
    activations: float = 0.0
    keys_and_values: float = 0.0
    logits: float = 0.0
    runtime: float = 0.0

    @property
    def total(self) -> float:
        return sum(getattr(self, one.name) for one in fields(self))

    @property
    def tensors(self) -> float:
        return self.total - self.runtime

    def fits(self, device: Accelerator, processes_of_a_device: int = 1) -> bool:
        return self.total * processes_of_a_device <= device.memory_bytes


def training_memory(setup: TrainingSetup, config: MiniCPMVConfig, seen: DatasetStatistics) -> MemoryParts:
    """Of tensors alone. Most is there while pictures are encoded, or at the loss, when all activations are kept, or at
    the end of the backward pass, when all gradients are there and a layer is worked on."""
    held = held_bytes(setup, config)
    tokens = setup.micro_batch_rows * setup.length * min(1, seen.tokens)
    share = tokens / max(1, seen.tokens)  # of what was looked at, in memory at once
    patches = share * seen.patches
    pictures = 4 * patches * 3 * config.vision.patch_size**2
    kept = pictures + tokens * bytes_of_a_token(config, setup) + patches * bytes_of_a_patch(config, setup)
    logits = LOSS_BYTES * share * seen.learned_tokens * config.llm.vocab_size
    early = held.gradients if setup.accumulates else 0.0
    at_loss = MemoryParts(held.weights, early, held.moments, kept, logits=logits)
    layer = tokens * (layer_of_a_token(config, setup) + gradients_of_a_layer(config, setup))
    if "encoder" in setup.parts:
        layer = max(layer, patches * layer_of_a_patch(config, setup))
    inputs = tokens * input_of_a_layer(config, setup)
    at_end = MemoryParts(held.weights, held.gradients, held.moments, pictures + layer + inputs)
    looking = MemoryParts(held.weights, early, held.moments, pictures + looking_bytes(config, setup.width, patches))
    if setup.activation_checkpointing:  # the last layer's inputs are all there when it is computed again
        first_back = MemoryParts(held.weights, early, held.moments, kept + layer)
        at_end = max(at_end, first_back, key=lambda parts: parts.total)
    return max(looking, at_loss, at_end, key=lambda parts: parts.total)


def looking_bytes(config: MiniCPMVConfig, width: int, patches: float) -> float:
    """Of a layer of the encoder at work on patches, without a gradient: hidden states, queries to values, the MLP."""
    vision = config.vision
    return width * patches * (5 * vision.hidden_size + 2 * vision.intermediate_size)


def serving_memory(
    config: MiniCPMVConfig, width: int, context: int, answers: int, patches: int, encoded_at_once: int = 16
) -> MemoryParts:
    """Of tensors alone: `answers` under way, each of `context` tokens; `patches` of the largest request.

    encoded_at_once: patches of so many slices of 1,024 go through the encoder together.
    """
    llm, vision = config.llm, config.vision
    weights = width * sum(part_sizes(config).values())
    prompt = min(context, MAX_TOKENS_AT_ONCE)
    hidden = width * (context * 2 * llm.hidden_size + prompt * (3 * llm.intermediate_size + 3 * llm.hidden_size))
    looked_at = looking_bytes(config, width, min(patches, 1024 * encoded_at_once))
    looked_at += patches * (width * vision.hidden_size + 4 * 3 * vision.patch_size**2)
    return MemoryParts(
        weights=weights,
        activations=max(hidden, looked_at),
        keys_and_values=answers * context * bytes_of_a_place(llm, width),
        logits=4 * answers * llm.vocab_size,
    )


def bytes_of_a_place(llm: Qwen3Config, width: int) -> int:
    """Keys and values of one token in all layers."""
    return 2 * width * llm.num_layers * llm.num_kv_heads * llm.head_dim


def process_memory(setup: TrainingSetup, config: MiniCPMVConfig, seen: DatasetStatistics, is_cpu: bool) -> MemoryParts:
    """Of training, with what comes on top of tensors. What glibc keeps goes by all activations that are made, also
    where layers are computed again."""
    parts = training_memory(setup, config, seen)
    made = training_memory(replace(setup, activation_checkpointing=False), config, seen).activations
    return with_runtime(parts, is_cpu, made, has_adapters=not setup.is_full)


def with_runtime(parts: MemoryParts, is_cpu: bool, made: float, has_adapters: bool = False) -> MemoryParts:
    """On top of tensors: program, libraries, and blocks of an allocator that fit nothing; `made`: bytes of
    activations that a pass makes."""
    if is_cpu:
        kept = made * (CPU_KEPT_BY_ADAPTERS if has_adapters else CPU_KEPT)
        runtime = kept + CPU_RUNTIME + (ADAPTER_RUNTIME if has_adapters else 0)
    else:
        runtime = GPU_RUNTIME + GPU_FRAGMENTS * parts.tensors
    return replace(parts, runtime=runtime)
