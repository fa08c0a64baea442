"""The decoder and its tokenizer as llama.cpp reads a Qwen3 model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from demiglace.integrations.gguf.gguf_file import FileTensor, NumberType, gguf_module, write_file
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.tensor_files import TensorFiles
from demiglace.processing.chat_template import CHAT_TEMPLATE
from demiglace.processing.tokenizer import Tokenizer

ARCHITECTURE = "qwen3"
OUTSIDE_LAYERS = {
    "token_embd.weight": "llm.model.embed_tokens.weight",
    "output_norm.weight": "llm.model.norm.weight",
    "output.weight": "llm.lm_head.weight",
}
OF_A_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
# llama.cpp needs at least one merge. The result of this one is not in the vocabulary, so it has no effect.
NO_MERGES = ["! !"]


def write_decoder(
    path: Path, config: Qwen3Config, tokenizer: Tokenizer, files: TensorFiles, number_type: NumberType
) -> None:
    """Write the decoder: matrices in `number_type`, norms in float32. ValueError as in `write_file`."""
    names = OUTSIDE_LAYERS | {
        f"blk.{layer}.{theirs}.weight": f"llm.model.layers.{layer}.{ours}.weight"
        for layer in range(config.num_layers)
        for theirs, ours in OF_A_LAYER.items()
    }
    tensors = []
    for name, ours in names.items():
        shape = files.found[ours].shape or ()
        kind: NumberType = number_type if len(shape) > 1 else "F32"
        tensors.append(FileTensor(name, shape, kind, lambda ours=ours: files.read(ours)))  # type: ignore[misc]
    fields = _sizes(config, number_type) | tokenizer_fields(tokenizer, config.vocab_size)
    write_file(path, ARCHITECTURE, fields, tensors)


def tokenizer_fields(tokenizer: Tokenizer, vocab_size: int) -> dict[str, Any]:
    """The tokenizer under llama.cpp's keys: tokens of all ids below `vocab_size`, their types, and merges."""
    kind = gguf_module().TokenType
    described = json.loads(tokenizer.as_json())
    texts = [f"[PAD{id_}]" for id_ in range(vocab_size)]
    kinds = [kind.UNUSED] * vocab_size
    for text, id_ in described["model"]["vocab"].items():
        texts[id_], kinds[id_] = text, kind.NORMAL
    for token in described["added_tokens"]:
        texts[token["id"]] = token["content"]
        kinds[token["id"]] = kind.CONTROL if token["special"] else kind.USER_DEFINED
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in described["model"]["merges"]]
    special = tokenizer.special
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.token_type": list(map(int, kinds)),
        "tokenizer.ggml.merges": merges or NO_MERGES,
        "tokenizer.ggml.bos_token_id": special["end_of_text"],
        "tokenizer.ggml.eos_token_id": special["im_end"],
        "tokenizer.ggml.padding_token_id": special["end_of_text"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def _sizes(config: Qwen3Config, number_type: NumberType) -> dict[str, Any]:
    file_types = gguf_module().LlamaFileType
    file_type = file_types.MOSTLY_Q8_0 if number_type == "Q8_0" else file_types.MOSTLY_F16
    return {
        "general.file_type": int(file_type),
        "general.quantization_version": 2,
        f"{ARCHITECTURE}.vocab_size": config.vocab_size,
        f"{ARCHITECTURE}.context_length": config.max_position_embeddings,
        f"{ARCHITECTURE}.embedding_length": config.hidden_size,
        f"{ARCHITECTURE}.feed_forward_length": config.intermediate_size,
        f"{ARCHITECTURE}.block_count": config.num_layers,
        f"{ARCHITECTURE}.attention.head_count": config.num_heads,
        f"{ARCHITECTURE}.attention.head_count_kv": config.num_kv_heads,
        f"{ARCHITECTURE}.attention.key_length": config.head_dim,
        f"{ARCHITECTURE}.attention.value_length": config.head_dim,
        f"{ARCHITECTURE}.attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        f"{ARCHITECTURE}.rope.freq_base": config.rope_theta,
    }
