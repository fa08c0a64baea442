#!/usr/bin/env bash
# One would guess that `transformers serve` serves every model that transformers' Auto classes load: a model of one's own is
# made known by AutoConfig.register and AutoModelForCausalLM.register, or brings an auto_map. The Auto class does load it. The
# server asks neither: it takes the class by the name in config.json from the module transformers, and from a table in
# modeling_auto what a model takes, into which nothing is registered. So it loads no class of one's own; and where the class is
# put into the module, what the model takes is unknown until the table has its name, too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 "transformers[serving]==5.24.0" 2> /dev/null
WORK="$work" HF_HUB_OFFLINE=1 "$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import os
import sys
from importlib.metadata import version

from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.cli.serving.model_manager import ModelManager
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers")))


class MineConfig(LlamaConfig):
    model_type = "mine"


class MineForCausalLM(LlamaForCausalLM):
    config_class = MineConfig


AutoConfig.register("mine", MineConfig)
AutoModelForCausalLM.register(MineConfig, MineForCausalLM)
folder = os.path.join(os.environ["WORK"], "mine")
sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
MineForCausalLM(MineConfig(vocab_size=32, **sizes)).save_pretrained(folder)


def told(call):
    try:
        return type(call()).__name__
    except Exception as error:
        return f"{type(error).__name__}: {error}"


manager = ModelManager(device="cpu", dtype="float32")
found = {
    "AutoModelForCausalLM loads": told(lambda: AutoModelForCausalLM.from_pretrained(folder)),
    "transformers serve loads": told(lambda: manager._load_model(folder)),
}
sys.modules["transformers"].MineForCausalLM = MineForCausalLM
model = manager._load_model(folder)
found["the same where the class is put into the module"] = type(model).__name__
found["which takes"] = told(lambda: manager.get_model_modality(model))
MODEL_FOR_CAUSAL_LM_MAPPING_NAMES["mine"] = "MineForCausalLM"
found["which takes, with its name put into the table"] = str(manager.get_model_modality(model))
for what, value in found.items():
    print(f"{what}: {value}")
print("expected: the Auto class loads it, the server fails (AttributeError), and what the model takes is unknown (ValueError)")
values = list(found.values())
as_expected = [values[0] == "MineForCausalLM", values[1].startswith("AttributeError"), values[3].startswith("ValueError")]
sys.exit(not all(as_expected))
PYTHON
