"""Visual tokens by the content of their pictures: each distinct package and each distinct picture is computed once.

The resampler runs for every package that differs in its pictures or their times. If pictures recur, it attends to each
distinct one only once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from demiglace.batch import Visual, joined_run_lengths
from demiglace.engine.picture_groups import PictureGroup, digest, encoded, picture_groups
from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.recurring_pictures import resample_recurring
from demiglace.model.resampler import PackageGrids, Resampler


@dataclass(frozen=True)
class VisualPackage:
    """One package. key: hash of its content, times and run lengths; groups: all its patches, in order."""

    key: bytes
    visual: Visual
    groups: tuple[PictureGroup, ...]


class VisualCache:
    """Visual tokens of the most recently used packages, up to `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.num_bytes = most_bytes, 0
        self._tokens: OrderedDict[bytes, Tensor] = OrderedDict()

    def tokens(self, model: MiniCPMV, packages: Sequence[VisualPackage]) -> Tensor:
        """(packages * num_queries, hidden_size), as `MiniCPMV.visual_tokens` gives; cached packages are reused."""
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
    """The packages one by one, their patches as views of `visual`."""
    pictures = PackageGrids.of(visual.grids, visual.package_sizes, visual.run_lengths)
    left = iter(picture_groups(visual.patches, visual.grids, visual.kept))
    packages: list[VisualPackage] = []
    patch = 0
    for members in pictures.package_pictures():
        groups = _groups_of(len(members), left)
        end = patch + sum(len(group.patches) for group in groups)
        own = slice(members.start, members.stop)
        ticks, runs = visual.ticks[own], _runs(pictures, members)
        part = Visual(visual.patches[patch:end], visual.grids[own], torch.tensor([len(members)]), ticks, runs)
        key = digest(b"".join(group.key for group in groups), ticks, *(() if runs is None else (runs,)))
        packages.append(VisualPackage(key, part, groups))
        patch = end
    return packages


def encode(model: MiniCPMV, packages: Sequence[VisualPackage]) -> list[Tensor]:
    """Visual tokens (num_queries, hidden_size) of each package, each in its own memory."""
    groups = list(chain.from_iterable(package.groups for package in packages))
    weight = model.llm.model.embed_tokens.weight
    features = encoded(model.vpm, groups, weight, MAX_PATCHES_PER_CHUNK)
    is_plain = isinstance(model.resampler, Resampler) and all(
        package.visual.run_lengths is None for package in packages
    )
    if is_plain and len(features) < len(groups):
        return _resampled_once(model.resampler, packages, features)
    tokens: list[Tensor] = []
    for chunk in _chunks(packages):
        tokens += model.resampler(
            torch.cat([features[group.key] for package in chunk for group in package.groups]),
            torch.cat([package.visual.grids for package in chunk]),
            torch.cat([package.visual.package_sizes for package in chunk]),
            torch.cat([package.visual.ticks for package in chunk]).to(weight.device),
            MAX_PATCHES_PER_CHUNK,
            joined_run_lengths([package.visual for package in chunk]),
        )
    return [package_tokens.clone() for package_tokens in tokens]


def _resampled_once(
    resampler: Resampler, packages: Sequence[VisualPackage], features: Mapping[bytes, Tensor]
) -> list[Tensor]:
    """As `encode`, for pictures that recur; each group is a picture with all its patches."""
    numbers = {key: number for number, key in enumerate(features)}
    sizes = {group.key: tuple(group.grids[0].tolist()) for package in packages for group in package.groups}
    ticks = torch.cat([package.visual.ticks for package in packages])
    shown = [[numbers[group.key] for group in package.groups] for package in packages]
    found = list(features.values())
    tokens = resample_recurring(resampler, found, [sizes[key] for key in features], shown, ticks.to(found[0].device))
    return [package_tokens.clone() for package_tokens in tokens]


def _groups_of(num_pictures: int, left: Iterator[PictureGroup]) -> tuple[PictureGroup, ...]:
    """The next groups with so many pictures in total; a group never spans two packages."""
    groups: list[PictureGroup] = []
    while sum(group.num_members for group in groups) < num_pictures:
        groups.append(next(left))
    return tuple(groups)


def _runs(pictures: PackageGrids, members: range) -> Tensor | None:
    """int64 (places,) of a package; None if every place has its patch."""
    if pictures.run_lengths is None:
        return None
    runs = torch.cat(pictures.run_lengths[members.start : members.stop])
    return None if runs.all() else runs


def _chunks(packages: Sequence[VisualPackage]) -> Iterator[list[VisualPackage]]:
    """Consecutive packages of at most `MAX_PATCHES_PER_CHUNK` patches, or a single larger one."""
    chunk: list[VisualPackage] = []
    num_patches = 0
    for package in packages:
        count = len(package.visual.patches)
        if chunk and num_patches + count > MAX_PATCHES_PER_CHUNK:
            yield chunk
            chunk, num_patches = [], 0
        chunk.append(package)
        num_patches += count
    if chunk:
        yield chunk
