"""Adapters in PEFT's format: nothing changes before they learn, merged equals beside, another base is refused."""

import json

import pytest
import torch
from mixtures import small_config, small_model
from safetensors.torch import load_file, save_file

from demiglace.batch import Batch, Visual
from demiglace.model.adapter_file import TENSOR_FILE
from demiglace.model.adapters import (
    Lora,
    add_adapters,
    learned_names,
    merge_adapter,
    save_adapter,
)
from demiglace.model.hub import ADAPTER_CONFIG_FILE
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.quantisation import nf4_for_training

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
    assert {path.name for path in (tmp_path / "adapter").iterdir()} >= {ADAPTER_CONFIG_FILE, TENSOR_FILE}
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


def test_what_learns_is_in_float32_beside_a_model_in_bfloat16():
    model = small_model().to(torch.bfloat16)
    add_adapters(model, ALL, Lora(rank=4))
    dtypes = {(value.requires_grad, value.dtype) for value in model.parameters()}
    assert dtypes == {(True, torch.float32), (False, torch.bfloat16)}


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


@pytest.fixture
def adapter(tmp_path):
    """Of a decoder, with its own rank."""
    model = small_model()
    adapted = add_adapters(model, ("decoder",), Lora(rank=4))
    nudged(model, adapted)
    save_adapter(adapted, tmp_path / "adapter")
    return tmp_path / "adapter"


def edited(folder, **changes):
    fields = json.loads((folder / ADAPTER_CONFIG_FILE).read_text())
    (folder / ADAPTER_CONFIG_FILE).write_text(json.dumps(fields | changes))
    return folder


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "must hold a JSON object, got list"),
        (json.dumps({"peft_type": "LORA"}), "r is missing"),
        (json.dumps({"peft_type": "IA3", "r": 1}), "peft_type must be one of LORA, got 'IA3'"),
    ],
)
def test_what_is_no_adapter_is_refused(adapter, content, message):
    (adapter / ADAPTER_CONFIG_FILE).write_text(content)
    with pytest.raises(ValueError, match=message):
        merge_adapter(small_model(), adapter)


@pytest.mark.parametrize("name", [ADAPTER_CONFIG_FILE, TENSOR_FILE])
def test_a_missing_file_is_named(adapter, name):
    (adapter / name).unlink()
    with pytest.raises(ValueError, match=f"holds no adapter: {name} is missing"):
        merge_adapter(small_model(), adapter)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"r": "x"}, "r must be a whole number from 1 to 65536, got 'x'"),
        ({"r": 64}, "has matrices of rank 4 at most, but adapter_config.json has rank 64"),
        ({"rank_pattern": {"q_proj": 64}}, "has rank 64"),
        ({"rank_pattern": 5}, "rank_pattern must be a table, got 5"),
        ({"lora_alpha": "x"}, "lora_alpha must be a number"),
        ({"lora_alpha": None}, "lora_alpha is missing"),
        ({"lora_alpha": 10**400}, "lora_alpha must be a number in .*, got a whole number of 1329 bits"),
        ({"lora_dropout": "x"}, "lora_dropout must be a number"),
        ({"target_modules": 5}, "target_modules must be text or a list, got 5"),
        ({"target_modules": [5]}, r"target_modules\[0\] must be text, got 5"),
        ({"target_modules": "("}, r"target_modules has '\(', which is no pattern"),
        ({"target_modules": ".*(a.*)+"}, "at most 4 repeats and none of a group"),
        ({"modules_to_save": 5}, "modules_to_save must be a list, got 5"),
        ({"alpha_pattern": {"(": 3}}, "alpha_pattern has .*, which is no pattern"),
        ({"use_dora": "yes"}, "use_dora must be true or false, got 'yes'"),
        ({"megatron_config": {}, "megatron_core": "antigravity"}, "megatron_config is not supported"),
        ({"init_lora_weights": 7}, "does not fit this model"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4 changed the base weights .* not in the files"),
        ({"init_lora_weights": "lora_ga"}, "lora_ga changed the base weights .* not in the files"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_wrong_types_and_numbers_in_the_config_are_named(adapter, changes, message):
    with pytest.raises(ValueError, match=message) as raised:
        merge_adapter(small_model(), edited(adapter, **changes))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_adapter_that_is_nan_or_infinite_is_refused_by_tensor_name(adapter, value):
    tensors = load_file(adapter / TENSOR_FILE)
    name = next(name for name in tensors if "lora_B" in name)
    tensors[name][0, 0] = value
    save_file(tensors, adapter / TENSOR_FILE)
    with pytest.raises(ValueError, match=f"1 tensors in .* are NaN or infinite in float32: {name}"):
        merge_adapter(small_model(), adapter)


def test_a_sum_that_is_infinite_is_refused(adapter):
    model = small_model().to(torch.float16)
    save_file({name: 100 * tensor for name, tensor in load_file(adapter / TENSOR_FILE).items()}, adapter / TENSOR_FILE)
    with pytest.raises(ValueError, match=r"tensors in .* are NaN or infinite in float16: llm\.model\.layers\.0\."):
        merge_adapter(model, edited(adapter, lora_alpha=1e6))


def test_the_resampler_alone_takes_no_adapter():
    with pytest.raises(ValueError, match="adapters are for encoder and decoder, but the parts to train are resampler"):
        add_adapters(small_model(), ("resampler",), Lora())


@pytest.mark.parametrize("numbers", [{"rank": 0}, {"rank": 2.5}, {"scale": 0.0}])
def test_numbers_out_of_bounds(numbers):
    with pytest.raises(ValueError, match=f"{next(iter(numbers))} must be a "):
        Lora(**numbers)


def test_four_bits_leave_the_resampler_and_nearly_what_was_said(batch, tmp_path):
    bnb = pytest.importorskip("bitsandbytes")
    model = small_model()
    reference = model(batch)
    nf4_for_training(model, torch.float32)
    model.to("cpu")
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


def test_an_evaluation_leaves_the_gradients_through_four_bits(batch):
    """On a CPU with units for bfloat16 bitsandbytes would pack the weights for good, and no gradient would pass."""
    pytest.importorskip("bitsandbytes")
    model = small_model()
    nf4_for_training(model, torch.float32)
    nudged(model, add_adapters(model.to("cpu"), ("decoder",), Lora(rank=4)))

    def gradients():
        model.train().zero_grad()
        model(batch).square().mean().backward()
        return [parameter.grad.clone() for parameter in model.parameters() if parameter.requires_grad]

    first = gradients()
    with torch.no_grad():
        model.eval()(batch)
    for before, after in zip(first, gradients(), strict=True):
        assert torch.equal(before, after)
