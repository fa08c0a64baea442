"""The 3D resampler: turns the features of one slice, or of a package of frames, into a fixed number of visual tokens.

Learned queries attend once to all patches of a package. Keys encode the position of a patch (2D sin-cos) and its time
(sin-cos of its tick); values encode neither. Positions are computed for the given pictures, so no picture is too large
and no video too long. Sources: paper, section 2.1; released code for formulas and names.

A patch that stands for a run of pictures (`Visual.run_lengths`, ours) counts once for each of them: the logarithm of
the run's length is added to its scores, and its key has the mean of the encodings of the run's ticks. For keys that
differ only in their ticks, this agrees with attending to each of them to first order in the spread of their scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from demiglace.batch import STILL, to_device
from demiglace.model.layers import LayerNorm, are_in_order, chunks_by_length, grouped_attention, packed_rows

LAYER_NORM_EPS = 1e-6  # released code


@dataclass(frozen=True)
class ResamplerConfig:
    """From features of size `feature_size` to `num_queries` visual tokens of size `hidden_size`."""

    num_queries: int
    hidden_size: int
    feature_size: int
    num_heads: int

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}")
        if self.hidden_size % 4:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of 4 (sine and cosine of row and column)"
            )


def sin_cos(places: Tensor, dim: int) -> Tensor:
    """(n,) -> float32 (n, dim): sines, then cosines, of place * 10000**(-i / (dim / 2)).

    The frequencies are computed by numpy as in the released code: one float32 rounding step in a frequency changes the
    angle by 4e-3 after two hours of 0.1 s ticks.
    """
    steps = np.arange(dim // 2, dtype=np.float32) / np.float32(dim / 2)
    frequencies = to_device(torch.from_numpy(np.float32(1) / np.float32(10000) ** steps), places.device)
    angles = places.float().unsqueeze(-1) * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


def grid_positions(height: int, width: int, dim: int) -> Tensor:
    """float32 (height * width, dim), row-major: the first half encodes the column, the second the row."""
    columns = sin_cos(torch.arange(width), dim // 2).expand(height, -1, -1)
    rows = sin_cos(torch.arange(height), dim // 2).unsqueeze(1).expand(-1, width, -1)
    return torch.cat((columns, rows), dim=-1).flatten(0, 1)


def tick_positions(ticks: Tensor, dim: int) -> Tensor:
    """int64 ticks (pictures,) in 0.1 s -> float32 (pictures, dim); zeros for `STILL`."""
    return sin_cos(ticks, dim) * (ticks != STILL).unsqueeze(-1)


class PackageGrids(NamedTuple):
    """Some packages, on the host: picture sizes (height, width) in patches, number of pictures in each package.

    run_lengths: int64 (height * width,) for each picture, as in `Visual`; None if every place has a patch.
    """

    sizes: list[tuple[int, int]]
    package_sizes: list[int]
    run_lengths: list[Tensor] | None = None

    @classmethod
    def of(cls, grids: Tensor, package_sizes: Tensor, run_lengths: Tensor | None = None) -> PackageGrids:
        """From the fields of `Visual`."""
        sizes = [(height, width) for height, width in grids.tolist()]
        runs = None if run_lengths is None else list(run_lengths.split([height * width for height, width in sizes]))
        return cls(sizes, package_sizes.tolist(), runs)

    def picture_lengths(self) -> list[int]:
        """Patches of each picture."""
        if self.run_lengths is None:
            return [height * width for height, width in self.sizes]
        return [int(runs.count_nonzero()) for runs in self.run_lengths]

    def package_pictures(self) -> list[range]:
        ends = np.cumsum(self.package_sizes).tolist()
        return [range(end - size, end) for end, size in zip(ends, self.package_sizes, strict=True)]

    def package_lengths(self) -> list[int]:
        lengths = self.picture_lengths()
        return [sum(lengths[picture] for picture in pictures) for pictures in self.package_pictures()]


class CrossAttention(nn.Module):
    """Multi-head attention with the parameter layout of `torch.nn.MultiheadAttention`."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * hidden_size))
        self.out_proj = nn.Linear(hidden_size, hidden_size)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def projections(self) -> list[tuple[Tensor, Tensor]]:
        """Weight (hidden_size, hidden_size) and bias (hidden_size,) of query, key and value."""
        return list(zip(self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True))

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, lengths: list[int], bias: Tensor | None = None
    ) -> Tensor:
        """One query (queries, hidden_size) shared by all packages, packed keys and values (patches, hidden_size), bias
        (patches,) added to all scores of a key -> (packages, queries, hidden_size)."""
        query, keys, values = (
            F.linear(x, *projection).unflatten(-1, (self.num_heads, -1))
            for x, projection in zip((query, keys, values), self.projections(), strict=True)
        )
        queries = query.repeat(len(lengths), 1, 1)
        query_lengths = [query.shape[0]] * len(lengths)
        bias = None if bias is None else bias.to(keys.dtype)
        attended = grouped_attention(queries, keys, values, query_lengths, lengths, bias)
        return self.out_proj(attended.flatten(1)).unflatten(0, (len(lengths), -1))


