"""What is compared: clips as each architecture takes them, both architectures in two sizes, and their cost by formula.

Counted by formula are the products of matrices, a multiplication and an addition being two operations; sources of the
numbers of Qwen2.5-VL: the released config.json of Qwen/Qwen2.5-VL-7B-Instruct and `transformers`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from demiglace.conversation import VideoSampling
from demiglace.evaluation.visual_token_cost import QWEN_CELL, video_costs
from demiglace.media.frame_sampling import plan_frames
from demiglace.model.folded_resampler import multiply_adds
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.presets import released_8b
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig

SIDE = 448  # pixels of a clip's frames, which are square
PATCH = 14
NUM_QUERIES = 64  # visual tokens of a package
MARK_TOKENS = 3  # <image>, </image> and the line break after a package; none after the last
TEXT_TOKENS = 45  # of the question and the turns, in our bytes; as many are given to the peer

OURS, THEIRS, QWEN3 = "Demiglace", "Qwen2.5-VL", "Qwen3-VL"
QWEN3_MARK_TOKENS = 9  # of a pair of frames of Qwen3-VL: its time, such as <12.5 seconds>, and two marks
RELEASED, MAXIMUM = "released policy", "paper's maximum"
SAMPLINGS = {RELEASED: VideoSampling(), MAXIMUM: VideoSampling.paper_maximum()}
REPORT_TOKENS = 24_576  # of a whole video at most: the technical report of Qwen2.5-VL; qwen-vl-utils now has 115,200
LEAST_TOKENS = 134  # of a pair of frames, where the budget would leave fewer: 1.05 * 128
DEFAULTS, BUDGET = "its defaults", "its defaults, at most 24,576 tokens"
AS_MANY = {RELEASED: "as many frames as the released policy", MAXIMUM: "as many frames as the paper's maximum"}


@dataclass(frozen=True)
class Row:
    """A clip as an architecture takes it.

    clip_seconds: its length.
    groups: of frames that share visual tokens: packages of ours, pairs of Qwen2.5-VL.
    tokens: visual tokens that enter the decoder.
    patches_per_side: of a picture that enters the encoder: a frame of ours, a pair of theirs.
    """

    architecture: str
    policy: str
    clip_seconds: float
    frames: int
    groups: int
    tokens: int
    patches_per_side: int

    @property
    def pictures(self) -> int:
        return self.frames if self.architecture == OURS else self.groups

    @property
    def patches(self) -> int:
        return self.pictures * self.patches_per_side**2

    @property
    def prompt_tokens(self) -> int:
        marks = {OURS: MARK_TOKENS * self.groups - 1, THEIRS: 2, QWEN3: QWEN3_MARK_TOKENS * self.groups}
        return self.tokens + marks[self.architecture] + TEXT_TOKENS


def rows_of(seconds: float) -> list[Row]:
    """Both policies of ours; the peer at its own defaults and at as many frames as each policy takes.

    Its defaults are 2 frames a second and those of `Qwen2VLVideoProcessor` in `transformers`: pairs of frames of 128 to
    768 tokens, which leave 448 x 448 as it is. A row with the budget of its technical report comes beside it where that
    is less.
    """
    ours = [our_row(policy, seconds) for policy in SAMPLINGS]
    sampled = next(cost for cost in video_costs(SIDE, SIDE, seconds, 1, 1) if cost.name == THEIRS)
    cells = min(SIDE // QWEN_CELL, math.isqrt(max(REPORT_TOKENS // sampled.packages, LEAST_TOKENS)))
    tokens = sampled.packages * cells**2  # a square clip stays square
    capped = Row(THEIRS, BUDGET, seconds, sampled.pictures, sampled.packages, tokens, 2 * cells)
    free = their_row(DEFAULTS, seconds, sampled.pictures)
    same = [their_row(AS_MANY[row.policy], seconds, row.frames) for row in ours]
    return [*ours, free, *([capped] if capped.tokens < free.tokens else []), *same]


def our_row(policy: str, seconds: float) -> Row:
    sizes = plan_frames(seconds, SAMPLINGS[policy]).package_sizes
    return Row(OURS, policy, seconds, sum(sizes), len(sizes), NUM_QUERIES * len(sizes), SIDE // PATCH)


def their_row(policy: str, seconds: float, frames: int) -> Row:
    """Frames of their full size, in pairs; the last stands for itself and its missing partner."""
    pairs = math.ceil(frames / 2)
    return Row(THEIRS, policy, seconds, frames, pairs, pairs * (SIDE // QWEN_CELL) ** 2, SIDE // PATCH)


@dataclass(frozen=True)
class QwenShape:
    """Qwen2.5-VL in our words: its layers have the same sizes as ours, but other norms and biases.

    full_attention_layers: layers of the encoder that see their whole picture; the others see `WINDOW` patches a side.
    """

    vision: SiglipConfig
    full_attention_layers: tuple[int, ...]
    llm: Qwen3Config


WINDOW = 8  # patches, 112 pixels


@dataclass(frozen=True)
class Size:
    ours: MiniCPMVConfig
    theirs: QwenShape


def reduced() -> Size:
    """An eighth of the release's widths and a twelfth of its layers, with one decoder for both and encoders that have
    equally many parameters: the peer's has three matrices in an MLP where ours has two."""
    vision = SiglipConfig(hidden_size=144, intermediate_size=540, num_layers=2, num_heads=2, patch_size=PATCH)
    llm = Qwen3Config(
        vocab_size=4096,
        hidden_size=512,
        intermediate_size=1536,
        num_layers=3,
        num_heads=4,
        num_kv_heads=1,
        head_dim=128,
        rope_theta=1_000_000.0,
        rms_norm_eps=1e-6,
        max_position_embeddings=160_000,
    )
    resampler = ResamplerConfig(NUM_QUERIES, llm.hidden_size, vision.hidden_size, num_heads=4)
    theirs = QwenShape(replace(vision, intermediate_size=360), full_attention_layers=(1,), llm=llm)
    return Size(MiniCPMVConfig(vision, resampler, llm), theirs)


