"""Optimizers: Muon for matrices, AdamW for the rest (ours)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from demiglace.training.distributed import full_tensor, is_sharded, shard_like

# Newton-Schulz coefficients of Muon (Jordan et al., 2024): they trade exactness for speed near singular value 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS, _MOMENTUM = 5, 0.95  # from the same source


def orthogonalise(matrix: Tensor) -> Tensor:
    """Approximates the nearest semi-orthogonal matrix; in a stack (matrices, rows, columns), of each matrix.

    float32 on purpose: bfloat16 is emulated on many CPUs.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.mT if tall else x


class Muon(Optimizer):
    """Orthogonalised momentum for matrices (Jordan et al., 2024), at AdamW's step size (Moonlight, 2502.16982).

    A sharded matrix is gathered first, because orthogonalisation needs the singular values of the full matrix.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": _MOMENTUM, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            for stack in _stacks(parameters):
                momenta = [self._nesterov(parameter, group["momentum"]) for parameter in stack]
                for parameter, direction in zip(stack, _directions(momenta), strict=True):
                    self._update(parameter, direction, group)

    def _nesterov(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """The matrix to orthogonalise: the gradient, interpolated with the updated momentum (Nesterov)."""
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        return gradient.lerp(state["momentum"].lerp_(gradient, 1 - momentum), momentum)

    def _update(self, parameter: nn.Parameter, direction: Tensor, group: dict) -> None:
        scale = 0.2 * math.sqrt(max(parameter.shape))
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"] * scale)


def _stacks(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Matrices that are orthogonalised together: on a GPU unsharded ones of equal shape, because many small products
    would make it wait for the host; otherwise each separately."""
    stacks: dict[object, list[nn.Parameter]] = {}
    for parameter in parameters:
        alone = is_sharded(parameter) or not parameter.is_cuda
        stacks.setdefault(id(parameter) if alone else parameter.shape, []).append(parameter)
    return list(stacks.values())


def _directions(momenta: list[Tensor]) -> Sequence[Tensor]:
    if len(momenta) == 1:
        return [shard_like(orthogonalise(full_tensor(momenta[0])), momenta[0])]
    return orthogonalise(torch.stack(momenta)).unbind()


def is_matrix(name: str, parameter: Tensor) -> bool:
    """Whether it is a matrix inside a block, by the name in its model: what Muon learns."""
    return parameter.ndim == 2 and ".layers." in name


def optimizers(
    named: Iterable[tuple[str, nn.Parameter]], learning_rate: float, weight_decay: float, muon: bool = True
) -> list[Optimizer]:
    """Muon for the matrices inside blocks, or AdamW if `muon` is False; AdamW without weight decay for the rest."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in named:
        (matrices if is_matrix(name, parameter) and (muon or weight_decay) else others).append(parameter)
    chosen: list[Optimizer] = []
    if matrices and muon:
        chosen.append(Muon(matrices, lr=learning_rate, weight_decay=weight_decay))
    decays = [(others, 0.0)] if muon else [(matrices, weight_decay), (others, 0.0)]
    if groups := [{"params": own, "weight_decay": decay} for own, decay in decays if own]:
        chosen.append(torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98)))
    for optimizer in chosen:
        for group in optimizer.param_groups:
            group["peak"] = learning_rate
    return chosen
