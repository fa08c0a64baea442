"""What is compared: clips as each architecture takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from demiglace.conversation import VideoSampling
from demiglace.media.frame_sampling import plan_frames
from demiglace.processing.visual_token_cost import QWEN3_CELL, QWEN_CELL, video_costs

SIDE = 448  # pixels of a clip's frames, which are square
PATCH = 14
NUM_QUERIES = 64  # visual tokens of a package
MARK_TOKENS = 3  # <image>, </image> and the line break after a package; none after the last
TEXT_TOKENS = 45  # of the question and the turns, in our bytes; as many are given to the peer

OURS, QWEN25, QWEN3 = "Demiglace", "Qwen2.5-VL", "Qwen3-VL"
ARCHITECTURES = (OURS, QWEN25, QWEN3)
QWEN3_PATCH = 16
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
    groups: of frames that share visual tokens: packages of ours, pairs of the peers.
    tokens: visual tokens that enter the decoder.
    patches_per_side: of a picture that enters the encoder: a frame of ours, a pair of the peers.
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
        marks = {OURS: MARK_TOKENS * self.groups - 1, QWEN25: 2, QWEN3: QWEN3_MARK_TOKENS * self.groups}
        return self.tokens + marks[self.architecture] + TEXT_TOKENS


def rows_of(seconds: float) -> list[Row]:
    """Both policies of ours; each peer at its own defaults and at as many frames as each policy takes."""
    return [*(our_row(policy, seconds) for policy in SAMPLINGS), *qwen25_rows(seconds), *qwen3_rows(seconds)]


def qwen25_rows(seconds: float) -> list[Row]:
    """Its defaults are 2 frames a second and those of `Qwen2VLVideoProcessor` in `transformers`: pairs of frames of 128
    to 768 tokens, which leave 448 x 448 as it is. A row with the budget of its technical report comes beside it where
    that is less."""
    sampled = next(cost for cost in video_costs(SIDE, SIDE, seconds, 1, 1) if cost.name == QWEN25)
    cells = min(SIDE // QWEN_CELL, math.isqrt(max(REPORT_TOKENS // sampled.packages, LEAST_TOKENS)))
    tokens = sampled.packages * cells**2  # a square clip stays square
    capped = Row(QWEN25, BUDGET, seconds, sampled.pictures, sampled.packages, tokens, 2 * cells)
    free = qwen25_row(DEFAULTS, seconds, sampled.pictures)
    same = [qwen25_row(as_many, seconds, our_row(policy, seconds).frames) for policy, as_many in AS_MANY.items()]
    return [free, *([capped] if capped.tokens < free.tokens else []), *same]


def qwen3_rows(seconds: float) -> list[Row]:
    """Its defaults in `transformers`: 2 frames a second, in pairs that share a budget of tokens."""
    cost = next(cost for cost in video_costs(SIDE, SIDE, seconds, 1, 1) if cost.name == QWEN3)
    cells = math.isqrt(cost.tokens // cost.packages)  # a square clip stays square
    free = Row(QWEN3, DEFAULTS, seconds, cost.pictures, cost.packages, cost.packages * cells**2, 2 * cells)
    same = [qwen3_row(as_many, seconds, our_row(policy, seconds).frames) for policy, as_many in AS_MANY.items()]
    return [free, *same]


def our_row(policy: str, seconds: float) -> Row:
    sizes = plan_frames(seconds, SAMPLINGS[policy]).package_sizes
    return Row(OURS, policy, seconds, sum(sizes), len(sizes), NUM_QUERIES * len(sizes), SIDE // PATCH)


def qwen25_row(policy: str, seconds: float, frames: int) -> Row:
    """Frames of their full size, in pairs; the last stands for itself and its missing partner."""
    pairs = math.ceil(frames / 2)
    return Row(QWEN25, policy, seconds, frames, pairs, pairs * (SIDE // QWEN_CELL) ** 2, SIDE // PATCH)


def qwen3_row(policy: str, seconds: float, frames: int) -> Row:
    """As `qwen25_row`."""
    pairs, cells = math.ceil(frames / 2), SIDE // QWEN3_CELL
    return Row(QWEN3, policy, seconds, frames, pairs, pairs * cells**2, 2 * cells)


def compared(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Rows of ours beside those of the peers for the same clip that they are compared with."""
    return [
        (ours, theirs)
        for ours in rows
        for theirs in rows
        if ours.architecture == OURS != theirs.architecture
        and ours.clip_seconds == theirs.clip_seconds
        and theirs.policy in (DEFAULTS, BUDGET, AS_MANY[ours.policy])
    ]
