"""Layers that encoder, resampler and decoder share: norm, rotary positions, attention.

This is the only place where an attention kernel is chosen. Attention has two forms here: packed groups that do not
attend to one another (images, packages), and rows of text masked by `Batch.segments`.

Axes: tokens (of all groups, one after another), groups, rows, length, queries, keys, heads, head_dim.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from demiglace.batch import PADDING, to_device

SHORTEST_IN_BFLOAT16 = 200  # queries of a group, training on a CPU (ours): 100 take .4 to .8 of the time in float32

Checkpointing = bool | Callable[..., Any]  # True, or a function that runs a layer instead of torch's `checkpoint`


def run_layer(layer: nn.Module, *inputs: Any, checkpointing: Checkpointing) -> Tensor:
    """The layer's output. With `checkpointing` only its inputs are stored, and it runs again in the backward pass."""
    if checkpointing is True:
        return checkpoint(layer, *inputs, use_reentrant=False)
    return checkpointing(layer, *inputs) if checkpointing else layer(*inputs)


class RMSNorm(nn.Module):
    """Root mean square norm with a learned scale, no bias (Zhang and Sennrich, 2019)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)  # dtypes differ under autocast


class LayerNorm(nn.LayerNorm):
    """`nn.LayerNorm` that accumulates the gradients of scale and shift in float32 on every device.

    torch's CPU kernels (2.13) accumulate both in the dtype of the input. In bfloat16, where 256 + 1 is 256, they stop
    growing, also under autocast, although the parameters themselves are float32.
    """

    def forward(self, x: Tensor) -> Tensor:
        needs_grad = torch.is_grad_enabled() and self.weight.requires_grad
        if not needs_grad or x.device.type != "cpu" or x.dtype == torch.float32:
            return super().forward(x)
        weights = self.weight.float(), self.bias.float()
        return F.layer_norm(x.float(), self.normalized_shape, *weights, self.eps).to(x.dtype)


def rotary_table(positions: Tensor, head_dim: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the rotary angles (Su et al., 2021), computed in float32.

    positions (rows, length) -> two (rows, 1, length, head_dim) in `dtype`; the axis of size 1 stands for the heads.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device) / head_dim
    angles = positions.float().unsqueeze(-1) * (1.0 / theta**exponents)  # a negative power rounds differently
    angles = torch.cat((angles, angles), dim=-1).unsqueeze(1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate x (rows, heads, length, head_dim); dimensions are paired half a head apart, as in Qwen3."""
    cos, sin = table
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def chunks_by_length(lengths: list[int], limit: int | None) -> list[list[int]]:
    """Split groups into chunks of at most `limit` tokens, shortest first; a longer group gets its own chunk.

    Shortest first puts groups of equal length together, for which `grouped_attention` is fast.
    """
    chunks: list[list[int]] = []
    num_tokens = 0  # in the last chunk
    for group in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not chunks or (limit is not None and num_tokens + lengths[group] > limit):
            chunks.append([])
            num_tokens = 0
        chunks[-1].append(group)
        num_tokens += lengths[group]
    return chunks


def are_in_order(chunks: list[list[int]]) -> bool:
    """Whether there is one chunk with all groups in their order, so that nothing needs to be reordered."""
    return len(chunks) == 1 and chunks[0] == list(range(len(chunks[0])))


def packed_rows(lengths: list[int], groups: list[int], device: torch.device) -> Tensor:
    """int64 (tokens,): where the tokens of `groups`, in that order, lie in the packed sequence."""
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    ranges = [torch.arange(starts[group], starts[group + 1]) for group in groups]
    return to_device(torch.cat(ranges), device) if ranges else torch.empty(0, dtype=torch.int64, device=device)


