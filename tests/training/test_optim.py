"""Optimizers: which parameters each takes, and what its steps do."""

import pytest
import torch
from torch import nn

from demiglace.training.optim import Muon, optimizers, orthogonalise


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (16, 4)])
def test_orthogonalise_brings_singular_values_near_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.3
    assert values.max() < 1.3


def test_muon_lowers_a_quadratic():
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(6, 6))
    target = torch.randn(6, 6)
    optimizer = Muon([weight], lr=0.2, weight_decay=0.0)
    losses = []
    for _ in range(100):
        loss = (weight - target).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


def test_matrices_of_blocks_go_to_muon_and_the_rest_to_adamw():
    named = {
        "a.layers.0.weight": nn.Parameter(torch.zeros(2, 2)),
        "a.layers.0.bias": nn.Parameter(torch.zeros(2)),
        "embedding": nn.Parameter(torch.zeros(2, 2)),
    }
    muon, adamw = optimizers(named.items(), learning_rate=0.1, weight_decay=0.0)
    assert isinstance(muon, Muon)
    assert len(muon.param_groups[0]["params"]) == 1
    assert isinstance(adamw, torch.optim.AdamW)
    assert len(adamw.param_groups[0]["params"]) == 2


@pytest.mark.parametrize(("muon", "weight_decay"), [(True, 0.1), (False, 0.1), (False, 0.0)])
def test_matrices_of_blocks_alone_decay_whichever_optimizer_has_them(muon, weight_decay):
    named = {
        "a.layers.0.weight": nn.Parameter(torch.ones(2, 2)),
        "a.layers.0.bias": nn.Parameter(torch.ones(2)),
        "embedding": nn.Parameter(torch.ones(2, 2)),
    }
    for parameter in named.values():
        parameter.grad = torch.zeros_like(parameter)
    for optimizer in optimizers(named.items(), 0.5, weight_decay, muon):
        optimizer.step()
    assert torch.allclose(named["a.layers.0.weight"], torch.full((2, 2), 1 - 0.5 * weight_decay))
    assert torch.equal(named["a.layers.0.bias"], torch.ones(2))
    assert torch.equal(named["embedding"], torch.ones(2, 2))
