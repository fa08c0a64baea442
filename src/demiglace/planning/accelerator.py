"""Devices to plan for: compute, memory, bandwidth and power, with sources; the local CPU is measured."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from demiglace.training.flops import measure_peak

GIB = 2**30
GPU_RUNTIME = 0.75 * GIB  # ours: context, kernels and workspaces of the libraries; not measured on each device
GPU_FRAGMENTS = 0.05  # ours: share of the caching allocator's memory lost to fragmentation
# Ours, fitted to benchmarks/results/finetune_memory.json: interpreter and libraries, with peft for adapters; and freed
# memory that glibc keeps, as a share of the activations (adapters create many small tensors between large ones).
CPU_RUNTIME, ADAPTER_RUNTIME = 340 * 2**20, 80 * 2**20
CPU_KEPT, CPU_KEPT_BY_ADAPTERS = 0.23, 0.68


@dataclass(frozen=True)
class Accelerator:
    """One device.

    operations: a second, by dtype, for dense products with float32 accumulation. bandwidth: of memory, bytes a second.
    memory_bytes: usable by a process. watts: at most; None if unknown. source: of these numbers.
    """

    name: str
    operations: Mapping[str, float]
    bandwidth: float
    memory_bytes: float
    watts: float | None
    source: str

    @property
    def is_cpu(self) -> bool:
        return self.name == "cpu"

    def peak(self, dtype: str) -> float:
        """Operations a second in `dtype`; ValueError if it is not in the table."""
        if dtype not in self.operations:
            raise ValueError(f"the speed of {self.name} is known for {', '.join(self.operations)}, not for {dtype}")
        return self.operations[dtype]


# NVIDIA's data sheets; dense, without sparsity. float32 is without TF32, as torch computes by default.
ACCELERATORS = {
    found.name: found
    for found in (
        Accelerator("a100-40gb", {"bfloat16": 312e12, "float32": 19.5e12}, 1.555e12, 39.4 * GIB, 400,
                    "NVIDIA A100 Tensor Core GPU data sheet, SXM"),
        Accelerator("a100-80gb", {"bfloat16": 312e12, "float32": 19.5e12}, 2.039e12, 79.2 * GIB, 400,
                    "NVIDIA A100 Tensor Core GPU data sheet, SXM"),
        Accelerator("h100-80gb", {"bfloat16": 989e12, "float32": 67e12}, 3.35e12, 79.2 * GIB, 700,
                    "NVIDIA H100 Tensor Core GPU data sheet, SXM"),
        Accelerator("h200", {"bfloat16": 989e12, "float32": 67e12}, 4.8e12, 139.8 * GIB, 700,
                    "NVIDIA H200 Tensor Core GPU data sheet, SXM"),
        Accelerator("rtx-4090", {"bfloat16": 165.2e12, "float32": 82.6e12}, 1.008e12, 23.5 * GIB, 450,
                    "NVIDIA Ada GPU architecture white paper, appendix A"),
    )
}  # fmt: skip


def accelerator(name: str, dtype: str) -> Accelerator:
    """The device called `name`; "cpu" measures this machine in `dtype`. ValueError if there is none."""
    if name == "cpu":
        return this_cpu(dtype)
    if name not in ACCELERATORS:
        raise ValueError(f"unknown device {name!r}; choose from cpu, {', '.join(ACCELERATORS)}")
    return ACCELERATORS[name]


def this_cpu(dtype: str) -> Accelerator:
    """This machine's CPU, measured with matrix products and a copy; its watts are unknown and up to the user."""
    peak = measure_peak(torch.device("cpu"), getattr(torch, dtype))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Accelerator("cpu", {dtype: peak}, copy_bandwidth(), memory, None, "measured here")


def copy_bandwidth(size: int = 2**26) -> float:
    """Bytes a second read and written by the fastest of several copies of `size` bytes."""
    source = torch.ones(size, dtype=torch.uint8)
    target, best = torch.empty_like(source), float("inf")
    for _ in range(5):
        began = time.perf_counter()
        target.copy_(source)
        best = min(best, time.perf_counter() - began)
    return 2 * size / best
