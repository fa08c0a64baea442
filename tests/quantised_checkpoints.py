"""A random checkpoint with layers wide enough for four bits, and what it computes."""

from dataclasses import replace
from pathlib import Path

import torch
from checkpoints import tiny_config
from torch import Tensor

from demiglace.batch import Batch, Visual
from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer


def wide_config(vocab_size: int) -> MiniCPMVConfig:
    config = tiny_config(vocab_size)
    return replace(
        config,
        vision=replace(config.vision, hidden_size=64, intermediate_size=128),
        resampler=replace(config.resampler, hidden_size=128, feature_size=64, num_heads=1),
        llm=replace(config.llm, hidden_size=128, intermediate_size=256, num_heads=4, num_kv_heads=2, head_dim=32),
    )


def wide_checkpoint(folder: Path) -> Path:
    """Write it to `folder`, in float32; its vocabulary is bytes, and its slices are small."""
    processor = Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=112)))
    processor.save(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MiniCPMV(wide_config(processor.tokenizer.vocab_size))
    facts = CheckpointFacts(**processor.checkpoint_facts(), do_sample=False)
    weights.save(model, folder, facts)
    return folder


def seen_and_said(model: MiniCPMV) -> Tensor:
    """Logits (1, 80, vocab_size) of a prompt with a picture."""
    generator = torch.Generator().manual_seed(0)
    patches = torch.rand(6, 3 * 14 * 14, generator=generator).to(model.llm.model.norm.weight.dtype)
    visual = Visual(patches, torch.tensor([[2, 3]]), torch.tensor([1]), torch.tensor([-1]))
    tokens = torch.randint(0, 256, (1, 80), generator=generator)
    batch = Batch(tokens, torch.arange(80)[None], torch.ones(1, 80, dtype=torch.int64), torch.arange(3, 67), visual)
    with torch.no_grad():
        return model.eval().logits(model(batch))
