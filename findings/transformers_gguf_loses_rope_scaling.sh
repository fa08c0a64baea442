#!/usr/bin/env bash
# A GGUF file of a model with scaled rotary embeddings says so: linear and YaRN scaling in keys, Llama 3's as a tensor of
# factors (`rope_freqs.weight`), which files of Llama 3.1 to 3.3 have. One would guess that `from_pretrained(...,
# gguf_file=...)` of transformers reads them, as it reads the base of the frequencies. It reads them only for gpt-oss. The
# model is built with plain frequencies and its maximum length is still the long one. All weights are right and nothing warns,
# but the answers are those of another model. Give the scaling yourself: load the config, set `rope_parameters`, and pass it
# as `config`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.13.0 numpy==2.4.6 transformers==5.24.0 accelerate==1.15.0 gguf==0.19.0
OMP_NUM_THREADS=1 "$work/venv/bin/python" - "$work" 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import logging
import sys
from importlib.metadata import version

import gguf
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

WORK = sys.argv[1]
print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "gguf")))
SIZES = {"vocab_size": 64, "hidden_size": 128, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
HALF = 32  # frequencies of a head
warnings = []
handler = logging.Handler(logging.WARNING)
handler.emit = lambda record: warnings.append(record.getMessage())
logging.getLogger("transformers").addHandler(handler)


def model(rope):
    torch.manual_seed(0)
    options = {"num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.2, "tie_word_embeddings": False}
    return LlamaForCausalLM(LlamaConfig(**SIZES, **options, rope_parameters={"rope_theta": 10000.0} | rope)).eval()


def write(model, path):
    """As llama.cpp's converter writes a Llama."""
    config, rope = model.config, model.config.rope_parameters
    file = gguf.GGUFWriter(path, "llama")
    file.add_context_length(config.max_position_embeddings)
    file.add_embedding_length(config.hidden_size)
    file.add_block_count(config.num_hidden_layers)
    file.add_feed_forward_length(config.intermediate_size)
    file.add_head_count(config.num_attention_heads)
    file.add_head_count_kv(config.num_key_value_heads)
    file.add_layer_norm_rms_eps(config.rms_norm_eps)
    file.add_vocab_size(config.vocab_size)
    file.add_rope_dimension_count(2 * HALF)
    file.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] in ("linear", "yarn"):
        file.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
        file.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        file.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope["rope_type"] == "llama3":
        plain = rope["rope_theta"] ** -(torch.arange(HALF) / HALF)
        file.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq).numpy())
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):  # pairs of a rotation beside each other
            tensor = tensor.reshape(2, 2, HALF, -1).transpose(1, 2).reshape(tensor.shape)
        file.add_tensor(names.get_name(name, (".weight",)), tensor.numpy().copy())
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


@torch.inference_mode()
def seen(rope):
    """How far the logits of the loaded model are off, in how many of 200 places its best token is the same; with the config given too."""
    made, tokens = model(rope), torch.randint(0, 64, (1, 200), generator=torch.Generator().manual_seed(0))
    write(made, f"{WORK}/model.gguf")
    logits, found = made(tokens).logits, []
    for given in ({}, {"config": made.config}):
        loaded = AutoModelForCausalLM.from_pretrained(WORK, gguf_file="model.gguf", dtype=torch.float32, **given).eval()
        same = all(torch.equal(one, other) for one, other in zip(made.parameters(), loaded.parameters()))
        answer = loaded(tokens).logits
        agree = int((answer.argmax(-1) == logits.argmax(-1)).sum())
        found.append((same, float((answer - logits).norm() / logits.norm()), agree, loaded.config))
    return found


results = []
for rope in (
    {"rope_type": "default"},
    {"rope_type": "linear", "factor": 4.0},
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
):
    (same, off, agree, config), (_, with_config, _, _) = seen(rope)
    results.append((same, off < 1e-4, with_config < 1e-4, config.rope_parameters["rope_type"], config.max_position_embeddings))
    print(f"{rope['rope_type']}: weights equal {same}, logits off by {off:.2f}, best token the same in {agree} of 200 places")
    print(f"    loaded with {config.rope_parameters}, length {config.max_position_embeddings}; with the config given: off by {with_config:.2f}")
print(f"expected: off by 0.00 and 200 of 200 in each line; warnings: {len(warnings)}")
print(*warnings, sep="\n", file=sys.stderr)
wrong = (True, False, True, "default", 256)
sys.exit(not (results == [(True, True, True, "default", 256), wrong, wrong, wrong] and not warnings))
PYTHON
