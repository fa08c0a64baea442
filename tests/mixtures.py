"""A small mixture of sources on disk, and a model small enough to be pre-trained on it in a test."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import torch

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

NUM_QUERIES = 4
SFT_MIXTURE = """
[[source]]
name = "pictures"
kind = "jsonl"
path = "pictures.jsonl"
weights = { general = 1, long_cot_3d = 0.5 }

[[source]]
name = "clips"
kind = "clips"
kinds = ["recolour", "appear"]
side = 84
max_packages = 4
long_share = 0.5
weights = { long_cot_3d = 1 }
"""


def drawn_colours(stage: str) -> str:
    """A source of drawn questions about colours, for a stage."""
    return f"""
[[source]]
name = "colours"
kind = "questions"
topics = {{ colours = 1.0 }}
text_share = 0.0
smallest = 100
largest = 100
weights = {{ {stage} = 1 }}
"""


def pictures_and_colours(stage: str) -> str:
    """The pictures of `write_mixture`, and drawn colours."""
    pictures = f"""
[[source]]
name = "pictures"
kind = "jsonl"
path = "pictures.jsonl"
weights = {{ {stage} = 1 }}
"""
    return pictures + drawn_colours(stage)


def small_config() -> MiniCPMVConfig:
    vision = SiglipConfig(hidden_size=32, intermediate_size=64, num_layers=2, num_heads=2, patch_size=14)
    resampler = ResamplerConfig(num_queries=NUM_QUERIES, hidden_size=32, feature_size=32, num_heads=2)
    llm = Qwen3Config(
        vocab_size=384, hidden_size=32, intermediate_size=64, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=16,
        rope_theta=10000.0, rms_norm_eps=1e-6, max_position_embeddings=1024,
    )  # fmt: skip
    return MiniCPMVConfig(vision, resampler, llm)


def small_model() -> MiniCPMV:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MiniCPMV(small_config())


def small_processor() -> Processor:
    slicing = SlicingConfig(scale_resolution=42, patch_size=14, max_slices=1)
    return Processor(Tokenizer.bytes_only(), ProcessorConfig(slicing, NUM_QUERIES))


def write_start(folder: Path) -> Path:
    processor = small_processor()
    weights.save(small_model(), folder, CheckpointFacts(**processor.checkpoint_facts(), do_sample=False))
    processor.save(folder)
    return folder


def let_sample(start: Path) -> Path:
    """The same model, which now asks to be sampled from."""
    path = start / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "do_sample": True, "temperature": 0.6}))
    return start


def write_mixture(folder: Path) -> Path:
    """Pictures that are asked about, and text that joins them in the last stage."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    records = []
    for number in range(12):
        pixels = rng.integers(0, 256, (30, 50, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{number}.png")
        turns = [
            {"role": "user", "content": "<image>Which one is it?"},
            {"role": "assistant", "content": f"It is the picture of number {number}" + ", and so on" * (number % 4)},
        ]
        records.append(json.dumps({"messages": turns, "images": [f"{number}.png"]}))
    (folder / "pictures.jsonl").write_text("\n".join(records) + "\n")
    (folder / "text.txt").write_text(
        "\n\n".join(f"Paragraph {n} is about {n * n} and what follows." for n in range(60))
    )
    path = folder / "mixture.toml"
    path.write_text("""
[[source]]
name = "pictures"
kind = "jsonl"
path = "pictures.jsonl"
weights = { resampler = 1, vision = 1, full = 1, late = 0.2 }

[[source]]
name = "texts"
kind = "text"
path = "text.txt"
window = 128
weights = { full = 1.0 }
""")
    return path


def write_sft_mixture(folder: Path) -> Path:
    write_mixture(folder)
    path = folder / "sft.toml"
    path.write_text(SFT_MIXTURE)
    return path


def write_rl_inputs(folder: Path) -> Path:
    """A model to begin from in `start`, and `rl.toml` with its data; returns the folder."""
    write_start(folder / "start")
    write_mixture(folder)
    (folder / "rl.toml").write_text(pictures_and_colours("hybrid_rl"))
    return folder


def write_sft_inputs(folder: Path) -> Path:
    """A model to begin from in `start`, and `sft.toml` with its data; returns the folder."""
    write_start(folder / "start")
    write_sft_mixture(folder)
    return folder
