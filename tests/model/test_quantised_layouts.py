"""Checkpoints that are stored quantised answer as the floats that they stand for; what contradicts itself is named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import edit
from quantised_checkpoints import seen_and_said, wide_checkpoint
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from demiglace import Demiglace, SamplingParams
from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.quantisation import DECODER_LINEARS, ENCODER_LINEARS, Int4Linear, PackedInt4Linear, linear_names
from demiglace.model.quantised_layouts import AwqLayout, awq_numbers, stored_layout

NF4 = {  # as transformers writes it, and the release has it
    "_load_in_4bit": True,
    "_load_in_8bit": False,
    "bnb_4bit_compute_dtype": "bfloat16",
    "bnb_4bit_quant_storage": "uint8",
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_use_double_quant": True,
    "llm_int8_skip_modules": ["out_proj", "kv_proj", "lm_head"],
    "load_in_4bit": True,
    "load_in_8bit": False,
    "quant_method": "bitsandbytes",
}
AWQ = {"bits": 4, "group_size": 128, "quant_method": "awq", "version": "gemm", "zero_point": True}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wide_checkpoint(tmp_path_factory.mktemp("wide"))


def rewritten(
    folder: Path, target: Path, config: dict[str, Any], stand_in: Callable[[str, Tensor], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """The checkpoint with other tensors in the place of weights; those that they stand for, where they are floats."""
    shutil.copytree(folder, target)
    tensors, floats = load_file(folder / "model.safetensors"), {}
    for name in [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]:
        if parts := stand_in(name, tensors[f"{name}.weight"]):
            floats[f"{name}.weight"] = parts.pop("floats")
            del tensors[f"{name}.weight"]
            tensors |= {f"{name}.{part}": tensor.contiguous() for part, tensor in parts.items()}
    save_file(tensors, target / "model.safetensors")
    edit(target / "config.json", lambda fields: fields.update(quantization_config=config))
    return floats


@pytest.fixture(scope="module", params=[True, False], ids=["nested", "plain"])
def nf4(request: pytest.FixtureRequest, wide: Path, tmp_path_factory: pytest.TempPathFactory):
    """Written by bitsandbytes itself, with the layers that the release quantises: folder and floats."""
    bnb = pytest.importorskip("bitsandbytes")
    small = set(linear_names(weights.load(wide), f"{DECODER_LINEARS}|{ENCODER_LINEARS}"))

    def stand_in(name: str, weight: Tensor) -> dict[str, Tensor]:
        if name not in small or name.endswith("out_proj"):
            return {}
        layer = bnb.nn.Linear4bit(*weight.shape[::-1], False, compress_statistics=request.param, quant_type="nf4")
        layer.weight = bnb.nn.Params4bit(weight, False, compress_statistics=request.param, quant_type="nf4")
        layer.to("cpu")
        floats = bnb.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        return {**layer.state_dict(), "floats": floats}

    folder = tmp_path_factory.mktemp("nf4") / "model"
    return folder, rewritten(wide, folder, NF4, stand_in)


def awq_words(numbers: Tensor) -> Tensor:
    """Numbers of four bits (rows, columns) as int32 words, by the order that AutoAWQ's `pack_intweight` documents."""
    words = torch.zeros(len(numbers), numbers.shape[1] // 8, dtype=torch.int64)
    for word in range(words.shape[1]):
        for place, column in enumerate((0, 2, 4, 6, 1, 3, 5, 7)):
            words[:, word] |= numbers[:, 8 * word + column] << (4 * place)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)


