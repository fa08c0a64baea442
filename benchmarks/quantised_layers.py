"""Ways to multiply by one quantised matrix, against float32: those that are used here, and those that are not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from demiglace.model.quantisation import Int8Linear, PackedInt8Linear, bitsandbytes, int8_rows, quantised

SHAPES = {"nano": (256, 256), "small": (768, 768), "8b": (4096, 4096)}  # of a query's projection
ROWS = (1, 8, 32, 512)


def shortest(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Of each way, taking turns; a round before is not counted."""
    times = [{name: way() for name, way in ways.items()} for _ in range(rounds + 1)][1:]
    return {name: min(one[name] for one in times) for name in ways}


def nf4(weight: Tensor) -> nn.Module:
    bnb = bitsandbytes()
    linear = bnb.nn.Linear4bit(*weight.shape[::-1], bias=False, compute_dtype=torch.float32, quant_type="nf4")
    linear.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4")
    return linear.to("cpu").eval()


def layer_ways(weight: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Ways to multiply by `weight` (out, in)."""
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, Int8WeightOnlyConfig, quantize_

    def torchao(config: Any) -> nn.Module:
        linear = nn.Linear(*weight.shape[::-1], bias=False)
        linear.weight = nn.Parameter(weight.clone(), requires_grad=False)
        holder = nn.Sequential(linear)
        quantize_(holder, config)
        return holder

    numbers, scale = int8_rows(weight)
    small = weight.bfloat16()
    return {
        "float32": lambda x: F.linear(x, weight),
        "bfloat16": lambda x: F.linear(x.bfloat16(), small).float(),
        "int8": PackedInt8Linear(numbers, scale.squeeze(-1)),
        "int8, weights alone": Int8Linear(numbers, scale.squeeze(-1)),
        "int4": quantised("here", weight, "int4"),
        "NF4 of bitsandbytes": nf4(weight),
        "int8 of torchao": torchao(Int8DynamicActivationInt8WeightConfig()),
        "int8 of torchao, weights alone": torchao(Int8WeightOnlyConfig()),
    }


@torch.inference_mode()
def layer_times(shape: tuple[int, int], rounds: int) -> dict[str, Any]:
    """By way its error against float32, and milliseconds by rows."""
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * shape[1] ** -0.5
    ways = layer_ways(weight)
    x = torch.randn(ROWS[-1], shape[1], generator=torch.Generator().manual_seed(1))
    exact = F.linear(x, weight)
    figures: dict[str, Any] = {
        name: {"error": float((way(x) - exact).norm() / exact.norm())} for name, way in ways.items()
    }
    for rows in ROWS:
        some = x[:rows]
        repeats = max(1, 64 // rows) if shape[0] < 1024 else 1
        timed = {name: partial(seconds_of, way, some, repeats) for name, way in ways.items()}
        for name, seconds in shortest(timed, rounds if rows > 32 else 4 * rounds).items():
            figures[name][str(rows)] = 1e3 * seconds
    return figures


def seconds_of(way: Callable[[Tensor], Tensor], x: Tensor, repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        way(x)
    return (time.perf_counter() - began) / repeats
