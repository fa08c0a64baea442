"""Layers are compiled in place, or it is said why not."""

import torch
from torch import nn

from demiglace.jobs import compilation
from demiglace.jobs.compilation import compile_layers


def test_a_machine_that_cannot_compile_is_named_and_layers_run_as_they_are(monkeypatch):
    def fail(function):
        raise RuntimeError("no compiler\nand more")

    monkeypatch.setattr(torch, "compile", fail)
    messages, layers = [], nn.ModuleList([nn.Linear(2, 2)])
    compile_layers(layers, messages.append)
    assert messages == ["torch.compile does not work here (RuntimeError: no compiler): layers run as they are"]
    assert layers[0](torch.ones(1, 2)).shape == (1, 2)
    assert layers[0]._compiled_call_impl is None


def test_names_of_weights_stay(monkeypatch):
    monkeypatch.setattr(compilation, "why_not", lambda: None)
    layers = nn.ModuleList([nn.Linear(2, 2)])
    before = list(layers.state_dict())
    compile_layers(layers, lambda message: None)
    assert layers[0]._compiled_call_impl is not None
    assert list(layers.state_dict()) == before