@pytest.fixture(scope="module")
def awq(wide: Path, tmp_path_factory: pytest.TempPathFactory):
    generator = torch.Generator().manual_seed(3)

    def stand_in(name: str, weight: Tensor) -> dict[str, Tensor]:
        if not name.startswith("llm.model.layers.") or "_proj" not in name:
            return {}
        columns, rows = weight.shape
        numbers = torch.randint(0, 16, (rows, columns), generator=generator)
        zeros = torch.randint(5, 11, (rows // 128, columns), generator=generator)
        scales = (torch.rand(rows // 128, columns, generator=generator) * 0.01 + 0.005).half()
        floats = (numbers - zeros.repeat_interleave(128, 0)) * scales.float().repeat_interleave(128, 0)
        return {"qweight": awq_words(numbers), "qzeros": awq_words(zeros), "scales": scales, "floats": floats.T}

    folder = tmp_path_factory.mktemp("awq") / "model"
    return folder, rewritten(wide, folder, AWQ, stand_in)


def filled(folder: Path, floats: dict[str, Tensor]) -> MiniCPMV:
    """The model with the floats that quantised weights stand for."""
    model = weights.load(folder, torch.float32)
    model.load_state_dict(floats, strict=False)
    return model


def test_nf4_answers_as_its_floats(wide: Path, nf4: tuple[Path, dict[str, Tensor]]) -> None:
    folder, floats = nf4
    assert len(floats) == 2 * 7 + 2 * 5
    exact = seen_and_said(filled(wide, floats))
    found = seen_and_said(weights.load(folder, torch.float32, may_be_quantised=True))
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-4)
    plain = weights.load(folder, torch.bfloat16, may_be_quantised=True)
    assert (seen_and_said(plain).float() - exact).norm() < 0.03 * exact.norm()


def test_awq_answers_as_its_floats(wide: Path, awq: tuple[Path, dict[str, Tensor]]) -> None:
    folder, floats = awq
    assert len(floats) == 2 * 7
    model = weights.load(folder, may_be_quantised=True)
    assert isinstance(model.llm.model.layers[0].mlp.down_proj, PackedInt4Linear)
    exact = seen_and_said(filled(wide, floats))
    assert (seen_and_said(model) - exact).norm() < 0.01 * exact.norm()  # inputs and scales become bfloat16


def test_answers_are_those_of_the_floats(wide: Path, awq: tuple[Path, dict[str, Tensor]], tmp_path: Path) -> None:
    folder, floats = awq
    exact = Path(shutil.copytree(wide, tmp_path / "exact"))
    weights.save(filled(wide, floats), exact)
    answers = [
        Demiglace.load(one, "cpu", "float32").ask("What?", sampling=SamplingParams.greedy(12))
        for one in (folder, exact)
    ]
    assert answers[0].text == answers[1].text


def test_awq_words_are_taken_apart_in_their_order() -> None:
    word = torch.tensor(
        [[0x75316420]], dtype=torch.int32
    )  # the least significant nibble is column 0, the next column 2
    assert awq_numbers(word).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]
    numbers = torch.randint(0, 16, (3, 32), generator=torch.Generator().manual_seed(0))
    assert torch.equal(awq_numbers(awq_words(numbers)), numbers.int())


def test_shapes_that_the_kernel_does_not_take_are_computed_plainly() -> None:
    layout, linear = AwqLayout(32), nn.Linear(96, 8, bias=False)
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randint(0, 16, (96, 8), generator=generator)
    zeros, scales = torch.full((3, 8), 7), torch.rand(3, 8, generator=generator)
    parts = {"qweight": awq_words(numbers), "qzeros": awq_words(zeros), "scales": scales}
    layer = layout.layer("here", linear, parts, torch.float32)
    assert isinstance(layer, Int4Linear)
    x = torch.rand(5, 96, generator=generator)
    torch.testing.assert_close(layer(x), x @ ((numbers - 7) * scales.repeat_interleave(32, 0)))


def test_quantised_weights_are_not_quantised_again_nor_learned_from(awq: tuple[Path, dict[str, Tensor]]) -> None:
    folder, _ = awq
    with pytest.raises(ValueError, match="are quantised already, but floats are needed"):
        weights.load(folder)
    with pytest.raises(ValueError, match="are quantised already, but floats are needed"):
        Demiglace.load(folder, "cpu", quantize="int8")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"quant_method": "gptq", "bits": 4}, "has quant_method 'gptq', but only bitsandbytes and awq are supported"),
        ({"bits": 4}, "has quant_method None, but only"),
        ("awq", "quantization_config must be a table, got 'awq'"),
        (AWQ | {"bits": 8}, "has bits 8, but only 4 is read here"),
        (AWQ | {"version": "gemv"}, "has version 'gemv', but only 'gemm' is read here"),
        (AWQ | {"group_size": -1}, "group_size must be a whole number from 32 to 65536, got -1"),
        (NF4 | {"load_in_4bit": False}, "has load_in_4bit False, but only True is read here"),
        (NF4 | {"bnb_4bit_quant_type": "fp4"}, "has bnb_4bit_quant_type 'fp4', but only 'nf4' is read here"),
    ],
)
def test_other_quantisation_is_refused(config: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stored_layout({"quantization_config": config})


def spoiled(folder: Path, target: Path, change: Callable[[dict[str, Tensor]], None]) -> Path:
    shutil.copytree(folder, target)
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors")
    return target


LAYER = "llm.model.layers.0.mlp.up_proj"


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("qzeros", None, f"1 missing: {LAYER}.qzeros"),
        ("scales", torch.ones(1, 128), rf"of another shape: {LAYER}.scales \(1, 128\) \(not \(1, 256\)\)"),
        ("qweight", torch.ones(128, 32), rf"of another type \(quantised\?\): {LAYER}.qweight F32 \(not I32\)"),
        ("scales", torch.full((1, 256), torch.inf), f"NaN or infinite in float32: {LAYER}.scales"),
    ],
)
def test_a_part_that_does_not_fit_is_named(
    awq: tuple[Path, dict[str, Tensor]], tmp_path: Path, part: str, value: Tensor | None, message: str
) -> None:
    def change(tensors: dict[str, Tensor]) -> None:
        del tensors[f"{LAYER}.{part}"]
        if value is not None:
            tensors[f"{LAYER}.{part}"] = value

    with pytest.raises(ValueError, match=message):
        weights.load(spoiled(awq[0], tmp_path / "spoiled", change), may_be_quantised=True)