class Resampler(nn.Module):
    """Features of slices or packages of frames -> `num_queries` visual tokens for each of them."""

    def __init__(self, config: ResamplerConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.config = config
        self.query = nn.Parameter(torch.empty(config.num_queries, hidden))
        self.kv_proj = nn.Linear(config.feature_size, hidden, bias=False)
        self.attn = CrossAttention(hidden, config.num_heads)
        self.ln_q = LayerNorm(hidden, LAYER_NORM_EPS)
        self.ln_kv = LayerNorm(hidden, LAYER_NORM_EPS)
        self.ln_post = LayerNorm(hidden, LAYER_NORM_EPS)
        self.proj = nn.Parameter(torch.empty(hidden, hidden))
        nn.init.normal_(self.query, std=0.02)
        nn.init.normal_(self.proj, std=hidden**-0.5)

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

        Processes packages in chunks of at most `max_patches_per_chunk` patches (or one package) to bound memory; None
        processes all at once. The result is the same.
        """
        pictures = PackageGrids.of(grids, package_sizes, run_lengths)
        lengths = pictures.package_lengths()
        chunks = chunks_by_length(lengths, max_patches_per_chunk)
        if are_in_order(chunks):
            return self._resample(features, pictures, ticks)
        resampled = [
            self._resample(features[packed_rows(lengths, chunk, features.device)], *_take(pictures, ticks, chunk))
            for chunk in chunks
        ]
        order = torch.tensor(list(chain.from_iterable(chunks)), device=features.device)
        return torch.cat(resampled)[order.argsort()]

    def _resample(self, features: Tensor, pictures: PackageGrids, ticks: Tensor) -> Tensor:
        values = self.ln_kv(self.kv_proj(features))
        keys = values + patch_positions(pictures, ticks, self.config.hidden_size).to(values)
        bias = log_run_lengths(pictures, ticks.device)
        attended = self.attn(self.ln_q(self.query), keys, values, pictures.package_lengths(), bias)
        return self.ln_post(attended) @ self.proj


def _take(pictures: PackageGrids, ticks: Tensor, packages: list[int]) -> tuple[PackageGrids, Tensor]:
    """Only the chosen packages."""
    package_pictures = pictures.package_pictures()
    taken = [picture for package in packages for picture in package_pictures[package]]
    chosen = PackageGrids(
        [pictures.sizes[picture] for picture in taken],
        [pictures.package_sizes[package] for package in packages],
        None if pictures.run_lengths is None else [pictures.run_lengths[picture] for picture in taken],
    )
    return chosen, ticks[torch.tensor(taken, device=ticks.device)]


def patch_positions(pictures: PackageGrids, ticks: Tensor, dim: int) -> Tensor:
    """float32 (patches, dim): the encoding of position and time in each patch's key."""
    tables = {size: to_device(grid_positions(*size, dim), ticks.device) for size in set(pictures.sizes)}
    times = tick_positions(ticks, dim)
    if pictures.run_lengths is not None:
        return torch.cat(
            [
                tables[size][to_device(runs > 0, ticks.device)] + run_times(times[picture:], runs[runs > 0])
                for picture, (size, runs) in enumerate(zip(pictures.sizes, pictures.run_lengths, strict=True))
            ]
        )
    if len(tables) == 1:  # pictures of one size share their positions
        return (tables[pictures.sizes[0]] + times.unsqueeze(1)).flatten(0, 1)
    return torch.cat([tables[size] + time for size, time in zip(pictures.sizes, times, strict=True)])


def run_times(times: Tensor, run_lengths: Tensor) -> Tensor:
    """times (pictures, dim) from a picture on, int64 run_lengths (patches,) of its patches -> (patches, dim).

    The mean over each run.
    """
    longest = int(run_lengths.max()) if len(run_lengths) else 0
    means = [times[:length].mean(dim=0) for length in range(1, longest + 1)]
    return torch.stack(means)[to_device(run_lengths - 1, times.device)] if means else times[:0]


def log_run_lengths(pictures: PackageGrids, device: torch.device) -> Tensor | None:
    """float32 (patches,); None if every place has a patch."""
    if pictures.run_lengths is None:
        return None
    return to_device(torch.cat([runs[runs > 0] for runs in pictures.run_lengths]).log(), device)
