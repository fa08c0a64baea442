"""Our architecture with random weights, and a clip as it takes it.

Pictures are given as arrays and made into patches before a clock starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import PIL.Image
import torch
from video_rows import SAMPLINGS, SIDE, Row

from demiglace.batch import Batch
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_sampler import TokenSampler
from demiglace.media.frame_sampling import plan_frames
from demiglace.media.video import Package
from demiglace.model.folded_resampler import fold_resampler, multiply_adds
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.processing.chat_template import Turn, render_pieces
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import Layout
from demiglace.processing.sample import Sample
from demiglace.processing.tokenizer import TextPiece, Tokenizer

QUESTION = "What happens in it?"

Answer = Callable[[], Iterator[int]]  # when called, new tokens as they come
Prepare = Callable[[Row, int], Answer]  # a clip's inputs and the length of the answer; not counted in time


def dtype_of(device: str) -> torch.dtype:
    return torch.float32 if device == "cpu" else torch.bfloat16


def our_model(config: MiniCPMVConfig, device: str) -> MiniCPMV:
    """With a folded resampler where that is less work, as `Demiglace.load` does."""
    with made_as(dtype_of(device), device):
        model = MiniCPMV(config).eval()
    plain, folded = multiply_adds(config.resampler)
    return fold_resampler(model) if folded < plain else model


@contextmanager
def made_as(dtype: torch.dtype, device: str) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def our_batch(row: Row) -> Batch:
    """The clip as our processor lays it out. Its frames are one and the same: what they show costs nothing."""
    frame = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    plan = plan_frames(row.clip_seconds, SAMPLINGS[row.policy])
    ticks = iter(plan.ticks)
    tokenizer, config = Tokenizer.bytes_only(), ProcessorConfig()
    layout = Layout(config.slicing, config.num_queries, config.use_image_id)
    places = layout.video(Package([frame] * size, [next(ticks) for _ in range(size)]) for size in plan.package_sizes)
    turn = Turn("user", (TextPiece(places, is_structure=True), TextPiece(f"\n{QUESTION}")))
    tokens = torch.tensor(tokenizer.encode_pieces(render_pieces([turn], thinking=False)))
    filled = (tokens == tokenizer.special["unk"]).nonzero().squeeze(1)
    return Processor(tokenizer, config).batch([Sample(tokens, filled, layout.visual())])


def our_preparation(model: MiniCPMV, device: str) -> Prepare:
    def prepare(row: Row, new_tokens: int) -> Answer:
        batch = our_batch(row).to(device, dtype_of(device))
        greedy = SamplingParams.greedy(new_tokens)
        return lambda: (step.sampled.token for step in generate(model, batch, [TokenSampler(greedy)]))

    return prepare
