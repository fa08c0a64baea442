"""Peak memory of a job, by part, and whether it fits a device."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
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

LOSS_BYTES = 12  # per logit: itself, its log-probability and its gradient, in float32


@dataclass(frozen=True)
class MemoryParts:
    """Bytes of one process at its peak."""

    weights: float = 0.0
    gradients: float = 0.0
    optimizer: float = 0.0
    activations: float = 0.0
    keys_and_values: float = 0.0
    logits: float = 0.0
    runtime: float = 0.0

    @property
    def total(self) -> float:
        return sum(getattr(self, part.name) for part in fields(self))

    def fits(self, device: Accelerator) -> bool:
        return self.total <= device.memory_bytes


def training_memory(setup: TrainingSetup, config: MiniCPMVConfig, data: DatasetStatistics) -> MemoryParts:
    """Memory of tensors only. The peak is during encoding of pictures, or at the loss, with all activations, or at the
    end of the backward pass, with all gradients and one layer's tensors."""
    held = held_bytes(setup, config)
    tokens = setup.micro_batch_rows * setup.length * min(1, data.tokens)
    share = tokens / max(1, data.tokens)  # of `data`, in memory at once
    patches = share * data.patches
    pictures = 4 * patches * 3 * config.vision.patch_size**2
    kept = pictures + tokens * bytes_of_a_token(config, setup) + patches * bytes_of_a_patch(config, setup)
    logits = LOSS_BYTES * share * data.learned_tokens * config.llm.vocab_size
    early = held.gradients if setup.accumulates else 0.0
    at_loss = MemoryParts(held.weights, early, held.moments, kept, logits=logits)
    layer = tokens * (layer_of_a_token(config, setup) + gradients_of_a_layer(config, setup))
    if "encoder" in setup.parts:
        layer = max(layer, patches * layer_of_a_patch(config, setup))
    inputs = tokens * input_of_a_layer(config, setup)
    at_end = MemoryParts(held.weights, held.gradients, held.moments, pictures + layer + inputs)
    encoding = MemoryParts(
        held.weights, early, held.moments, pictures + encoder_layer_bytes(config, setup.width, patches)
    )
    if setup.activation_checkpointing:  # all layers' inputs are in memory when the last layer is recomputed
        first_back = MemoryParts(held.weights, early, held.moments, kept + layer)
        at_end = max(at_end, first_back, key=lambda parts: parts.total)
    return max(encoding, at_loss, at_end, key=lambda parts: parts.total)


def encoder_layer_bytes(config: MiniCPMVConfig, width: int, patches: float) -> float:
    """Memory of one encoder layer on patches, without gradient: hidden states, queries, keys, values, the MLP."""
    vision = config.vision
    return width * patches * (5 * vision.hidden_size + 2 * vision.intermediate_size)


def serving_memory(config: MiniCPMVConfig, width: int, context: int, answers: int, patches: int) -> MemoryParts:
    """Memory of tensors only: `answers` in progress, each of `context` tokens; `patches` of the largest request."""
    llm, vision = config.llm, config.vision
    weights = width * sum(part_sizes(config).values())
    prompt = min(context, MAX_TOKENS_AT_ONCE)
    hidden = width * (context * 2 * llm.hidden_size + prompt * (3 * llm.intermediate_size + 3 * llm.hidden_size))
    encoding = encoder_layer_bytes(config, width, min(patches, MAX_PATCHES_PER_CHUNK))
    encoding += patches * (width * vision.hidden_size + 4 * 3 * vision.patch_size**2)
    return MemoryParts(
        weights=weights,
        activations=max(hidden, encoding),
        keys_and_values=answers * context * bytes_of_a_place(llm, width),
        logits=4 * answers * llm.vocab_size,
    )


def bytes_of_a_place(llm: Qwen3Config, width: int) -> int:
    """Bytes of keys and values of one token in all layers."""
    return 2 * width * llm.num_layers * llm.num_kv_heads * llm.head_dim


def process_memory(setup: TrainingSetup, config: MiniCPMVConfig, data: DatasetStatistics, is_cpu: bool) -> MemoryParts:
    """Memory of training, including non-tensor memory. glibc's share is based on all activations that are created, even
    with recomputation."""
    parts = training_memory(setup, config, data)
    made = training_memory(replace(setup, activation_checkpointing=False), config, data).activations
    return with_runtime(parts, is_cpu, made, has_adapters=not setup.is_full)


def with_runtime(parts: MemoryParts, is_cpu: bool, made: float, has_adapters: bool = False) -> MemoryParts:
    """Adds non-tensor memory: program, libraries, and fragmentation of the allocator; `made`: bytes of activations that
    a pass creates."""
    if is_cpu:
        kept = made * (CPU_KEPT_BY_ADAPTERS if has_adapters else CPU_KEPT)
        runtime = kept + CPU_RUNTIME + (ADAPTER_RUNTIME if has_adapters else 0)
    else:
        runtime = GPU_RUNTIME + GPU_FRAGMENTS * parts.total
    return replace(parts, runtime=runtime)
