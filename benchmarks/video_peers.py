"""The two architectures at work, each on one clip in a process of its own.

This file, run as a program, is that process: a job comes as JSON on stdin, what it took goes as JSON to stdout. Weights
are random. Pictures are given as arrays and made into patches before the clock starts.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import torch
from resampler_memory import memory
from torch import nn
from video_rows import OURS, PATCH, SAMPLINGS, SIDE, SIZES, TEXT_TOKENS, QwenShape, Row, our_row, their_row

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

if TYPE_CHECKING:
    from transformers import Qwen2_5_VLConfig

QUESTION = "What happens in it?"

Answer = Callable[[], Iterator[int]]  # when called, new tokens as they come
Prepare = Callable[[Row, int], Answer]  # a clip's inputs and the length of the answer; not counted in time
InputsOf = Callable[[Row, Any, str], dict[str, torch.Tensor]]  # of a clip, for a configuration, on a device


@dataclass(frozen=True)
class Job:
    """size: of `SIZES`. device: "cpu" (float32) or "cuda" (bfloat16)."""

    row: Row
    size: str
    device: str
    threads: int
    new_tokens: int


@dataclass(frozen=True)
class Outcome:
    """What an answer took.

    seconds_to_first_token, seconds: from patches to the first and to the last new token.
    processor_seconds: of all threads, on a GPU of those that drive it.
    peak_bytes: weights, inputs and the most that the answer needed besides; interpreter and libraries left out.
    """

    prompt_tokens: int
    seconds_to_first_token: float
    seconds: float
    processor_seconds: float
    peak_bytes: int


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


def attention_of(device: str) -> str:
    """The fastest kernel of the peer that is installed."""
    return "flash_attention_2" if device != "cpu" and find_spec("flash_attn") else "sdpa"


def their_model(shape: QwenShape, device: str) -> nn.Module:
    from transformers import AutoModelForImageTextToText

    with torch.device(device):
        options = {"dtype": dtype_of(device), "attn_implementation": attention_of(device)}
        return AutoModelForImageTextToText.from_config(their_config(shape), **options).eval()


def their_config(shape: QwenShape) -> Qwen2_5_VLConfig:
    """The last ids of the vocabulary stand for pictures."""
    from transformers import Qwen2_5_VLConfig

    vision, llm = shape.vision, shape.llm
    ids = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    return Qwen2_5_VLConfig(
        vision_config={
            "depth": vision.num_layers,
            "hidden_size": vision.hidden_size,
            "intermediate_size": vision.intermediate_size,
            "num_heads": vision.num_heads,
            "out_hidden_size": llm.hidden_size,
            "fullatt_block_indexes": list(shape.full_attention_layers),
            "tokens_per_second": 2,
        },
        text_config={
            "vocab_size": llm.vocab_size,
            "hidden_size": llm.hidden_size,
            "intermediate_size": llm.intermediate_size,
            "num_hidden_layers": llm.num_layers,
            "num_attention_heads": llm.num_heads,
            "num_key_value_heads": llm.num_kv_heads,
            "max_position_embeddings": llm.max_position_embeddings,
            "rms_norm_eps": llm.rms_norm_eps,
            "bos_token_id": None,
            "eos_token_id": None,
            "rope_parameters": {"rope_type": "default", "rope_theta": llm.rope_theta, "mrope_section": [16, 24, 24]},
        },
        **{name: llm.vocab_size - 1 - place for place, name in enumerate(ids)},
    )


def their_inputs(row: Row, config: Qwen2_5_VLConfig, device: str) -> dict[str, torch.Tensor]:
    """What its processor gives for the clip (it needs torchvision; a test holds its count against ours), and text."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(100, (TEXT_TOKENS,), generator=generator)
    video = torch.full((row.tokens,), config.video_token_id)
    start, end = torch.tensor([[config.vision_start_token_id], [config.vision_end_token_id]])
    ids = torch.cat((text[:20], start, video, end, text[20:])).unsqueeze(0)
    inputs = {
        "input_ids": ids,
        "mm_token_type_ids": 2 * (ids == config.video_token_id).int(),
        "pixel_values_videos": torch.rand(row.patches, 2 * 3 * PATCH**2, generator=generator).to(dtype_of(device)),
        "video_grid_thw": torch.tensor([[row.groups, row.patches_per_side, row.patches_per_side]]),
        "second_per_grid_ts": torch.tensor([row.clip_seconds / row.groups]),
    }
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def their_preparation(model: nn.Module, device: str, inputs_of: InputsOf = their_inputs) -> Prepare:
    """Greedy, with logits of the last place alone, as `generate` of transformers asks for them."""

    def prepare(row: Row, new_tokens: int) -> Answer:
        prompt = inputs_of(row, model.config, device)

        def answer() -> Iterator[int]:
            inputs = prompt
            for _ in range(new_tokens):
                with torch.inference_mode():
                    output = model(**inputs, use_cache=True, logits_to_keep=1)
                token = output.logits[:, -1].argmax(dim=-1, keepdim=True)
                yield int(token)
                inputs = {"input_ids": token, "past_key_values": output.past_key_values}

        return answer

    return prepare


def preparation(job: Job) -> tuple[Prepare, int]:
    """The architecture with its weights, and their bytes."""
    size = SIZES[job.size]()
    model = our_model(size.ours, job.device) if job.row.architecture == OURS else their_model(size.theirs, job.device)
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    prepare = our_preparation if job.row.architecture == OURS else their_preparation
    return prepare(model, job.device), weights


def work(job: Job) -> Outcome:
    """A clip of a second warms up and is not counted."""
    torch.manual_seed(0)
    torch.set_num_threads(job.threads)
    prepare, weights = preparation(job)
    row = job.row
    warm_up = our_row(row.policy, 1.0) if row.architecture == OURS else their_row(row.policy, 1.0, 4)
    list(prepare(warm_up, 2)())
    gc.collect()
    held = memory("VmRSS")
    answer = prepare(row, job.new_tokens)
    reset_peak(job.device)
    started, processor_started = time.perf_counter(), time.process_time()
    times = [time.perf_counter() - started for _ in answer()]
    processor_seconds = time.process_time() - processor_started
    peak = memory("VmHWM") - held + weights if job.device == "cpu" else torch.cuda.max_memory_allocated()
    return Outcome(row.prompt_tokens, times[0], times[-1], processor_seconds, peak)


def reset_peak(device: str) -> None:
    if device == "cpu":
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    else:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


def main() -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not come between
    fields = json.load(sys.stdin)
    job = Job(**{**fields, "row": Row(**fields["row"])})
    try:
        outcome = asdict(work(job))
    except torch.OutOfMemoryError:  # of a GPU
        outcome = None
    json.dump(outcome, told)
    told.close()


if __name__ == "__main__":
    main()
