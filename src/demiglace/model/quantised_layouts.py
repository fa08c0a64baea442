"""Checkpoints whose linear layers are stored quantised: NF4 as bitsandbytes writes it, and AWQ.

Each layout knows the tensors that represent a linear layer on disk, and builds the layer from them. The released int4
checkpoint has the first layout, the released AWQ checkpoint the second.

Axes: out and in (features), groups (of weights along `in` that share a scale).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from demiglace.fields import Anything, Field, ListOf, Real, TableOf, Whole, Words, short_repr, take
from demiglace.model.quantisation import DECODER_LINEARS, ENCODER_LINEARS, bitsandbytes, int4_linear, nf4_linear
from demiglace.model.tensor_files import StoredTensor, TensorFiles

QUANTISED = re.compile(rf"{DECODER_LINEARS}|{ENCODER_LINEARS}|llm\.lm_head")  # weights of others are also used directly

NF4_BLOCK, NF4_NESTED_BLOCK = 64, 256  # bitsandbytes' own, for weights and for their scales
NF4_STATE = "weight.quant_state.bitsandbytes__nf4"
MOST_STATE_BYTES = 4096

# Which of eight columns each nibble of an AWQ word holds, least significant nibble first.
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


class QuantisedLayout(Protocol):
    """How the weight of a linear layer is stored on disk."""

    marker: str  # the part that only a quantised layer has

    def parts(self, name: str, linear: nn.Linear, stored: Collection[str]) -> dict[str, StoredTensor]:
        """The tensors of a layer, by the suffix after its name; `stored` are the names of all tensors.

        Raises ValueError if the layer cannot be stored in this layout.
        """

    def layer(self, name: str, linear: nn.Linear, parts: Mapping[str, Tensor], dtype: torch.dtype) -> nn.Module:
        """The layer that replaces `linear`, built from the tensors of `parts`; the caller sets its bias.

        dtype: of the products. Raises ValueError on contents that contradict the layer.
        """


def stored_layout(fields: Mapping[str, Any]) -> QuantisedLayout | None:
    """The layout in `quantization_config` of `config.json`, None without one; ValueError if it is not supported."""
    if fields.get("quantization_config") is None:
        return None
    where = "config.json: quantization_config"
    table = TableOf(Anything()).check(where, fields["quantization_config"])
    method = table.get("quant_method")
    if method == "bitsandbytes":
        _check(where, table, {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_quant_storage": "uint8"})
        return Nf4Layout()
    if method == "awq":
        _check(where, table, {"bits": 4, "zero_point": True, "version": "gemm"})
        return AwqLayout(Whole(32, 2**16).check(f"{where}: group_size", table.get("group_size")))
    raise ValueError(f"{where} has quant_method {short_repr(method)}, but only bitsandbytes and awq are supported")


@dataclass(frozen=True)
class StoredLayer:
    """A linear layer that is stored quantised, and the tensors it needs, by the suffix after its name."""

    name: str
    layout: QuantisedLayout
    parts: Mapping[str, StoredTensor]

    def read(self, linear: nn.Module, files: TensorFiles, dtype: torch.dtype) -> nn.Module:
        """The layer that replaces `linear`; its bias is not read. ValueError as in `QuantisedLayout.layer`."""
        assert isinstance(linear, nn.Linear)
        parts = {part: files.read(f"{self.name}.{part}") for part in self.parts}
        return self.layout.layer(self.name, linear, parts, dtype)


def stored_layers(model: nn.Module, layout: QuantisedLayout, found: Collection[str]) -> dict[str, StoredLayer]:
    """The linear layers of `model` that are quantised in a checkpoint with the tensors `found`.

    Raises ValueError if a layer is quantised that must not be, and as in `QuantisedLayout.parts`.
    """
    layers = {}
    for name, linear in model.named_modules():
        if isinstance(linear, nn.Linear) and f"{name}.{layout.marker}" in found:
            if not QUANTISED.fullmatch(name):
                raise ValueError(f"{name} is quantised, but only linear layers of encoder and decoder are read so")
            layers[name] = StoredLayer(name, layout, layout.parts(name, linear, found))
    return layers


class Nf4Layout:
    """NF4 of bitsandbytes: code nibbles, a scale for each block of weights, and with nesting also scales of scales."""

    marker = NF4_STATE

    def parts(self, name: str, linear: nn.Linear, stored: Collection[str]) -> dict[str, StoredTensor]:
        """Sizes are given too, because bitsandbytes' kernels read as much memory as the layer's shape implies."""
        blocks = ceil(linear.weight.numel() / NF4_BLOCK)
        parts = {
            "weight": StoredTensor((ceil(linear.weight.numel() / 2), 1), ("U8",)),
            "weight.absmax": StoredTensor((blocks,), ("F32",)),
            "weight.quant_map": StoredTensor((16,), ("F32",)),
            NF4_STATE: StoredTensor(None, ("U8",)),
        }
        if f"{name}.weight.nested_absmax" in stored:
            parts["weight.absmax"] = StoredTensor((blocks,), ("U8",))
            parts["weight.nested_absmax"] = StoredTensor((ceil(blocks / NF4_NESTED_BLOCK),), ("F32",))
            parts["weight.nested_quant_map"] = StoredTensor((256,), ("F32",))
        return parts

    def layer(self, name: str, linear: nn.Linear, parts: Mapping[str, Tensor], dtype: torch.dtype) -> nn.Module:
        wanted: dict[str, Field] = {"quant_type": Words(("nf4",)), "blocksize": Whole(NF4_BLOCK, NF4_BLOCK)}
        wanted |= {"dtype": Words(("float32", "bfloat16", "float16")), "shape": ListOf(Whole(1, 2**20))}
        if "weight.nested_absmax" in parts:
            wanted["nested_blocksize"] = Whole(NF4_NESTED_BLOCK, NF4_NESTED_BLOCK)
            wanted |= {"nested_dtype": Words(("float32",)), "nested_offset": Real(-1e30, 1e30)}
        state = take(f"{name}.{NF4_STATE}", _json_of(f"{name}.{NF4_STATE}", parts[NF4_STATE]), wanted, wanted)
        if state["shape"] != list(linear.weight.shape):
            raise ValueError(f"{name} is stored for {state['shape']}, but has {list(linear.weight.shape)}")
        small = nf4_linear(linear.out_features, linear.in_features, linear.bias is not None, dtype)
        weight, statistics = parts["weight"], {part: tensor for part, tensor in parts.items() if part != "weight"}
        small.weight = bitsandbytes().nn.Params4bit.from_prequantized(
            weight, statistics, device=weight.device, module=small
        )
        return small


@dataclass(frozen=True)
class AwqLayout:
    """AWQ (Lin et al., 2024), version "gemm": W^T = (q - z) * s, eight nibbles of a row in an int32.

    group: weights along `in` that share z and s.
    """

    group: int
    marker = "qweight"

    def parts(self, name: str, linear: nn.Linear, stored: Collection[str]) -> dict[str, StoredTensor]:
        rows, columns = linear.in_features, linear.out_features
        if linear.bias is not None:
            raise ValueError(f"{name} has a bias, and layers of AWQ have none here")
        if rows % self.group or columns % 8:
            raise ValueError(
                f"AWQ needs a multiple of {self.group} rows of 8 columns, but {name} has {rows}, {columns}"
            )
        groups, words = rows // self.group, columns // 8
        return {
            "qweight": StoredTensor((rows, words), ("I32",)),
            "qzeros": StoredTensor((groups, words), ("I32",)),
            "scales": StoredTensor((groups, columns)),
        }

    def layer(self, name: str, linear: nn.Linear, parts: Mapping[str, Tensor], dtype: torch.dtype) -> nn.Module:
        scale = parts["scales"].float()
        zero = (8 - awq_numbers(parts["qzeros"])) * scale
        return int4_linear(awq_numbers(parts["qweight"]).T.to(torch.uint8).contiguous(), scale.T, zero.T)


def awq_numbers(words: Tensor) -> Tensor:
    """int32 (rows, columns / 8) -> int32 (rows, columns), 0 to 15."""
    nibbles = torch.stack([words >> 4 * AWQ_ORDER.index(column) & 15 for column in range(8)], dim=-1)
    return nibbles.flatten(1)


def _check(where: str, table: Mapping[str, Any], wanted: Mapping[str, object]) -> None:
    """ValueError that names the first field which is present and differs from `wanted`."""
    for name, value in wanted.items():
        found = table.get(name, value)
        if (found.lower() if isinstance(found, str) else found) != value:
            raise ValueError(f"{where} has {name} {short_repr(found)}, but only {value!r} is read here")


def _json_of(where: str, contents: Tensor) -> dict[str, Any]:
    """The JSON object in a tensor of bytes; ValueError if it is too long or is not one."""
    if contents.numel() > MOST_STATE_BYTES:
        raise ValueError(f"{where} has {contents.numel()} bytes, more than {MOST_STATE_BYTES}")
    try:
        return TableOf(Anything()).check(where, json.loads(bytes(contents.tolist())))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{where} is not valid JSON: {error}") from error