def grouped_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    query_lengths: list[int],
    key_lengths: list[int],
    bias: Tensor | None = None,
    is_causal: bool = False,
) -> Tensor:
    """Attention inside each group of packed tokens and none across, full or causal.

    query (query tokens, heads, head_dim), key and value (key tokens, heads, head_dim) -> as query. Group g has the
    next `query_lengths[g]` queries and `key_lengths[g]` keys. A run of groups of equal size is one unpadded, unmasked
    batch, so put groups of equal size together (`chunks_by_length`). `bias` (key tokens,) is added to all scores of a
    key. With fewer key heads, several query heads share one.

    At 4 heads of 64 and 32 pictures of 144 patches, `scaled_dot_product_attention` forward and backward took as long as
    explicit matmul-softmax-matmul on an AVX2 CPU in float32, and half as long from 256 patches on.
    """
    runs = [(size, len(list(run))) for size, run in groupby(zip(query_lengths, key_lengths, strict=True))]
    queries = query.split([size[0] * count for size, count in runs])
    keys = key.split([size[1] * count for size, count in runs])
    values = value.split([size[1] * count for size, count in runs])
    biases = [None] * len(runs) if bias is None else bias.split([size[1] * count for size, count in runs])
    attended = []
    for *parts, key_bias, (_, count) in zip(queries, keys, values, biases, runs, strict=True):
        q, k, v = (part.unflatten(0, (count, -1)).transpose(1, 2) for part in parts)
        mask = None if key_bias is None else key_bias.view(count, 1, 1, -1)
        attended.append(_attention(q, k, v, mask, is_causal))
    return torch.cat([x.transpose(1, 2).flatten(0, 1) for x in attended])


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    is_grouped = query.shape[1] != key.shape[1]
    if not _trains_faster_in_float32(query):
        return F.scaled_dot_product_attention(query, key, value, mask, is_causal=is_causal, enable_gqa=is_grouped)
    float_mask = None if mask is None else mask.float()
    with torch.autocast(query.device.type, enabled=False):
        attended = F.scaled_dot_product_attention(
            query.float(), key.float(), value.float(), float_mask, is_causal=is_causal, enable_gqa=is_grouped
        )
    return attended.to(query.dtype)


def _trains_faster_in_float32(query: Tensor) -> bool:
    """torch's CPU backward pass (2.13) is slow in bfloat16 for short groups, even with hardware bfloat16 support."""
    short = query.shape[2] < SHORTEST_IN_BFLOAT16
    return short and query.requires_grad and query.dtype == torch.bfloat16 and query.device.type == "cpu"


def visibility(
    query_positions: Tensor,
    query_segments: Tensor,
    key_positions: Tensor,
    key_segments: Tensor,
    may_be_plain: bool = True,
) -> Tensor | None:
    """The attention mask: a query sees the keys of its own segment, at its own position or before.

    Takes (rows, queries) and (rows, keys). The queries are the last of the keys, so each sees itself and padding does
    not give NaN. Returns bool (rows, 1, queries, keys), or None if it is plain causal attention: every row is one
    segment without padding, and the queries are either all of the keys or just one. Without `may_be_plain` this is not
    tested, which avoids a device synchronisation.
    """
    queries, keys = query_positions.shape[1], key_positions.shape[1]
    if may_be_plain and queries in (1, keys) and _is_plain(key_positions, key_segments):
        return None
    same_segment = query_segments.unsqueeze(-1) == key_segments.unsqueeze(-2)
    not_later = key_positions.unsqueeze(-2) <= query_positions.unsqueeze(-1)
    return (same_segment & not_later).unsqueeze(1)


def _is_plain(positions: Tensor, segments: Tensor) -> bool:
    one_segment = (segments == segments[:, :1]) & (segments != PADDING)
    return bool(one_segment.all() & (positions.diff(dim=1) > 0).all())


def causal_attention(query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None) -> Tensor:
    """Attention of text rows under `visibility`; several query heads may share a key head.

    visible: bool as there, or in the dtype of the query and added to the scores: zero for visible keys, minus infinity
    for others. A CPU converts the first form into the second in every layer.
    query (rows, heads, queries, head_dim), key and value (rows, kv heads, keys, head_dim) -> as query.
    """
    kv_heads = key.shape[1]
    group_size = query.shape[1] // kv_heads
    if query.shape[2] == 1:
        # One query: the heads that share a key take the place of queries, so no key is repeated.
        grouped = query.squeeze(2).unflatten(1, (kv_heads, group_size))
        return F.scaled_dot_product_attention(grouped, key, value, attn_mask=visible).flatten(1, 2).unsqueeze(2)
    if visible is not None and query.is_cuda:
        # CUDA kernels that accept a mask do not support shared heads.
        key, value = key.repeat_interleave(group_size, dim=1), value.repeat_interleave(group_size, dim=1)
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=visible, is_causal=visible is None, enable_gqa=key.shape[1] != query.shape[1]
    )
