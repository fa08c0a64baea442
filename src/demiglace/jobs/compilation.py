"""Compiled layers: those of a list share their programs, so that only the first is waited for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

MOST_SHAPES = 64  # ours: compiled programs of one layer, by shape, dtype and whether gradients are needed


def compile_layers(layers: nn.ModuleList, log: Callable[[str], None], dynamic: bool | None = False) -> None:
    """Compile every layer as one graph; names of weights do not change.

    dynamic: False compiles separately for each shape, None makes any number dynamic that was seen to change, such as a
    layer's index in a cache.

    If a trial shows that this machine cannot compile, the layers run uncompiled and a message says so.
    """
    if (reason := why_not()) is not None:
        log(f"torch.compile does not work here ({reason}): layers run as they are")
        return
    torch._dynamo.config.recompile_limit = MOST_SHAPES
    for layer in layers:
        layer.compile(dynamic=dynamic, fullgraph=True)


def why_not() -> str | None:
    """None where a small product with its gradient compiles and runs, else why it does not, in a line."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    given = torch.ones(8, 8, device=device, requires_grad=True)
    try:
        torch.compile(lambda x: (x @ x).relu().sum())(given).backward()
    except Exception as error:  # compilers differ, and fail in many ways
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return None
