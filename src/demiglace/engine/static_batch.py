"""Batch to new tokens: one prefill, then all rows advance together, each until its own end.

Rows are right-padded and may differ in everything: length, pictures, sampling. A row attends neither to other
rows nor to padding (segments), so its answer is the one it gives alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from demiglace.batch import PADDING, Batch
from demiglace.engine.beam_search import search_beams
from demiglace.engine.prefix_cache import PrefixCache
from demiglace.engine.sampling import SamplingParams, check_finite, next_token
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
    """An answer under way; `params.max_new_tokens` is room that there is. `position`: of its next token."""

    number: int
    params: SamplingParams
    position: int
    said: list[int] = field(default_factory=list)
    stopped_by: StoppedBy | None = None

    def __post_init__(self) -> None:
        self.generator = self.params.generator()

    def take(self, token: int, log_probability: float, stop_ids: Collection[int]) -> Step:
        self.said.append(token)
        self.position += 1
        if token in stop_ids:
            self.stopped_by = "end"
        elif len(self.said) == self.params.max_new_tokens:
            self.stopped_by = "length"
        return Step(self.number, token, log_probability, self.stopped_by)


def generate(
    model: MiniCPMV,
    batch: Batch,
    sampling: Sequence[SamplingParams],
    stop_ids: Collection[int],
    prefix_cache: PrefixCache | None = None,
) -> Iterator[Step]:
    """New tokens of all rows, in the order they come. One sample a row, padded on the right; one `sampling` a row.

    With a `prefix_cache`, the batch is one row, and the tokens in the cache are not computed again. With beams, the
    tokens of a row come together when its search is over.
    Raises ValueError at once, before any computation, where a prompt leaves no room for an answer, and where rows
    differ in their number of beams.
    """
    rows = _rows(batch, sampling, model.config.llm.max_position_embeddings)
    return _steps(model, batch, rows, stop_ids, prefix_cache or PrefixCache())


@torch.inference_mode()
def _steps(
    model: MiniCPMV, batch: Batch, rows: list[_Row], stop_ids: Collection[int], prefix_cache: PrefixCache
) -> Iterator[Step]:
    cache = _cache(model, batch, rows)
    logits = model.logits(_prefill(model, batch, cache, prefix_cache)).float()
    if rows[0].params.num_beams > 1:
        lengths, sampling = [row.position for row in rows], [row.params for row in rows]
        for found in search_beams(model, logits, cache, lengths, sampling, stop_ids):
            row = rows[found.row]
            for token, log_probability in zip(found.tokens, found.log_probabilities, strict=True):
                yield row.take(token, log_probability, stop_ids)
        return
    while True:
        tokens, log_probabilities = _next_tokens(logits, rows)
        for row, token, log_probability in zip(rows, tokens, log_probabilities, strict=True):
            yield row.take(token, log_probability, stop_ids)
        ended = [place for place, row in enumerate(rows) if row.stopped_by]
        if len(ended) == len(rows):
            return
        rows = [rows[place] for place in cache.drop(ended)] if ended else rows
        logits = model.logits(model(_next_batch(rows, batch.tokens.device), cache)[:, -1]).float()


def _next_tokens(logits: Tensor, rows: Sequence[_Row]) -> tuple[list[int], list[float]]:
    """The token of each row and the logarithm of its probability; one read from the device where none is drawn."""
    largest, likeliest = logits.max(dim=1)
    totals = logits.logsumexp(dim=1)
    tokens, log_probabilities = likeliest.tolist(), (largest - totals).tolist()
    for place, row in enumerate(rows):
        if row.params.is_plain:
            check_finite(log_probabilities[place])
            continue
        tokens[place] = next_token(logits[place], row.said, row.params, row.generator)
        log_probabilities[place] = float(logits[place, tokens[place]] - totals[place])
    return tokens, log_probabilities


def _prefill(model: MiniCPMV, batch: Batch, cache: KVCache, prefix_cache: PrefixCache) -> Tensor:
    """Hidden states (rows, hidden) at the last token of each prompt."""
    rest = prefix_cache.recall(batch, cache)
    last = (rest.segments != PADDING).sum(dim=1) - 1
    hidden = model(rest, cache, MAX_PATCHES_PER_CHUNK, last)
    prefix_cache.keep(batch.tokens[0], cache)
    return hidden[:, 0]


def _rows(batch: Batch, sampling: Sequence[SamplingParams], limit: int) -> list[_Row]:
    if len(sampling) != batch.tokens.shape[0]:
        raise ValueError(f"{batch.tokens.shape[0]} rows, but {len(sampling)} sampling parameters")
    beams = {params.num_beams for params in sampling}
    if len(beams) > 1:
        raise ValueError(f"rows of one batch have the same number of beams, got {min(beams)} and {max(beams)}")
    lengths = (batch.segments != PADDING).sum(dim=1).tolist()
    if max(lengths) >= limit:
        raise ValueError(
            f"a prompt of {max(lengths)} tokens and an answer do not fit the {limit} positions of the model "
            "(max_position_embeddings)"
        )
    return [
        _Row(number, replace(params, max_new_tokens=min(params.max_new_tokens, limit - length)), position=length)
        for number, (params, length) in enumerate(zip(sampling, lengths, strict=True))
    ]


def _cache(model: MiniCPMV, batch: Batch, rows: list[_Row]) -> KVCache:
    llm = model.config.llm
    weight = model.llm.model.embed_tokens.weight
    capacity = batch.tokens.shape[1] + max(row.params.max_new_tokens for row in rows)
    return KVCache(
        llm.num_layers, len(rows), llm.num_kv_heads, capacity, llm.head_dim, dtype=weight.dtype, device=weight.device
    )


def _next_batch(rows: list[_Row], device: torch.device) -> Batch:
    """Each row's newest token."""
    tokens = torch.tensor([[row.said[-1]] for row in rows], device=device)
    positions = torch.tensor([[row.position - 1] for row in rows], device=device)
    return Batch(tokens, positions, torch.ones_like(tokens), visual_places=tokens.new_empty(0))
