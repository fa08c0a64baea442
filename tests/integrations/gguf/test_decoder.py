"""The decoder for llama.cpp: all its tensors by their names there, and a tokenizer with the same ids."""

from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import released_tokenizer
from quantised_checkpoints import wide_checkpoint

from demiglace.integrations.gguf.decoder import tokenizer_fields, write_decoder
from demiglace.model import weights
from demiglace.processing.tokenizer import Tokenizer

gguf = pytest.importorskip("gguf")


def test_all_tensors_and_sizes(tmp_path: Path) -> None:
    folder = wide_checkpoint(tmp_path / "model")
    with weights.open_floats(folder) as (config, files):
        write_decoder(tmp_path / "decoder.gguf", config.llm, Tokenizer.bytes_only(), files, "Q8_0")
    reader, model = gguf.GGUFReader(tmp_path / "decoder.gguf"), weights.load(folder, torch.float32)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, 2)
    wanted = {
        names.get_name(name.removeprefix("llm."), try_suffixes=(".weight",)): tensor.numpy()
        for name, tensor in model.state_dict().items()
        if name.startswith("llm.")
    }
    found = {tensor.name: tensor for tensor in reader.tensors}
    assert found.keys() == wanted.keys()
    for name, tensor in found.items():
        numbers = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert numbers.shape == wanted[name].shape
        assert tensor.tensor_type.name == ("Q8_0" if numbers.ndim > 1 else "F32")
        assert np.abs(numbers - wanted[name]).max() <= np.abs(wanted[name]).max() * (1 / 254 + 2**-11)
    told = {key: field.contents() for key, field in reader.fields.items()}
    assert told["general.architecture"] == "qwen3"
    assert told["qwen3.block_count"] == 2
    assert (told["qwen3.attention.head_count"], told["qwen3.attention.head_count_kv"]) == (4, 2)
    assert told["qwen3.attention.key_length"] == 32
    assert told["qwen3.rope.freq_base"] == 1e6
    assert len(told["tokenizer.ggml.tokens"]) == config.llm.vocab_size == 384


def test_tokens_of_a_released_vocabulary() -> None:
    tokenizer = released_tokenizer()
    size = tokenizer.vocab_size + 8
    fields, kinds = tokenizer_fields(tokenizer, size), gguf.TokenType
    texts, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    assert len(texts) == len(types) == size
    assert len(set(texts)) == size
    assert (texts[128244], types[128244]) == ("<unk>", kinds.CONTROL)
    assert (texts[151645], types[151645]) == ("<|im_end|>", kinds.CONTROL)
    assert (texts[151667], types[151667]) == ("<think>", kinds.USER_DEFINED)
    assert types[0] == kinds.NORMAL
    assert (texts[-1], types[-1]) == (f"[PAD{size - 1}]", kinds.UNUSED)
    assert fields["tokenizer.ggml.eos_token_id"] == 151645


def test_bytes_alone_have_a_merge_that_makes_no_token() -> None:
    fields = tokenizer_fields(Tokenizer.bytes_only(), 384)
    merges = fields["tokenizer.ggml.merges"]
    assert not {merge.replace(" ", "") for merge in merges} & set(fields["tokenizer.ggml.tokens"])
