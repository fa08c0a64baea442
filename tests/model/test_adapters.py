"""Adapters in PEFT's format: nothing changes before they learn, merged equals beside, another base is refused."""

import json

import pytest
import torch
from mixtures import small_config, small_model

from demiglace.batch import Batch, Visual
from demiglace.model.adapters import (
    ADAPTER_CONFIG,
    Lora,
    add_adapters,
    learned_names,
    merge_adapter,
    quantise,
    save_adapter,
)
from demiglace.model.minicpmv import MiniCPMV

pytest.importorskip("peft")

ALL = ("encoder", "resampler", "decoder")


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    visual = Visual(
        torch.rand(6, 3 * 14 * 14, generator=generator), torch.tensor([[2, 3]]), torch.tensor([1]), torch.tensor([-1])
    )
    tokens = torch.randint(0, 256, (1, 12), generator=generator)
    places = torch.arange(3, 7)
    return Batch(tokens, torch.arange(12).unsqueeze(0), torch.ones(1, 12, dtype=torch.int64), places, visual)


def nudged(model, adapted):
    """As if something had been learned."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("parts", [("decoder",), ("encoder",), ALL])
def test_a_new_adapter_changes_nothing_and_a_merged_one_says_the_same(batch, tmp_path, parts):
    reference = small_model()(batch)
    model = small_model()
    adapted = add_adapters(model, parts, Lora(rank=4))
    assert torch.equal(model.eval()(batch), reference)
    beside = nudged(model, adapted)(batch)
    assert not torch.allclose(beside, reference, atol=1e-3)
    save_adapter(adapted, tmp_path / "adapter")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} >= {ADAPTER_CONFIG, "adapter_model.safetensors"}
    merged = merge_adapter(small_model(), tmp_path / "adapter")
    assert isinstance(merged, MiniCPMV)
    assert list(merged.state_dict()) == list(small_model().state_dict())
    torch.testing.assert_close(merged(batch), beside, atol=1e-5, rtol=0)


def test_what_learns_is_the_adapters_and_a_named_resampler():
    model = small_model()
    add_adapters(model, ("decoder",), Lora(rank=4))
    names = learned_names(model)
    assert names
    assert all("lora_" in name and name.startswith("llm.") for name in names)
    model = small_model()
    add_adapters(model, ("decoder", "resampler"), Lora(rank=4))
    assert {name.split(".")[0] for name in learned_names(model)} == {"llm", "resampler"}


def test_an_adapter_of_another_base_is_refused(tmp_path):
    adapted = add_adapters(small_model(), ("decoder",), Lora(rank=4))
    save_adapter(adapted, tmp_path / "adapter")
    config = small_config()
    other = MiniCPMV(type(config)(config.vision, config.resampler, _wider(config.llm)))
    with pytest.raises(ValueError, match="does not fit this model"):
        merge_adapter(other, tmp_path / "adapter")


def _wider(llm):
    from dataclasses import replace

    return replace(llm, intermediate_size=96)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "holds no adapter"), ("{", "does not fit"), (json.dumps({"peft_type": "LORA"}), "does not fit")],
)
def test_what_is_no_adapter_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / ADAPTER_CONFIG).write_text(content)
    with pytest.raises(ValueError, match=message):
        merge_adapter(small_model(), tmp_path)


def test_the_resampler_alone_takes_no_adapter():
    with pytest.raises(ValueError, match="adapters go into encoder and decoder, but resampler"):
        add_adapters(small_model(), ("resampler",), Lora())


@pytest.mark.parametrize("numbers", [{"rank": 0}, {"scale": 0.0}, {"dropout": 1.0}])
def test_numbers_out_of_bounds(numbers):
    with pytest.raises(ValueError, match="LoRA needs"):
        Lora(**numbers)


def test_four_bits_leave_the_resampler_and_nearly_what_was_said(batch, tmp_path):
    bnb = pytest.importorskip("bitsandbytes")
    model = small_model()
    reference = model(batch)
    quantise(model, torch.float32).to("cpu")
    small = [name for name, module in model.named_modules() if isinstance(module, bnb.nn.Linear4bit)]
    assert len(small) == 2 * (4 + 2) + 2 * (4 + 3)  # layers of encoder and decoder
    assert not any(name.startswith("resampler") for name in small)
    assert model.vpm.encoder.layers[0].mlp.fc1.weight.dtype == torch.uint8
    difference = (model(batch) - reference).abs().mean()
    assert 0 < difference < 0.3 * reference.abs().mean()
    adapted = add_adapters(model, ("decoder",), Lora(rank=4))
    loss = nudged(model, adapted)(batch).square().mean()
    loss.backward()
    learned = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert learned
    assert all(gradient is not None and gradient.isfinite().all() for gradient in learned)
    save_adapter(adapted, tmp_path / "adapter")
    merged = merge_adapter(small_model(), tmp_path / "adapter")
    assert (merged(batch) - model(batch)).abs().mean() < 0.3 * reference.abs().mean()
