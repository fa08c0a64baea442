"""The vision encoder: patches in, features out, at any resolution (SigLIP2, NaViT style).

Pictures of any size are packed into one sequence of patches without padding, and attention does not cross pictures. If
a picture lacks a patch, the earlier patch that stands for it is attended to in its place, in every layer (ours).
Sources: paper, section 2.1; released code for every number and name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from demiglace.batch import to_device
from demiglace.model.layers import are_in_order, chunks_by_length, grouped_attention, packed_rows, run_layer


@dataclass(frozen=True)
class SiglipConfig:
    """Sizes of the vision encoder, and how a patch finds its learned position.

    num_positions_per_side: rows and columns of the square of learned positions.
    position_ids: "exact" floors exactly; "released" uses the released float32 arithmetic, which is sometimes one too
        low.
    """

    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    patch_size: int
    num_positions_per_side: int = 70
    layer_norm_eps: float = 1e-6
    position_ids: Literal["exact", "released"] = "exact"

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}")
        if self.position_ids not in ("exact", "released"):
            raise ValueError(f"position_ids must be exact or released, got {self.position_ids!r}")


def exact_position_ids(num_patches: int, num_positions: int) -> Tensor:
    """int64 (num_patches,): floor(num_positions * i / num_patches), in integers."""
    return torch.arange(num_patches) * num_positions // num_patches


def released_position_ids(num_patches: int, num_positions: int) -> Tensor:
    """int64 (num_patches,): the released code's float32 arithmetic, sometimes one below the exact floor.

    The released step is an int32 tensor's reciprocal, so a rounded float32: for 25 patches on 70 positions, patch 5
    gets 13 instead of 14. Rounding in `torch.arange` depends on the processor, hence the same call, always on the CPU.
    """
    step = (1 / torch.tensor(num_patches, dtype=torch.int32)).item()
    boundaries = torch.arange(1 / num_positions, 1.0, 1 / num_positions)
    return torch.bucketize(torch.arange(0, 1 - 1e-6, step), boundaries, right=True)


class PatchGrids(NamedTuple):
    """Some pictures, on the host: sizes (height, width) in patches, and which places have a patch, None if all do.

    kept: bool (height * width,) for each picture. A picture that lacks patches must follow one of the same size.
    """

    sizes: list[tuple[int, int]]
    kept: list[Tensor] | None = None

    @classmethod
    def of(cls, grids: Tensor, kept: Tensor | None) -> PatchGrids:
        """From `Visual.grids` and `Visual.kept`."""
        sizes = [(height, width) for height, width in grids.tolist()]
        return cls(sizes, None if kept is None else list(kept.split([height * width for height, width in sizes])))

    def places(self) -> list[int]:
        return [height * width for height, width in self.sizes]

    def lengths(self) -> list[int]:
        """Patches of each picture."""
        return self.places() if self.kept is None else [int(kept.sum()) for kept in self.kept]

    def groups(self) -> list[range]:
        """Each picture with all its patches, together with the pictures after it that lack some."""
        whole = [length == places for length, places in zip(self.lengths(), self.places(), strict=True)]
        bounds = [picture for picture, is_whole in enumerate(whole) if is_whole or picture == 0] + [len(whole)]
        return [range(*pair) for pair in pairwise(bounds)]

    def take(self, pictures: list[int]) -> PatchGrids:
        """The chosen pictures, except those that have no patch."""
        if self.kept is None:
            return PatchGrids([self.sizes[picture] for picture in pictures])
        chosen = [picture for picture in pictures if self.kept[picture].any()]
        return PatchGrids([self.sizes[picture] for picture in chosen], [self.kept[picture] for picture in chosen])


class PatchIndex(NamedTuple):
    """rows: int64 (places,), of each place the index of its patch among all; lengths: places of each picture."""

    rows: Tensor
    lengths: list[int]


def patch_index(pictures: PatchGrids, device: torch.device) -> PatchIndex | None:
    """None if every place has its own patch; ValueError if a place has none, not even from an earlier picture."""
    if pictures.kept is None:
        return None
    rows: list[Tensor] = []
    start = 0
    for kept in pictures.kept:
        own = kept.cumsum(0) - 1 + start
        if not kept.all():
            if not rows or len(rows[-1]) != len(own):
                raise ValueError(
                    f"a picture of {len(own)} places has {int(kept.sum())} patches and follows none of its size"
                )
            own = torch.where(kept, own, rows[-1])
        rows.append(own)
        start += int(kept.sum())
    return PatchIndex(to_device(torch.cat(rows), device), pictures.places())


class Embeddings(nn.Module):
    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.num_positions_per_side = config.num_positions_per_side
        self.axis_ids = {"exact": exact_position_ids, "released": released_position_ids}[config.position_ids]
        self.patch_embedding = nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)
        self.position_embedding = nn.Embedding(config.num_positions_per_side**2, config.hidden_size)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, patches: Tensor, grids: list[tuple[int, int]], kept: list[Tensor] | None = None) -> Tensor:
        # The stride of the released convolution is its kernel size: on separate patches it is a matrix product.
        embedded = F.linear(patches, self.patch_embedding.weight.flatten(1), self.patch_embedding.bias)
        ids = {grid: self._position_ids(*grid) for grid in set(grids)}
        if len(ids) == 1 and kept is None:  # pictures of one size share their positions
            places = self.position_embedding(to_device(ids[grids[0]], patches.device))
            return (embedded.unflatten(0, (len(grids), -1)) + places).flatten(0, 1)
        positions = torch.cat([ids[grid] for grid in grids])
        if kept is not None:
            positions = positions[torch.cat(kept)]
        return embedded + self.position_embedding(to_device(positions, patches.device))

    def _position_ids(self, height: int, width: int) -> Tensor:
        rows = self.axis_ids(height, self.num_positions_per_side).unsqueeze(1)
        columns = self.axis_ids(width, self.num_positions_per_side)
        return (rows * self.num_positions_per_side + columns).flatten()


class Attention(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(hidden_size, hidden_size)
        self.k_proj = nn.Linear(hidden_size, hidden_size)
        self.v_proj = nn.Linear(hidden_size, hidden_size)
        self.out_proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, lengths: list[int], index: PatchIndex | None = None) -> Tensor:
        query, key, value = (
            project(x).unflatten(-1, (self.num_heads, -1)) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        key_lengths = lengths
        if index is not None:
            key, value, key_lengths = key[index.rows], value[index.rows], index.lengths
        return self.out_proj(grouped_attention(query, key, value, lengths, key_lengths).flatten(1))


class MLP(nn.Module):
    def __init__(self, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Layer(nn.Module):
    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.self_attn = Attention(config.hidden_size, config.num_heads)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.mlp = MLP(config.hidden_size, config.intermediate_size)

    def forward(self, x: Tensor, lengths: list[int], index: PatchIndex | None = None) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x), lengths, index)
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))

    def forward(
        self, x: Tensor, lengths: list[int], checkpointing: bool = False, index: PatchIndex | None = None
    ) -> Tensor:
        for layer in self.layers:
            x = run_layer(layer, x, lengths, index, checkpointing=checkpointing)
        return x


class SiglipEncoder(nn.Module):
    """Patches of many pictures -> one feature vector per patch; attention keeps the pictures apart."""

    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(
        self,
        patches: Tensor,
        grids: Tensor,
        max_patches_per_chunk: int | None = None,
        checkpointing: bool = False,
        kept: Tensor | None = None,
    ) -> Tensor:
        """patches (patches, 3 * patch_size**2), grids (pictures, 2) and kept (places,), as in `Visual` ->
        (patches, hidden_size).

        Processes pictures in chunks of at most `max_patches_per_chunk` patches (or one picture, with those after it
        that lack patches) to bound memory; None processes all at once. With `checkpointing`, a layer stores only its
        input and runs again in the backward pass. The result is the same.
        """
        pictures = PatchGrids.of(grids, kept)
        groups, counts = pictures.groups(), pictures.lengths()
        lengths = [sum(counts[picture] for picture in group) for group in groups]
        chunks = chunks_by_length(lengths, max_patches_per_chunk)
        if are_in_order(chunks):
            return self._encode(patches, pictures.take(list(range(len(counts)))), checkpointing)
        features: Tensor | None = None
        for chunk in chunks:
            rows = packed_rows(lengths, chunk, patches.device)
            taken = [picture for group in chunk for picture in groups[group]]
            encoded = self._encode(patches[rows], pictures.take(taken), checkpointing)
            if features is None:  # under autocast, the dtype is known only now
                features = encoded.new_empty(patches.shape[0], encoded.shape[1])
            features[rows] = encoded
        return patches.new_empty(0, self.config.hidden_size) if features is None else features

    def _encode(self, patches: Tensor, pictures: PatchGrids, checkpointing: bool) -> Tensor:
        index = patch_index(pictures, patches.device)
        x = self.encoder(self.embeddings(patches, *pictures), pictures.lengths(), checkpointing, index)
        return self.post_layernorm(x)
