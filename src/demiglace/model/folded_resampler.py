"""The resampler with its constant queries folded into its weights, for inference.

The queries do not depend on the input, so the weights between them and the encoder's features are multiplied once, and
patches stay in the feature dimension. With x the features of a patch, W `kv_proj` centred over its outputs (LayerNorm
subtracts their mean), g and b the scale and shift of that LayerNorm, q the projected query of a head:

    y        = x / sqrt(|R x|^2 + eps)                      W / sqrt(hidden_size) = Q R, a QR decomposition
    score    = (W^T g W_k^T q) . y + (W_k^T q) . (P + T)    terms equal for all patches cancel in the softmax
    attended = (W_v g W) sum(p y) + W_v b + b_v             p is the softmax of the scores

The position P has a column half and a row half, so it adds one entry of a column table and one of a row table.
The softmax is accumulated over chunks, so only the output grows with the input. Formulas: ours; docs/resampler.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from demiglace.batch import to_device
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.resampler import PackageGrids, Resampler, ResamplerConfig, run_times, sin_cos, tick_positions


def multiply_adds(config: ResamplerConfig) -> tuple[int, int]:
    """Multiply-adds per patch, plain and folded. Folding pays where the second is smaller: at 8b, not at nano."""
    hidden, feature, queries = config.hidden_size, config.feature_size, config.num_queries
    plain = feature * hidden + 2 * hidden**2 + 2 * queries * hidden
    folded = feature * min(feature, hidden) + 2 * config.num_heads * queries * feature
    return plain, folded


def fold_resampler(model: MiniCPMV) -> MiniCPMV:
    """The same model with a folded resampler, for inference; it shares encoder and decoder with `model`.

    `model` is not changed: keep it to train or save, because the folded resampler has no state dict.
    """
    with torch.device("meta"):
        folded = MiniCPMV(model.config)
    folded.vpm, folded.llm = model.vpm, model.llm
    folded.register_module("resampler", FoldedResampler(model.resampler))
    return folded


class FoldedResampler(nn.Module):
    """Computes the same as a `Resampler`, for inference only: no gradient, no state dict.

    Its weights are computed once and do not follow later changes of the resampler. The maps applied to features have
    the resampler's dtype; scores and sums over patches are float32.
    """

    key_map: Tensor  # (heads * queries, feature_size)
    place_map: Tensor  # float32 (heads * queries, hidden_size)
    scale_map: Tensor  # (min(feature_size, hidden_size), feature_size)
    value_map: Tensor  # (heads, feature_size, head_dim)
    value_bias: Tensor  # (heads, 1, head_dim)

    @torch.no_grad()
    def __init__(self, resampler: Resampler) -> None:
        super().__init__()
        self.config = resampler.config
        self.out_proj, self.ln_post, self.proj = resampler.attn.out_proj, resampler.ln_post, resampler.proj
        self.eps = resampler.ln_kv.eps
        for name, weights in _fold(resampler).items():
            self.register_buffer(name, weights, persistent=False)
        self.register_state_dict_pre_hook(_refuse_state_dict)

    @torch.no_grad()
    def forward(
        self,
        features: Tensor,
        grids: Tensor,
        package_sizes: Tensor,
        ticks: Tensor,
        max_patches_per_chunk: int | None = None,
        run_lengths: Tensor | None = None,
    ) -> Tensor:
        """features (patches, feature_size), the rest as in `Visual` -> (packages, num_queries, hidden_size).

        A chunk is one picture, or as many of its rows as `max_patches_per_chunk` patches allow, at least one.
        """
        pictures = PackageGrids.of(grids, package_sizes, run_lengths)
        picture_features = features.split(pictures.picture_lengths())
        tables = self._place_scores(pictures.sizes)
        tokens = features.new_empty(len(pictures.package_sizes), self.config.num_queries, self.config.hidden_size)
        for package, members in enumerate(pictures.package_pictures()):
            times = tick_positions(ticks[members.start : members.stop], self.config.hidden_size) @ self.place_map.T
            pool = SoftmaxPool(self.key_map.shape[0], self.key_map.shape[1], features.device)
            for number, picture in enumerate(members):
                own, size = picture_features[picture], pictures.sizes[picture]
                if pictures.run_lengths is None:
                    chunks = self._scored(own, size, tables, times[number], max_patches_per_chunk)
                else:
                    runs = pictures.run_lengths[picture]
                    chunks = self._scored_runs(own, size, tables, times[number:], runs, max_patches_per_chunk)
                for scores, values in chunks:
                    pool.add(scores, values)
            tokens[package] = self._project(pool.mean())
        return tokens

    def _place_scores(self, sizes: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """Scores of positions: (heads * queries, columns) and (heads * queries, rows) for the largest grid."""
        sides = max(width for _, width in sizes), max(height for height, _ in sizes)
        columns, rows = (
            half @ sin_cos(torch.arange(side, device=half.device), half.shape[1]).T
            for half, side in zip(self.place_map.chunk(2, dim=1), sides, strict=True)
        )
        return columns, rows

    def _scored(
        self, features: Tensor, size: tuple[int, int], tables: tuple[Tensor, Tensor], time: Tensor, limit: int | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Chunks of a picture: float32 scores (heads * queries, patches), features to pool (patches, feature_size)."""
        height, width = size
        columns, rows = tables[0][:, :width], tables[1][:, :height]
        step = height if limit is None else max(1, limit // width)
        for first in range(0, height, step):
            normalised = self._normalise(features[first * width : (first + step) * width])
            scores = (self.key_map @ normalised.T).float().unflatten(-1, (-1, width))
            scores += columns.unsqueeze(1)
            scores += (rows[:, first : first + step] + time.unsqueeze(1)).unsqueeze(2)
            yield scores.flatten(1), normalised

    def _scored_runs(
        self,
        features: Tensor,
        size: tuple[int, int],
        tables: tuple[Tensor, Tensor],
        times: Tensor,
        run_lengths: Tensor,
        limit: int | None,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """As `_scored`, for a picture whose patches stand for `run_lengths` pictures; `times` start at this picture."""
        places = to_device(run_lengths.nonzero().squeeze(1), features.device)
        runs, (_, width), (columns, rows) = run_lengths[run_lengths > 0], size, tables
        step = max(1, len(runs) if limit is None else limit)
        for start in range(0, len(runs), step):
            chunk = slice(start, start + step)
            normalised = self._normalise(features[chunk])
            scores = (self.key_map @ normalised.T).float()
            scores += columns[:, places[chunk] % width]
            scores += rows[:, places[chunk] // width]
            scores += run_times(times, runs[chunk]).T
            scores += to_device(runs[chunk].log(), features.device)
            yield scores, normalised

    def _normalise(self, features: Tensor) -> Tensor:
        """Features divided by the standard deviation of their `kv_proj` output."""
        variance = F.linear(features, self.scale_map).float().square().sum(dim=-1, keepdim=True)
        return (features * (variance + self.eps).rsqrt()).to(features.dtype)

    def _project(self, pooled: Tensor) -> Tensor:
        """float32 (heads * queries, feature_size) -> (queries, hidden_size)."""
        heads = pooled.to(self.value_map.dtype).unflatten(0, (self.config.num_heads, -1))
        attended = (heads @ self.value_map + self.value_bias).transpose(0, 1).flatten(1)
        return self.ln_post(self.out_proj(attended)) @ self.proj


class SoftmaxPool:
    """Sum of values weighted by a softmax over all scores added so far, in float32 and without storing the scores.

    Each new maximum rescales the sums so far (online softmax; Milakov and Gimelshein, 2018).
    """

    def __init__(self, rows: int, size: int, device: torch.device) -> None:
        self.maximum = torch.full((rows, 1), float("-inf"), device=device)
        self.total = torch.zeros(rows, 1, device=device)
        self.sum = torch.zeros(rows, size, device=device)

    def add(self, scores: Tensor, values: Tensor) -> None:
        """float32 scores (rows, patches), overwritten with their weights, and values (patches, size)."""
        maximum = torch.maximum(self.maximum, scores.amax(dim=1, keepdim=True))
        rescale = (self.maximum - maximum).exp_()
        weights = scores.sub_(maximum).exp_()
        self.total = self.total * rescale + weights.sum(dim=1, keepdim=True)
        self.sum.mul_(rescale).add_(weights.to(values.dtype) @ values)
        self.maximum = maximum

    def mean(self) -> Tensor:
        """float32 (rows, size)."""
        return self.sum / self.total


def _fold(resampler: Resampler) -> dict[str, Tensor]:
    """The buffers of `FoldedResampler`."""
    norm, hidden_size = resampler.ln_kv, resampler.config.hidden_size
    heads = (resampler.config.num_heads, hidden_size // resampler.config.num_heads)
    (query_weight, query_bias), (key_weight, _), (value_weight, value_bias) = (
        (weight.float(), bias.float()) for weight, bias in resampler.attn.projections()
    )
    query = F.linear(resampler.ln_q(resampler.query).float(), query_weight, query_bias) / heads[1] ** 0.5
    place_map = torch.einsum("qhd,hdk->hqk", query.unflatten(-1, heads), key_weight.unflatten(0, heads)).flatten(0, 1)
    kv_weight = resampler.kv_proj.weight.float()
    centred = kv_weight - kv_weight.mean(dim=0)
    value_map = ((value_weight * norm.weight) @ centred).unflatten(0, heads)
    feature_maps = {
        "key_map": (place_map * norm.weight) @ centred,
        # |R x|^2 is a sum of squares and as exact as the variance itself; x G x with G = R^T R has cancellation.
        "scale_map": torch.linalg.qr(centred / hidden_size**0.5, mode="r").R,
        "value_map": value_map.transpose(1, 2).contiguous(),
        "value_bias": (value_weight @ norm.bias.float() + value_bias).unflatten(0, heads).unsqueeze(1),
    }
    return {"place_map": place_map} | {name: weights.to(resampler.proj.dtype) for name, weights in feature_maps.items()}


def _refuse_state_dict(module: FoldedResampler, prefix: str, keep_vars: bool) -> None:
    raise ValueError("a folded resampler has no state dict: save the model that it was folded from")