@pytest.mark.parametrize("nf4", [True], indirect=True, ids=["nested"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": [128, 128]}, r"up_proj is stored for \[128, 128\], but has \[256, 128\]"),
        ({"blocksize": 4096}, "blocksize must be a whole number from 64 to 64, got 4096"),
        ({"dtype": "nn"}, "dtype must be one of float32, bfloat16, float16, got 'nn'"),
        ({"nested_offset": "inf"}, "nested_offset must be a number"),
        (None, "is not valid JSON"),
    ],
)
def test_what_bitsandbytes_told_must_fit(
    nf4: tuple[Path, dict[str, Tensor]], tmp_path: Path, fields: dict[str, object] | None, message: str
) -> None:
    def change(tensors: dict[str, Tensor]) -> None:
        name = f"{LAYER}.weight.quant_state.bitsandbytes__nf4"
        told = json.loads(bytes(tensors[name].tolist()))
        text = json.dumps(told | fields) if fields else "{"
        tensors[name] = torch.tensor(list(text.encode()), dtype=torch.uint8)

    with pytest.raises(ValueError, match=message):
        weights.load(spoiled(nf4[0], tmp_path / "spoiled", change), may_be_quantised=True)


def test_only_layers_that_are_called_may_be_quantised(awq: tuple[Path, dict[str, Tensor]], tmp_path: Path) -> None:
    def change(tensors: dict[str, Tensor]) -> None:
        del tensors["resampler.kv_proj.weight"]
        tensors["resampler.kv_proj.qweight"] = torch.zeros(64, 16, dtype=torch.int32)

    with pytest.raises(
        ValueError, match=r"resampler.kv_proj is quantised, but only linear layers of encoder and decoder"
    ):
        weights.load(spoiled(awq[0], tmp_path / "spoiled", change), may_be_quantised=True)
