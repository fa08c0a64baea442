"""What an answer about a clip costs, by formula.

Counted are the products of matrices, a multiplication and an addition being two operations.
"""

from __future__ import annotations

from dataclasses import dataclass

from video_rows import OURS, PATCH, QWEN3, QWEN3_PATCH, QWEN25, Row
from video_sizes import FULL_PARAMETERS, Size, full

from demiglace.model.folded_resampler import multiply_adds
from demiglace.model.qwen3 import Qwen3Config

WINDOW = 8  # patches a side of a window in the encoder of Qwen2.5-VL, 112 pixels


@dataclass(frozen=True)
class Operations:
    """encoder, between (resampler or mergers) and decoder; the answer's tokens are in the last."""

    encoder: float
    between: float
    decoder: float

    @property
    def total(self) -> float:
        return self.encoder + self.between + self.decoder


def operations(row: Row, size: Size, new_tokens: int) -> Operations:
    count = {OURS: our_operations, QWEN25: qwen25_operations, QWEN3: qwen3_operations}[row.architecture]
    return count(row, size, new_tokens)


def our_operations(row: Row, size: Size, new_tokens: int) -> Operations:
    vision, resampler = size.ours.vision, size.ours.resampler
    layer = 4 * vision.hidden_size**2 + 2 * vision.hidden_size * vision.intermediate_size
    weights = vision.num_layers * layer + 3 * PATCH**2 * vision.hidden_size
    seen = 2 * vision.num_layers * vision.hidden_size * row.patches_per_side**2
    outputs = 2 * resampler.hidden_size**2 * row.tokens
    return Operations(
        encoder=2 * (weights + seen) * row.patches,
        between=2 * (min(multiply_adds(resampler)) * row.patches + outputs),
        decoder=decoder_operations(size.ours.llm, row.prompt_tokens, new_tokens)
        - spared_operations(size.ours.llm, row.prompt_tokens),
    )


def spared_operations(llm: Qwen3Config, prompt_tokens: int) -> float:
    """Our last layer computes keys and values of the whole prompt, and all else of its last token alone."""
    heads_size = llm.num_heads * llm.head_dim
    others = prompt_tokens - 1
    layer = llm.hidden_size * (2 * heads_size + 3 * llm.intermediate_size)
    return 2 * layer * others + 2 * heads_size * others * prompt_tokens


def qwen25_operations(row: Row, size: Size, new_tokens: int) -> Operations:
    vision, llm = size.qwen25.vision, size.qwen25.llm
    layer = 4 * vision.hidden_size**2 + 3 * vision.hidden_size * vision.intermediate_size
    weights = vision.num_layers * layer + 2 * 3 * PATCH**2 * vision.hidden_size  # of two frames
    side, num_full = row.patches_per_side, len(size.qwen25.full_attention_layers)
    pairs = num_full * side**4 + (vision.num_layers - num_full) * window_pairs(side)
    merged = 4 * vision.hidden_size
    return Operations(
        encoder=2 * weights * row.patches + 4 * vision.hidden_size * pairs * row.pictures,
        between=2 * (merged**2 + merged * llm.hidden_size) * row.tokens,
        decoder=decoder_operations(llm, row.prompt_tokens, new_tokens),
    )


def window_pairs(side: int) -> int:
    """Pairs of patches that see each other in the windows of a picture of `side` patches a side."""
    return sum(min(WINDOW, side - start) ** 2 for start in range(0, side, WINDOW)) ** 2


def qwen3_operations(row: Row, size: Size, new_tokens: int) -> Operations:
    """Every layer of the encoder sees its whole picture, a pair of frames; each deep layer has a merger of its own."""
    vision, llm = size.qwen3.vision, size.qwen3.llm
    layer = 4 * vision.hidden_size**2 + 2 * vision.hidden_size * vision.intermediate_size
    weights = vision.num_layers * layer + 2 * 3 * QWEN3_PATCH**2 * vision.hidden_size  # of two frames
    seen = 2 * vision.num_layers * vision.hidden_size * row.patches_per_side**2
    merged = 4 * vision.hidden_size
    mergers = 1 + len(size.qwen3.deep_layers)
    return Operations(
        encoder=2 * (weights + seen) * row.patches,
        between=2 * mergers * (merged**2 + merged * llm.hidden_size) * row.tokens,
        decoder=decoder_operations(llm, row.prompt_tokens, new_tokens),
    )


def decoder_operations(llm: Qwen3Config, prompt_tokens: int, new_tokens: int) -> float:
    """The last new token is not read again."""
    heads_size, kv_size = llm.num_heads * llm.head_dim, llm.num_kv_heads * llm.head_dim
    layer = llm.hidden_size * (2 * heads_size + 2 * kv_size + 3 * llm.intermediate_size)
    read = prompt_tokens + new_tokens - 1
    logits = llm.hidden_size * llm.vocab_size * new_tokens
    return 2 * (layer * llm.num_layers * read + logits) + 2 * llm.num_layers * heads_size * read * (read + 1)


def full_size_bytes(row: Row) -> int:
    """bfloat16 weights, patches, keys and values at full size: a lower bound, without what is in between."""
    size = full()
    llm = {OURS: size.ours.llm, QWEN25: size.qwen25.llm, QWEN3: size.qwen3.llm}[row.architecture]
    patch = {OURS: 3 * PATCH**2, QWEN25: 2 * 3 * PATCH**2, QWEN3: 2 * 3 * QWEN3_PATCH**2}[row.architecture]
    cache = 2 * llm.num_layers * llm.num_kv_heads * llm.head_dim * row.prompt_tokens
    return 2 * (FULL_PARAMETERS[row.architecture] + patch * row.patches + cache)
