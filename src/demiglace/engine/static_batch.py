"""From a batch to new tokens: one prefill, then all rows advance together, each until its own end.

Rows are right-padded and may differ in length, pictures and sampling. A row attends neither to other rows nor to
padding (segments), so its answer is the one that it gives alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.batch import PADDING, Batch
from demiglace.engine.beam_search import search_beams
from demiglace.engine.token_sampler import SampledToken, TokenSampler, next_tokens
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV

MAX_PATCHES_PER_CHUNK = 16 * 1024  # in one pass of the encoder; released code: 16 slices of 448 x 448 pixels


@dataclass(frozen=True)
class Step:
    """One row's new token."""

    row: int
    sampled: SampledToken


@dataclass
class _Row:
    """An answer in progress. length: of its prompt."""

    number: int
    sampler: TokenSampler
    length: int


def generate(model: MiniCPMV, batch: Batch, samplers: Sequence[TokenSampler]) -> Iterator[Step]:
    """New tokens of all rows, in the order of generation. One sample a row, padded on the right; one new sampler a row.

    A row ends when its sampler has stopped; the caller may also stop it between two tokens. With beam search, the
    tokens of a row come together when its search is over.
    Raises ValueError immediately, before any computation, if a prompt leaves no room for an answer or if rows differ in
    their number of beams.
    """
    rows = _rows(batch, samplers, model.config.llm.max_position_embeddings)
    return _steps(model, batch, rows)


@torch.inference_mode()
def _steps(model: MiniCPMV, batch: Batch, rows: list[_Row]) -> Iterator[Step]:
    cache = _cache(model, batch, rows)
    logits = model.logits(_prefill(model, batch, cache)).float()
    if rows[0].sampler.params.num_beams > 1:
        yield from _beam_steps(model, logits, cache, rows)
        return
    while True:
        for row, sampled in zip(rows, next_tokens(logits, [row.sampler for row in rows]), strict=True):
            if isinstance(sampled, ValueError):
                raise sampled
            yield Step(row.number, sampled)
        ended = [place for place, row in enumerate(rows) if row.sampler.stopped_by]
        if len(ended) == len(rows):
            return
        rows = [rows[place] for place in cache.drop(ended)] if ended else rows
        logits = model.logits(model(_next_batch(rows, batch.tokens.device), cache)[:, -1]).float()


def _beam_steps(model: MiniCPMV, logits: Tensor, cache: KVCache, rows: list[_Row]) -> Iterator[Step]:
    sampling = [row.sampler.fitted_params for row in rows]
    for found in search_beams(model, logits, cache, [row.length for row in rows], sampling, rows[0].sampler.roles):
        row = rows[found.row]
        for token, log_probability in zip(found.tokens, found.log_probabilities, strict=True):
            if not row.sampler.stopped_by:
                yield Step(row.number, row.sampler.take(token, log_probability))


def _prefill(model: MiniCPMV, batch: Batch, cache: KVCache) -> Tensor:
    """Hidden states (rows, hidden) at the last token of each prompt."""
    last = (batch.segments != PADDING).sum(dim=1) - 1
    return model(batch, cache, MAX_PATCHES_PER_CHUNK, last)[:, 0]


def _rows(batch: Batch, samplers: Sequence[TokenSampler], limit: int) -> list[_Row]:
    if len(samplers) != batch.tokens.shape[0]:
        raise ValueError(f"{batch.tokens.shape[0]} rows, but {len(samplers)} samplers")
    beams = {sampler.params.num_beams for sampler in samplers}
    if len(beams) > 1:
        raise ValueError(f"rows of one batch have the same number of beams, got {min(beams)} and {max(beams)}")
    lengths = (batch.segments != PADDING).sum(dim=1).tolist()
    check_positions(max(lengths), limit)
    for sampler, length in zip(samplers, lengths, strict=True):
        sampler.fit(limit - length)
    return [_Row(number, *pair) for number, pair in enumerate(zip(samplers, lengths, strict=True))]


def check_positions(length: int, limit: int) -> None:
    """ValueError if the model has no position left for an answer after a prompt of `length` tokens."""
    if length >= limit:
        raise ValueError(
            f"a prompt of {length} tokens and an answer do not fit the {limit} positions of the model "
            "(max_position_embeddings)"
        )


def _cache(model: MiniCPMV, batch: Batch, rows: list[_Row]) -> KVCache:
    llm = model.config.llm
    weight = model.llm.model.embed_tokens.weight
    capacity = batch.tokens.shape[1] + max(row.sampler.max_new_tokens for row in rows)
    return KVCache(
        llm.num_layers, len(rows), llm.num_kv_heads, capacity, llm.head_dim, dtype=weight.dtype, device=weight.device
    )


def _next_batch(rows: list[_Row], device: torch.device) -> Batch:
    """The newest token of each row."""
    tokens = torch.tensor([[row.sampler.output_tokens[-1]] for row in rows], device=device)
    positions = torch.tensor([[row.length + len(row.sampler.output_tokens) - 1] for row in rows], device=device)
    return Batch(tokens, positions, torch.ones_like(tokens), visual_places=tokens.new_empty(0))
