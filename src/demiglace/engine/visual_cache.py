"""Visual tokens by the content of their pictures: each distinct package and each distinct picture is looked at once.

The features of a picture do not depend on its neighbours, so pictures that are equal are encoded once; the resampler
then runs for every package that differs in its pictures or their times.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.batch import Visual
from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
from demiglace.model.minicpmv import MiniCPMV

KEY_BYTES = 16  # ours: among 2**32 contents two keys agree with a chance of 2**-64


@dataclass(frozen=True)
class VisualPackage:
    """One package. key: of its content; pictures: keys of its pictures, each of patches and grid alone."""

    key: bytes
    visual: Visual
    pictures: tuple[bytes, ...]


class VisualCache:
    """Visual tokens of the packages used last, as many as `most_bytes` hold."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.num_bytes = most_bytes, 0
        self._tokens: OrderedDict[bytes, Tensor] = OrderedDict()

    def tokens(self, model: MiniCPMV, packages: Sequence[VisualPackage]) -> Tensor:
        """(packages * num_queries, hidden_size), as `MiniCPMV.visual_tokens` gives; what is known is not computed."""
        known = {package.key: self._tokens[package.key] for package in packages if package.key in self._tokens}
        unknown = {package.key: package for package in packages if package.key not in known}
        if unknown:
            known.update(zip(unknown, encode(model, list(unknown.values())), strict=True))
        for key, tokens in known.items():
            self._keep(key, tokens)
        return torch.cat([known[package.key] for package in packages])

    def clear(self) -> None:
        self._tokens.clear()
        self.num_bytes = 0

    def _keep(self, key: bytes, tokens: Tensor) -> None:
        if key not in self._tokens:
            self._tokens[key] = tokens
            self.num_bytes += tokens.nbytes
        self._tokens.move_to_end(key)
        while self.num_bytes > self.most_bytes:
            self.num_bytes -= self._tokens.popitem(last=False)[1].nbytes


def packages_of(visual: Visual) -> list[VisualPackage]:
    """The packages, one by one, their patches in the memory of `visual`."""
    patches = visual.patches.split(visual.grids.prod(dim=1).tolist())
    keys = _picture_keys(patches, visual.grids.tolist())
    packages: list[VisualPackage] = []
    picture = patch = 0
    for size in visual.package_sizes.tolist():
        members = slice(picture, picture + size)
        end = patch + sum(map(len, patches[members]))
        ticks = visual.ticks[members]
        part = Visual(visual.patches[patch:end], visual.grids[members], torch.tensor([size]), ticks)
        packages.append(VisualPackage(_digest(b"".join(keys[members]), ticks), part, tuple(keys[members])))
        picture, patch = members.stop, end
    return packages


def encode(model: MiniCPMV, packages: Sequence[VisualPackage]) -> list[Tensor]:
    """Visual tokens (num_queries, hidden_size) of each package, in the memory of its own."""
    features = _features(model, packages)
    tokens: list[Tensor] = []
    for some in _chunks(packages):
        tokens += model.resampler(
            torch.cat([features[picture] for package in some for picture in package.pictures]),
            torch.cat([package.visual.grids for package in some]),
            torch.cat([package.visual.package_sizes for package in some]),
            torch.cat([package.visual.ticks for package in some]).to(model.llm.model.embed_tokens.weight.device),
            MAX_PATCHES_PER_CHUNK,
        )
    return [one.clone() for one in tokens]


def _features(model: MiniCPMV, packages: Sequence[VisualPackage]) -> dict[bytes, Tensor]:
    """Features (patches, feature_size) of every picture, by its key."""
    distinct: dict[bytes, tuple[Tensor, Tensor]] = {}
    for package in packages:
        patches = package.visual.patches.split(package.visual.grids.prod(dim=1).tolist())
        distinct.update(zip(package.pictures, zip(patches, package.visual.grids, strict=True), strict=True))
    weight = model.llm.model.embed_tokens.weight
    grids = torch.stack([grid for _, grid in distinct.values()])
    patches = torch.cat([patches for patches, _ in distinct.values()]).to(weight.device, weight.dtype)
    features = model.vpm(patches, grids, MAX_PATCHES_PER_CHUNK)
    return dict(zip(distinct, features.split(grids.prod(dim=1).tolist()), strict=True))


def _chunks(packages: Sequence[VisualPackage]) -> Iterator[list[VisualPackage]]:
    """Consecutive packages of at most `MAX_PATCHES_PER_CHUNK` patches, or one."""
    chunk: list[VisualPackage] = []
    held = 0
    for package in packages:
        count = len(package.visual.patches)
        if chunk and held + count > MAX_PATCHES_PER_CHUNK:
            yield chunk
            chunk, held = [], 0
        chunk.append(package)
        held += count
    if chunk:
        yield chunk


def _picture_keys(patches: Sequence[Tensor], grids: Sequence[Sequence[int]]) -> list[bytes]:
    """The key of each picture. A picture seen just now is recognised by comparing it, which is faster than its key."""
    seen: dict[tuple[int, ...], tuple[Tensor, bytes]] = {}
    keys = []
    for picture, grid in zip(patches, grids, strict=True):
        mark = (*grid, zlib.crc32(_bytes_of(picture)))
        if mark not in seen or not torch.equal(seen[mark][0], picture):
            seen[mark] = picture, _digest(repr(grid).encode(), picture)
        keys.append(seen[mark][1])
    return keys


def _digest(start: bytes, tensor: Tensor) -> bytes:
    digest = hashlib.blake2b(start, digest_size=KEY_BYTES)
    digest.update(_bytes_of(tensor))
    return digest.digest()


def _bytes_of(tensor: Tensor) -> memoryview:
    return tensor.cpu().contiguous().view(torch.uint8).numpy().data
