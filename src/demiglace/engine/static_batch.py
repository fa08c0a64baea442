"""Batch to new tokens: one prefill, then all rows advance together, each until its own end.

Rows are right-padded and may differ in everything: length, pictures, sampling. A row attends neither to other
rows nor to padding (segments), so its answer is the one it gives alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from demiglace.batch import PADDING, Batch
from demiglace.engine.prefix_cache import PrefixCache
from demiglace.engine.sampling import SamplingParams, next_token
from demiglace.model.layers import KVCache
from demiglace.model.minicpmv import MiniCPMV

StoppedBy = Literal["end", "length"]

MAX_PATCHES_PER_CHUNK = 16 * 1024  # through the encoder at once; released code: 16 slices of 448 x 448 pixels


@dataclass(frozen=True)
class Step:
    """One row's new token. `stopped_by` is set on the row's last: "end" on a stop token, "length" at the limit.

    log_probability: natural logarithm of what the model itself gave the token, whatever the sampling made of it.
    """

    row: int
    token: int
    log_probability: float
    stopped_by: StoppedBy | None = None


@dataclass
class _Row:
    """An answer under way. `position` is that of its next token; `room` bounds its length."""

    params: SamplingParams
    position: int
    room: int
    said: list[int] = field(default_factory=list)
    stopped_by: StoppedBy | None = None

    def __post_init__(self) -> None:
        self.generator = self.params.generator()

    def sample_next(self, logits: Tensor, stop_ids: Collection[int]) -> int:
        token = next_token(logits, self.said, self.params, self.generator)
        self.said.append(token)
        self.position += 1
        if token in stop_ids:
            self.stopped_by = "end"
        elif len(self.said) == self.room:
            self.stopped_by = "length"
        return token


def generate(
    model: MiniCPMV,
    batch: Batch,
    sampling: Sequence[SamplingParams],
    stop_ids: Collection[int],
    prefix_cache: PrefixCache | None = None,
) -> Iterator[Step]:
    """New tokens of all rows, in the order they come. One sample a row, padded on the right; one `sampling` a row.

    With a `prefix_cache`, the batch is one row, and the tokens in the cache are not computed again.
    Raises ValueError at once, before any computation, where a prompt leaves no room for an answer.
    """
    rows = _rows(batch, sampling, model.config.llm.max_position_embeddings)
    return _steps(model, batch, rows, stop_ids, prefix_cache or PrefixCache())


@torch.inference_mode()
def _steps(
    model: MiniCPMV, batch: Batch, rows: list[_Row], stop_ids: Collection[int], prefix_cache: PrefixCache
) -> Iterator[Step]:
    cache = _cache(model, batch, rows)
    hidden = _prefill(model, batch, cache, prefix_cache)
    while True:
        logits = model.logits(hidden).float()
        log_totals = logits.logsumexp(dim=1)
        for number, row in enumerate(rows):
            if row.stopped_by is None:
                token = row.sample_next(logits[number], stop_ids)
                log_probability = float(logits[number, token] - log_totals[number])
                yield Step(number, token, log_probability, row.stopped_by)
        if all(row.stopped_by for row in rows):
            return
        hidden = model(_next_batch(rows, batch.tokens.device), cache)[:, -1]


def _prefill(model: MiniCPMV, batch: Batch, cache: KVCache, prefix_cache: PrefixCache) -> Tensor:
    """Hidden states (rows, hidden) at the last token of each prompt."""
    rest = prefix_cache.recall(batch, cache)
    hidden = model(rest, cache, MAX_PATCHES_PER_CHUNK)
    prefix_cache.keep(batch.tokens[0], cache)
    last = (rest.segments != PADDING).sum(dim=1) - 1
    return hidden[torch.arange(len(last), device=last.device), last]


def _rows(batch: Batch, sampling: Sequence[SamplingParams], limit: int) -> list[_Row]:
    if len(sampling) != batch.tokens.shape[0]:
        raise ValueError(f"{batch.tokens.shape[0]} rows, but {len(sampling)} sampling parameters")
    lengths = (batch.segments != PADDING).sum(dim=1).tolist()
    if max(lengths) >= limit:
        raise ValueError(
            f"a prompt of {max(lengths)} tokens and an answer do not fit the {limit} positions of the model "
            "(max_position_embeddings)"
        )
    return [
        _Row(params, position=length, room=min(params.max_new_tokens, limit - length))
        for params, length in zip(sampling, lengths, strict=True)
    ]


def _cache(model: MiniCPMV, batch: Batch, rows: list[_Row]) -> KVCache:
    llm = model.config.llm
    weight = model.llm.model.embed_tokens.weight
    capacity = batch.tokens.shape[1] + max(row.room for row in rows)
    return KVCache(
        llm.num_layers, len(rows), llm.num_kv_heads, capacity, llm.head_dim, dtype=weight.dtype, device=weight.device
    )


def _next_batch(rows: list[_Row], device: torch.device) -> Batch:
    """Each row's newest token; of finished rows padding, which nothing sees."""
    tokens = [[row.said[-1]] for row in rows]
    positions = [[row.position - 1] for row in rows]
    segments = [[PADDING if row.stopped_by else 1] for row in rows]
    return Batch(
        torch.tensor(tokens, device=device),
        torch.tensor(positions, device=device),
        torch.tensor(segments, device=device),
        visual_places=torch.empty(0, dtype=torch.int64, device=device),
    )
