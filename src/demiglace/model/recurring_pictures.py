"""Packages with recurring pictures, as in screen recordings: each distinct picture is attended to once.

The tick of a picture shifts the scores of all its patches by the same amount. So what a query takes from a single
picture does not depend on when it is shown, and only the weights of the pictures remain to be computed for a package:

    a(picture)  = softmax(q . (W_k (u + P) + b_k)) (W_v u + b_v)     l(picture) = log of the sum of exponentials
    attended    = sum of w a(picture) over the pictures of a package, w = softmax(l(picture) + q . W_k T(tick))

The names are those of docs/resampler.md. The formulas are ours, and exact up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from demiglace.batch import to_device
from demiglace.model.resampler import Resampler, grid_positions, tick_positions


class PictureSums(NamedTuple):
    """What the queries take from each of some pictures alone.

    attended: (pictures, heads, num_queries, head_dim); totals: float32 (pictures, heads, num_queries), log-sum-exp of
    their scores.
    """

    attended: Tensor
    totals: Tensor


def resample_recurring(
    resampler: Resampler,
    features: Sequence[Tensor],
    sizes: Sequence[tuple[int, int]],
    shown: Sequence[Sequence[int]],
    ticks: Tensor,
) -> Tensor:
    """(packages, num_queries, hidden_size), as `Resampler.forward` returns.

    features (patches, feature_size) and sizes (height, width in patches) of each distinct picture; shown: which of them
    are in each package, in order; ticks: int64 (pictures of all packages,), on the device of the features.
    """
    queries = _queries(resampler)
    each = [_attend(resampler, queries, *picture) for picture in zip(features, sizes, strict=True)]
    sums = PictureSums(*map(torch.stack, zip(*each, strict=True)))
    moves = _moves(resampler, queries, ticks).split([len(pictures) for pictures in shown])
    mixed = [
        _mix(sums, to_device(torch.tensor(one), ticks.device), some) for one, some in zip(shown, moves, strict=True)
    ]
    return resampler.ln_post(resampler.attn.out_proj(torch.stack(mixed))) @ resampler.proj


def _queries(resampler: Resampler) -> Tensor:
    """(heads, num_queries, head_dim), already divided by the square root of head_dim."""
    weight, bias = resampler.attn.projections()[0]
    queries = _by_head(F.linear(resampler.ln_q(resampler.query), weight, bias), resampler)
    return queries / queries.shape[-1] ** 0.5


def _attend(resampler: Resampler, queries: Tensor, features: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """For one picture: attended (heads, num_queries, head_dim), totals (heads, num_queries)."""
    _, (key_weight, key_bias), (value_weight, value_bias) = resampler.attn.projections()
    values = resampler.ln_kv(resampler.kv_proj(features))
    keys = values + to_device(grid_positions(*size, resampler.config.hidden_size), values.device).to(values)
    keys = _by_head(F.linear(keys, key_weight, key_bias), resampler)
    values = _by_head(F.linear(values, value_weight, value_bias), resampler)
    scores = (queries @ keys.transpose(1, 2)).float()
    return scores.softmax(dim=-1).to(values.dtype) @ values, scores.logsumexp(dim=-1)


def _moves(resampler: Resampler, queries: Tensor, ticks: Tensor) -> Tensor:
    """float32 (pictures, heads, num_queries): the shift of all scores of a picture by its tick."""
    times = tick_positions(ticks, resampler.config.hidden_size).to(queries)
    keys = _by_head(F.linear(times, resampler.attn.projections()[1][0]), resampler)
    return (queries @ keys.transpose(1, 2)).float().permute(2, 0, 1)


def _mix(sums: PictureSums, pictures: Tensor, moves: Tensor) -> Tensor:
    """(num_queries, heads * head_dim) for one package."""
    weights = (sums.totals[pictures] + moves).softmax(dim=0).to(sums.attended.dtype)
    attended = (weights.unsqueeze(-1) * sums.attended[pictures]).sum(dim=0)
    return attended.transpose(0, 1).flatten(1)


def _by_head(x: Tensor, resampler: Resampler) -> Tensor:
    """(length, hidden_size) -> (heads, length, head_dim)."""
    return x.unflatten(-1, (resampler.config.num_heads, -1)).transpose(0, 1)
