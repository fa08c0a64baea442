"""A tiny random checkpoint in the released layout, with the released token ids."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokenizers
import torch
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.tokenizer import Tokenizer

QWEN2_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
UNK = 128244
FIRST_ADDED = 151643
SPECIAL = (  # from FIRST_ADDED on
    "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> "
    "<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|>"
)
NOT_SPECIAL = (
    "<tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> "
    "<tool_response> </tool_response> <think> </think>"
)
VISUAL = (
    "<image> </image> <ref> </ref> <box> </box> <quad> </quad> <point> </point> <slice> </slice> "
    "<image_id> </image_id> <unit> </unit>"
)
RESERVED = " ".join(f"<|reserved_{i}|>" for i in range(63))


def tiny_checkpoint(folder: Path, sharded: bool = True, released_ids: bool = True) -> Path:
    """Write it to `folder`, in bfloat16; without `released_ids` the vocabulary is bytes alone."""
    tokenizer = released_tokenizer() if released_ids else Tokenizer.bytes_only()
    processor = Processor(tokenizer, ProcessorConfig())
    processor.save(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MiniCPMV(tiny_config(tokenizer.vocab_size)).to(torch.bfloat16)
    facts = CheckpointFacts(**processor.checkpoint_facts(), do_sample=False)
    weights.save(model, folder, facts, max_shard_bytes=1_000_000 if sharded else 10**9)
    return folder


def tiny_config(vocab_size: int) -> MiniCPMVConfig:
    return MiniCPMVConfig(
        SiglipConfig(
            hidden_size=16, intermediate_size=24, num_layers=2, num_heads=2, patch_size=14, position_ids="released"
        ),
        ResamplerConfig(num_queries=64, hidden_size=8, feature_size=16, num_heads=2),
        Qwen3Config(
            vocab_size=vocab_size,
            hidden_size=8,
            intermediate_size=12,
            num_layers=2,
            num_heads=2,
            num_kv_heads=1,
            head_dim=4,
            rope_theta=1e6,
            rms_norm_eps=1e-6,
            max_position_embeddings=40960,
        ),
    )


def released_tokenizer() -> Tokenizer:
    """The bytes, "\\n\\n" and all added tokens of the released vocabulary at their ids; fillers in between."""
    vocabulary = {f"filler {id_}": id_ for id_ in range(FIRST_ADDED) if id_ not in (UNK, 271) and id_ > 255}
    characters = [*map(chr, range(33, 127)), *map(chr, range(161, 173)), *map(chr, range(174, 324))]
    vocabulary |= {character: id_ for id_, character in enumerate(characters)}
    vocabulary |= {"<unk>": UNK, "ĊĊ": 271}
    backend = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ċ", "Ċ")]))
    backend.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(QWEN2_WORDS), behavior="isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    backend.decoder = decoders.ByteLevel()
    for text in f"{SPECIAL} {NOT_SPECIAL} {VISUAL} {RESERVED} <unk>".split():
        backend.add_tokens([AddedToken(text, special=text not in NOT_SPECIAL.split(), normalized=False)])
    return Tokenizer(backend)


@torch.no_grad()
def make_outspoken(model: MiniCPMV) -> None:
    """Random weights, made so large that answers differ with what was asked and seen."""
    generator = torch.Generator().manual_seed(0)
    model.llm.model.embed_tokens.weight.normal_(generator=generator)
    for parameter in (*model.vpm.parameters(), *model.resampler.parameters()):
        parameter.normal_(std=0.5, generator=generator)
    for layer in model.llm.model.layers:
        layer.self_attn.v_proj.weight.mul_(5)


def fields_of(folder: Path, name: str = "config.json") -> dict[str, Any]:
    return json.loads((folder / name).read_text())


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))