def full() -> Size:
    """The two releases: 8.7 billion parameters and 8.3."""
    vision = SiglipConfig(hidden_size=1280, intermediate_size=3420, num_layers=32, num_heads=16, patch_size=PATCH)
    llm = Qwen3Config(
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_layers=28,
        num_heads=28,
        num_kv_heads=4,
        head_dim=128,
        rope_theta=1_000_000.0,
        rms_norm_eps=1e-6,
        max_position_embeddings=128_000,
    )
    return Size(released_8b(), QwenShape(vision, full_attention_layers=(7, 15, 23, 31), llm=llm))


SIZES = {"reduced": reduced, "full": full}
FULL_PARAMETERS = {OURS: 8_695_895_280, THEIRS: 8_292_166_656}


@dataclass(frozen=True)
class Operations:
    """encoder, between (resampler or merger) and decoder; the answer's tokens are in the last."""

    encoder: float
    between: float
    decoder: float

    @property
    def total(self) -> float:
        return self.encoder + self.between + self.decoder


def operations(row: Row, size: Size, new_tokens: int) -> Operations:
    count = our_operations if row.architecture == OURS else their_operations
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


def their_operations(row: Row, size: Size, new_tokens: int) -> Operations:
    vision, llm = size.theirs.vision, size.theirs.llm
    layer = 4 * vision.hidden_size**2 + 3 * vision.hidden_size * vision.intermediate_size
    weights = vision.num_layers * layer + 2 * 3 * PATCH**2 * vision.hidden_size  # of two frames
    side, num_full = row.patches_per_side, len(size.theirs.full_attention_layers)
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
    llm = size.ours.llm if row.architecture == OURS else size.theirs.llm
    patch = 3 * PATCH**2 * (1 if row.architecture == OURS else 2)
    cache = 2 * llm.num_layers * llm.num_kv_heads * llm.head_dim * row.prompt_tokens
    return 2 * (FULL_PARAMETERS[row.architecture] + patch * row.patches + cache)


def compared(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Rows of ours beside those of theirs for the same clip that they are compared with."""
    return [
        (ours, theirs)
        for ours in rows
        for theirs in rows
        if (ours.architecture, theirs.architecture) == (OURS, THEIRS)
        and ours.clip_seconds == theirs.clip_seconds
        and theirs.policy in (DEFAULTS, BUDGET, AS_MANY[ours.policy])
    ]
