"""Linear layers with weights of eight or four bits.

Only the decoder's layers are quantised: the resampler is small, and all visual input passes through it. Products use
torch's own kernels on a CPU, and those of bitsandbytes, an extra (`pip install 'demiglace[quant]'`), on a GPU.

Axes: out and in (features), groups (of weights along `in` that share a scale).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Quantisation = Literal["int8", "int4"]

# Linear layers inside the blocks of a part, as a pattern over the names of modules.
DECODER_LINEARS = r"llm\.model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
ENCODER_LINEARS = r"vpm\.encoder\.layers\.\d+\.(self_attn\.(q_proj|k_proj|v_proj|out_proj)|mlp\.fc[12])"

GROUP = 64  # four-bit weights that share a scale (ours): the same number as in bitsandbytes' NF4
OUT_BLOCK, PACKED_GROUPS = 16, (32, 64, 128, 256)  # torch's kernel needs a multiple of 16 outputs, and these groups
PACKED_OUTPUTS = 32  # bitsandbytes' CPU kernel needs a multiple of 32 outputs
META = torch.device("meta")  # for weights that are replaced immediately
FEW_TOKENS = 16  # up to here torch's int8 kernel is faster than converting the weight matrix to float first


class Int8Linear(nn.Module):
    """y = (x W^T) * scale, W int8 (out, in) with one scale a row; few inputs on a CPU are rounded to bfloat16."""

    weight: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        """weight int8 (out, in), scale float32 (out,)."""
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -2)
        if x.device.type == "cpu" and len(rows) <= FEW_TOKENS:
            product = torch._weight_int8pack_mm(rows.bfloat16(), self.weight, self.scale.bfloat16())
        else:
            product = F.linear(rows, self.weight.to(x.dtype)) * self.scale
        return product.to(x.dtype).unflatten(0, x.shape[:-1])


class PackedInt8Linear(nn.Module):
    """As `Int8Linear`, but inputs are also rounded to int8, with one scale per token: sums are exact integers.

    So the output of a token does not depend on the other tokens of its batch. For CPUs with VNNI instructions.
    """

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        """weight int8 (out, in), scale float32 (out,)."""
        super().__init__()
        self.packed = torch.ops.onednn.qlinear_prepack(weight, None)
        self.scale, self.zeros = scale, torch.zeros(len(scale), dtype=torch.int64)

    def forward(self, x: Tensor) -> Tensor:
        rounded, scale = int8_rows(x.float())
        unsigned = (rounded + 128).to(torch.uint8)  # the kernel is hundreds of times slower with int8 inputs
        product = torch.ops.onednn.qlinear_pointwise(
            unsigned, 1.0, 128, self.packed, self.scale, self.zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return product.mul_(scale).to(x.dtype)


class Int4Linear(nn.Module):
    """y = x W^T, W = (q - 8) * scale + zero, q of four bits; each group of weights has its own scale and zero."""

    pairs: Tensor
    scale: Tensor
    zero: Tensor

    def __init__(self, numbers: Tensor, scale: Tensor, zero: Tensor) -> None:
        """numbers uint8 (out, in), 0 to 15; scale and zero (out, groups)."""
        super().__init__()
        self.register_buffer("pairs", numbers[:, ::2] << 4 | numbers[:, 1::2])
        self.register_buffer("scale", scale)
        self.register_buffer("zero", zero)

    def weight(self, dtype: torch.dtype) -> Tensor:
        """W (out, in)."""
        numbers = torch.stack((self.pairs >> 4, self.pairs & 15), -1).flatten(1).to(dtype)
        groups = numbers.unflatten(1, (self.scale.shape[1], -1))
        return ((groups - 8) * self.scale.to(dtype)[..., None] + self.zero.to(dtype)[..., None]).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight(x.dtype))


class PackedInt4Linear(nn.Module):
    """As `Int4Linear` with torch's CPU kernel, which takes inputs, scales and zeros in bfloat16."""

    def __init__(self, numbers: Tensor, scale: Tensor, zero: Tensor) -> None:
        """numbers uint8 (out, in), 0 to 15; scale and zero (out, groups)."""
        super().__init__()
        self.group = numbers.shape[1] // scale.shape[1]
        self.packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers.int(), 1)
        self.scale_zero = torch.stack((scale.T, zero.T), -1).bfloat16().contiguous()

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -2).bfloat16()
        product = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.packed, self.group, self.scale_zero)
        return product.to(x.dtype).unflatten(0, x.shape[:-1])


def quantisation_named(name: str) -> Quantisation:
    """`name` as a `Quantisation`; ValueError if there is none of that name."""
    for kind in get_args(Quantisation):
        if kind == name:
            return kind
    raise ValueError(f"quantize must be one of {', '.join(get_args(Quantisation))}, got {name!r}")


def linear_names(model: nn.Module, pattern: str = DECODER_LINEARS) -> Iterator[str]:
    """Names of the linear layers that match `pattern`."""
    return (name for name, module in model.named_modules() if re.fullmatch(pattern, name))


def quantise(model: nn.Module, kind: Quantisation, pattern: str = DECODER_LINEARS) -> None:
    """Replace the linear layers that match `pattern`, in place; they must have no biases. Errors as in `quantised`."""
    for name in list(linear_names(model, pattern)):
        linear = model.get_submodule(name)
        assert isinstance(linear, nn.Linear)
        assert linear.bias is None
        model.set_submodule(name, quantised(name, linear.weight.detach(), kind))


