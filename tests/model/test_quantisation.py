"""Weights of few bits: as near as their bits allow, fast products equal plain ones, and only the decoder has them."""

import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from quantised_checkpoints import seen_and_said, wide_checkpoint
from torch import Tensor, nn

from demiglace.model import weights
from demiglace.model.quantisation import (
    Int4Linear,
    Int8Linear,
    PackedInt4Linear,
    PackedInt8Linear,
    Quantisation,
    int4_groups,
    int8_rows,
    linear_names,
    quantisation_named,
    quantise,
    quantised,
)

KINDS: list[Quantisation] = ["int8", "int4"]
needs_vnni = pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="this CPU multiplies no bytes (VNNI)")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wide_checkpoint(tmp_path_factory.mktemp("wide"))


@pytest.fixture
def weight() -> Tensor:
    return torch.randn(48, 192, generator=torch.Generator().manual_seed(1)) * 0.05


@pytest.fixture
def x() -> Tensor:
    return torch.randn(40, 192, generator=torch.Generator().manual_seed(2))


def int8_of(weight: Tensor) -> tuple[Tensor, Tensor]:
    numbers, scale = int8_rows(weight)
    return numbers, scale.squeeze(-1)


def test_eight_bits_are_half_a_step_off_at_most(weight: Tensor) -> None:
    weight[3] = 0
    numbers, scale = int8_rows(weight)
    assert ((numbers * scale - weight).abs() <= scale * 0.5001).all()
    assert (numbers[:, :].abs().amax(-1) == 127)[torch.arange(48) != 3].all()
    assert (numbers[3] == 0).all()


def test_four_bits_are_half_a_step_off_at_most(weight: Tensor) -> None:
    weight[3] = 0
    weight[4] = 0.7
    numbers, scale, zero = int4_groups(weight)
    found = Int4Linear(numbers, scale, zero).weight(torch.float32)
    step = scale.float().repeat_interleave(64, dim=1)
    rounding = weight.abs().amax() * 2**-8  # of scale and zero to bfloat16
    assert ((found - weight).abs() <= 0.5 * step + 8 * rounding).all()
    assert (found - weight).norm() < 0.1 * weight.norm()
    assert (found[3] == 0).all()


@needs_vnni
def test_the_product_of_bytes_is_exact(weight: Tensor, x: Tensor) -> None:
    numbers, scale = int8_of(weight)
    rows, steps = int8_rows(x)
    exact = (rows.double() @ numbers.double().T) * steps.double() * scale.double()
    found = PackedInt8Linear(numbers, scale)(x)
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=1e-9)
    assert (found - x @ weight.T).norm() < 0.02 * found.norm()


@needs_vnni
def test_bytes_of_a_token_do_not_depend_on_its_batch(weight: Tensor, x: Tensor) -> None:
    x[0] *= 1e4
    layer = PackedInt8Linear(*int8_of(weight))
    assert torch.equal(layer(x)[7:8], layer(x[7:8]))
    assert torch.equal(layer(x.view(5, 8, 192)), layer(x).view(5, 8, 48))


@pytest.mark.parametrize("rows", [1, 16, 40])
def test_weights_alone_in_eight_bits(weight: Tensor, x: Tensor, rows: int) -> None:
    numbers, scale = int8_of(weight)
    expected = x[:rows] @ (numbers * scale[:, None]).T
    found = Int8Linear(numbers, scale)(x[None, :rows])
    assert found.shape == (1, rows, 48)
    assert found.dtype == torch.float32
    assert (found - expected).norm() < 0.005 * expected.norm()  # few inputs become bfloat16


@pytest.mark.parametrize("group", [32, 64])
def test_packed_nibbles_equal_plain_ones(weight: Tensor, x: Tensor, group: int) -> None:
    parts = int4_groups(weight, group)
    plain, packed = Int4Linear(*parts)(x), PackedInt4Linear(*parts)(x)
    assert (packed - plain).norm() < 0.005 * plain.norm()  # inputs become bfloat16
    assert torch.equal(PackedInt4Linear(*parts)(x.view(5, 8, 192)), packed.view(5, 8, 48))
    exact = x.bfloat16()
    assert (PackedInt4Linear(*parts)(exact).float() - Int4Linear(*parts)(exact.float())).norm() < 0.003 * plain.norm()


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_decoder_has_few_bits(wide: Path, kind: Quantisation) -> None:
    model, before = weights.load(wide), weights.load(wide)
    quantise(model, kind)
    names = set(linear_names(before))
    assert len(names) == 2 * 7
    for name, module in before.named_modules():
        if isinstance(module, nn.Linear):
            assert isinstance(model.get_submodule(name), nn.Linear) != (name in names)
    left = {name: tensor for name, tensor in before.state_dict().items() if name.removesuffix(".weight") not in names}
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in left.items())
    exact, found = seen_and_said(before), seen_and_said(model)
    assert 0 < (found - exact).norm() < {"int8": 0.02, "int4": 0.15}[kind] * exact.norm()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_quantised_while_read_is_quantised_afterwards(wide: Path, kind: Quantisation, dtype: torch.dtype) -> None:
    read, afterwards = weights.load(wide, dtype, quantisation=kind), weights.load(wide, dtype)
    quantise(afterwards, kind)
    assert torch.equal(seen_and_said(read), seen_and_said(afterwards))


def test_one_weight_at_a_time_is_not_quantised(wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[weakref.ref[Tensor]] = []
    real: Callable[[str, Tensor, Quantisation], nn.Module] = quantised

    def watched(name: str, weight: Tensor, kind: Quantisation) -> nn.Module:
        assert all(earlier() is None for earlier in given[:-1])
        given.append(weakref.ref(weight))
        return real(name, weight, kind)

    monkeypatch.setattr(weights, "quantised", watched)
    weights.load(wide, quantisation="int8")
    assert len(given) == 2 * 7


def test_what_four_bits_cannot_hold_is_named() -> None:
    with pytest.raises(ValueError, match=r"multiple of 16 rows of a multiple of 64, but here has 16 of 96"):
        quantised("here", torch.zeros(16, 96), "int4")
    with pytest.raises(ValueError, match=r"but here has 8 of 64"):
        quantised("here", torch.zeros(8, 64), "int4")


def test_a_name_that_is_none() -> None:
    assert quantisation_named("int4") == "int4"
    with pytest.raises(ValueError, match="quantize must be one of int8, int4, got 'fp8'"):
        quantisation_named("fp8")
