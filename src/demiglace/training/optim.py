"""Optimizers: Muon for matrices, AdamW for the rest (ours)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from demiglace.training.distributed import full_tensor, shard_like

# Newton-Schulz coefficients of Muon (Jordan et al., 2024): they trade exactness for speed near singular value 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS, _MOMENTUM = 5, 0.95  # as there


def orthogonalise(matrix: Tensor) -> Tensor:
    """Nearest semi-orthogonal matrix, roughly. float32 on purpose: bf16 is emulated on many CPUs."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_STEPS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.T if tall else x


class Muon(Optimizer):
    """Orthogonalised momentum for matrices (Jordan et al., 2024), at AdamW's step size (Moonlight, 2502.16982).

    A sharded matrix is gathered for it, since its singular values are those of the whole.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": _MOMENTUM, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: nn.Parameter, gradient: Tensor, group: dict) -> None:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        direction = shard_like(orthogonalise(full_tensor(gradient.lerp(momentum, group["momentum"]))), gradient)
        scale = 0.2 * math.sqrt(max(parameter.shape))
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"] * scale)


def optimizers(
    named: Iterable[tuple[str, nn.Parameter]], learning_rate: float, weight_decay: float, muon: bool = True
) -> list[Optimizer]:
    """Muon for the matrices inside blocks, AdamW without decay for the rest, which is all where `muon` is False."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in named:
        (matrices if muon and parameter.ndim == 2 and ".layers." in name else others).append(parameter)
    found: list[Optimizer] = []
    if matrices:
        found.append(Muon(matrices, lr=learning_rate, weight_decay=weight_decay))
    if others:
        found.append(torch.optim.AdamW(others, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["peak"] = learning_rate
    return found