def quantised(name: str, weight: Tensor, kind: Quantisation) -> nn.Module:
    """A quantised layer in place of the one called `name`, whose `weight` (out, in) is on the device that will compute.

    Raises ValueError if the shape does not allow four bits, and on a GPU if bitsandbytes is missing.
    """
    if weight.device.type != "cpu":
        return _by_bitsandbytes(weight, kind)
    if kind == "int8":
        numbers, scale = int8_rows(weight.float())
        return int8_linear(numbers, scale.squeeze(-1))
    if weight.shape[0] % OUT_BLOCK or weight.shape[1] % GROUP:
        raise ValueError(
            f"four bits need a multiple of {OUT_BLOCK} rows of a multiple of {GROUP}, "
            f"but {name} has {weight.shape[0]} of {weight.shape[1]}"
        )
    return int4_linear(*int4_groups(weight.float()))


def int8_linear(weight: Tensor, scale: Tensor) -> nn.Module:
    """The fastest int8 layer on this CPU; arguments as in `Int8Linear`."""
    packed = torch.cpu._is_vnni_supported() and torch.backends.mkldnn.is_available()
    return PackedInt8Linear(weight, scale) if packed else Int8Linear(weight, scale)


def int4_linear(numbers: Tensor, scale: Tensor, zero: Tensor) -> nn.Module:
    """The fastest int4 layer on the device of the tensors; arguments as in `Int4Linear`."""
    group = numbers.shape[1] // scale.shape[1]
    packed = numbers.device.type == "cpu" and numbers.shape[0] % OUT_BLOCK == 0 and group in PACKED_GROUPS
    return PackedInt4Linear(numbers, scale, zero) if packed else Int4Linear(numbers, scale, zero)


def int8_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """x (..., size) -> int8 (..., size) and scale (..., 1), whose product approximates x."""
    scale = x.abs().amax(-1, keepdim=True).clamp_min_(torch.finfo(x.dtype).tiny * 127).mul_(1 / 127)
    return (x / scale).round_().to(torch.int8), scale


def int4_groups(weight: Tensor, group: int = GROUP) -> tuple[Tensor, Tensor, Tensor]:
    """weight (out, in) -> uint8 (out, in) from 0 to 15, scale and zero bfloat16 (out, groups) of `Int4Linear`.

    A group's least and greatest weight become 0 and 15.
    """
    groups = weight.unflatten(1, (-1, group))
    least, greatest = groups.aminmax(dim=-1, keepdim=True)
    scale = ((greatest - least) / 15).clamp_min_(torch.finfo(torch.bfloat16).tiny).bfloat16().float()
    zero = (least + 8 * scale).bfloat16().float()
    numbers = ((groups - zero) / scale + 8).round_().clamp_(0, 15).to(torch.uint8)
    return numbers.flatten(1), scale.squeeze(-1).bfloat16(), zero.squeeze(-1).bfloat16()


def nf4_for_training(model: nn.Module, dtype: torch.dtype) -> None:
    """Quantise the linear layers in the blocks of encoder and decoder to NF4 (Dettmers et al., 2023), in place.

    QLoRA backpropagates through them. `dtype`: of the products. ValueError if bitsandbytes is missing.
    """
    bitsandbytes("qlora")
    for name in list(linear_names(model, f"{ENCODER_LINEARS}|{DECODER_LINEARS}")):
        linear = model.get_submodule(name)
        assert isinstance(linear, nn.Linear)
        model.set_submodule(name, _nf4(linear.weight.data, linear.bias, dtype, trains=True))
    model.is_loaded_in_4bit = True  # type: ignore[assignment]  # peft asks for it


def bitsandbytes(extra: str = "quant") -> Any:
    """The module; if it is missing, a ValueError that names the extra to install."""
    try:
        import bitsandbytes
    except ImportError as error:
        raise ValueError(f"these weights need bitsandbytes: pip install 'demiglace[{extra}]'") from error
    return bitsandbytes


def _by_bitsandbytes(weight: Tensor, kind: Quantisation) -> nn.Module:
    """NF4, or LLM.int8() with outlier inputs in float (Dettmers et al., 2022)."""
    if kind == "int4":
        return _nf4(weight, None, weight.dtype).to(weight.device)
    bnb = bitsandbytes()
    linear = bnb.nn.Linear8bitLt(*weight.shape[::-1], bias=False, has_fp16_weights=False, threshold=6.0, device=META)
    linear.weight = bnb.nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    return linear.to(weight.device)


def nf4_linear(num_out: int, num_in: int, has_bias: bool, dtype: torch.dtype, trains: bool = False) -> Any:
    """A bitsandbytes layer whose weight and bias are still to be set. dtype: of the products.

    On a CPU with bfloat16 support, bitsandbytes 0.50 repacks the weight in the first pass in evaluation mode. From then
    on products are in bfloat16, no gradient passes the layer, even in training, and outputs that are not a multiple of
    32 raise. So repacking stays on only for inference in bfloat16, where it makes one row 20 times as fast.
    """
    layer = bitsandbytes().nn.Linear4bit(num_in, num_out, has_bias, dtype, quant_type="nf4", device=META)
    if trains or dtype != torch.bfloat16 or num_out % PACKED_OUTPUTS:
        layer.support_avx512bf16_for_cpu = False
    return layer


def _nf4(weight: Tensor, bias: nn.Parameter | None, dtype: torch.dtype, trains: bool = False) -> nn.Module:
    """An NF4 layer, which bitsandbytes quantises when the layer is moved to a device."""
    num_out, num_in = weight.shape
    linear = nf4_linear(num_out, num_in, bias is not None, dtype, trains)
    linear.weight = bitsandbytes().nn.Params4bit(weight, requires_grad=False, quant_type="nf4")
    if bias is not None:
        linear.bias = bias
    return linear
