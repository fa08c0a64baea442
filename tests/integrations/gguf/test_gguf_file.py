"""Files for llama.cpp: what is written is read back, as near as its numbers allow."""

from pathlib import Path

import numpy as np
import pytest
import torch

from demiglace.integrations.gguf.gguf_file import FileTensor, NumberType, write_file

gguf = pytest.importorskip("gguf")

NUMBERS = torch.randn(6, 64, generator=torch.Generator().manual_seed(0))


def read_back(path: Path) -> dict[str, np.ndarray]:
    tensors = gguf.GGUFReader(path).tensors
    return {one.name: gguf.quants.dequantize(one.data, one.tensor_type) for one in tensors}


def test_numbers_of_every_type(tmp_path: Path) -> None:
    kinds: list[NumberType] = ["F32", "F16", "Q8_0"]
    tensors = [FileTensor(kind.lower(), (6, 64), kind, lambda: NUMBERS) for kind in kinds]
    write_file(tmp_path / "file.gguf", "test", {"test.count": 3}, tensors)
    found, exact = read_back(tmp_path / "file.gguf"), NUMBERS.numpy()
    assert np.array_equal(found["f32"], exact)
    assert np.array_equal(found["f16"], exact.astype(np.float16))
    largest = np.abs(exact.reshape(6, 2, 32)).max(-1, keepdims=True)
    bound = largest / 254 * (1 + 2**-8) + largest * 2**-11  # half a step, and the step rounded to float16
    assert (np.abs(found["q8_0"] - exact).reshape(6, 2, 32) <= bound).all()
    assert (found["q8_0"] != exact).any()


def test_fields_keep_their_kind(tmp_path: Path) -> None:
    fields = {
        "a.switch": True,
        "a.count": 7,
        "a.signed": np.int32(6),
        "a.share": 0.5,
        "a.text": "ß",
        "a.texts": ["a", "b"],
    }
    write_file(tmp_path / "file.gguf", "test", fields, [FileTensor("x", (6, 64), "F32", lambda: NUMBERS)])
    found = gguf.GGUFReader(tmp_path / "file.gguf").fields
    assert {key: found[key].contents() for key in fields} == fields
    kinds = gguf.GGUFValueType
    assert [found[key].types[0] for key in list(fields)[:4]] == [kinds.BOOL, kinds.UINT32, kinds.INT32, kinds.FLOAT32]


def test_one_tensor_is_read_at_a_time(tmp_path: Path) -> None:
    """None before all that is told of them is written, and each once, in order."""
    read = []

    def reading(name: str) -> torch.Tensor:
        read.append(name)
        return NUMBERS

    tensors = [FileTensor(name, (6, 64), "Q8_0", lambda name=name: reading(name)) for name in "abc"]
    write_file(tmp_path / "file.gguf", "test", {}, tensors)
    assert read == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (FileTensor("x", (6, 63), "Q8_0", lambda: NUMBERS[:, :63]), "rows of a multiple of 32, but x has 63"),
        (FileTensor("x", (6, 64), "F16", lambda: NUMBERS * 1e6), "x has numbers above 65504, the largest of F16"),
        (FileTensor("x", (5, 64), "F32", lambda: NUMBERS), r"x has the shape \(6, 64\), not \(5, 64\)"),
    ],
)
def test_what_cannot_be_held_is_named(tmp_path: Path, tensor: FileTensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_file(tmp_path / "file.gguf", "test", {}, [tensor])
