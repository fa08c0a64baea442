"""Pictures by content: groups that are encoded together, and keys that identify them.

The features of a picture do not depend on its neighbours, so equal pictures need to be encoded only once. A picture
that lacks static patches is encoded with those before it. Which patches are dropped is part of the content: two
thresholds share a key only if they drop the same patches.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from demiglace.model.siglip import PatchGrids

KEY_BYTES = 16  # ours: among 2**32 contents two keys collide with probability 2**-64


@dataclass(frozen=True)
class PictureGroup:
    """Pictures encoded together: one with all its patches, and those after it that lack some of theirs.

    key: of the content; patches, grids and kept (None if no patch is missing) are as in `Visual`, without pictures that
    have no patch at all. num_members: pictures, including these.
    """

    key: bytes
    patches: Tensor
    grids: Tensor
    kept: Tensor | None
    num_members: int


def picture_groups(patches: Tensor, grids: Tensor, kept: Tensor | None) -> list[PictureGroup]:
    """All pictures in order, their patches as views of `patches`; arguments as in `Visual`."""
    pictures = PatchGrids.of(grids, kept)
    counts = pictures.lengths()
    keys = _picture_keys(patches.split(counts), pictures)
    groups, patch = [], 0
    for members in pictures.groups():
        seen = [picture for picture in members if counts[picture]]
        end = patch + sum(counts[picture] for picture in seen)
        own = (
            None if pictures.kept is None or len(seen) == 1 else torch.cat([pictures.kept[picture] for picture in seen])
        )
        key = keys[seen[0]] if len(seen) == 1 else digest(b"".join(keys[picture] for picture in seen))
        groups.append(PictureGroup(key, patches[patch:end], grids[seen], own, len(members)))
        patch = end
    return groups


def encoded(
    encoder: nn.Module, groups: Sequence[PictureGroup], weight: Tensor, max_patches_per_chunk: int | None
) -> dict[bytes, Tensor]:
    """Features (patches, feature_size) of every group, by its key; equal groups are encoded once.

    encoder: called as `SiglipEncoder.forward`; weight: gives dtype and device of its patches.
    """
    distinct = {group.key: group for group in groups}
    grids = torch.cat([group.grids for group in distinct.values()])
    patches = torch.cat([group.patches for group in distinct.values()]).to(weight.device, weight.dtype)
    features = encoder(patches, grids, max_patches_per_chunk, False, _joined_kept(list(distinct.values())))
    return dict(zip(distinct, features.split([len(group.patches) for group in distinct.values()]), strict=True))


def digest(start: bytes, *tensors: Tensor) -> bytes:
    """A hash of `KEY_BYTES` bytes."""
    found = hashlib.blake2b(start, digest_size=KEY_BYTES)
    for tensor in tensors:
        found.update(_bytes_of(tensor))
    return found.digest()


def _picture_keys(patches: Sequence[Tensor], pictures: PatchGrids) -> list[bytes]:
    """The key of each picture. A picture that repeats an earlier one is recognised by comparison, which is faster than
    computing its key, and fastest with the picture just before."""
    seen: dict[tuple[bytes, int], tuple[Tensor, bytes]] = {}
    keys: list[bytes] = []
    marks = [_mark(pictures, number) for number in range(len(patches))]
    for number, (mark, picture) in enumerate(zip(marks, patches, strict=True)):
        if number and mark == marks[number - 1] and torch.equal(patches[number - 1], picture):
            keys.append(keys[-1])
            continue
        short = mark, zlib.crc32(_bytes_of(picture))
        if short not in seen or not torch.equal(seen[short][0], picture):
            seen[short] = picture, digest(mark, picture)
        keys.append(seen[short][1])
    return keys


def _mark(pictures: PatchGrids, picture: int) -> bytes:
    """The content of a picture besides its patches: its grid, and which places have a patch."""
    grid = repr([*pictures.sizes[picture]]).encode()
    if pictures.kept is None or (kept := pictures.kept[picture]).all():
        return grid
    return grid + bytes(_bytes_of(kept))


def _joined_kept(groups: Sequence[PictureGroup]) -> Tensor | None:
    """bool (places,) over all groups; None if all places have a patch."""
    if all(group.kept is None for group in groups):
        return None
    return torch.cat(
        [torch.ones(len(group.patches), dtype=torch.bool) if group.kept is None else group.kept for group in groups]
    )


def _bytes_of(tensor: Tensor) -> memoryview:
    return tensor.cpu().contiguous().view(torch.uint8).numpy().data
