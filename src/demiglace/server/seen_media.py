"""What the model sees of each file, and how many tokens other models would use for it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import PIL.Image
import torch

from demiglace.batch import Visual
from demiglace.conversation import Conversation, Document, Image, Text, Video
from demiglace.media.frame_sampling import TICKS_PER_SECOND
from demiglace.media.video import plan_video
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import SlicingConfig, plan
from demiglace.processing.visual_token_cost import VisualTokenCost, picture_costs, video_costs

THUMBNAIL_SIDE = 320  # ours
THUMBNAIL_QUALITY = 80  # ours
GREY = 0.5  # for dropped patches, in [-1, 1]; ours
OTHERS = {"Qwen2.5-VL": "qwen2_5_vl_tokens", "Qwen3-VL": "qwen3_vl_tokens"}
Fields = dict[str, Any]


@dataclass(frozen=True)
class SeenFile:
    """usage: counts, as in the usage of an answer. details: boxes, times and pictures, for a preview."""

    usage: Fields
    details: Fields


def seen_files(
    conversation: Conversation, sample: Sample, config: ProcessorConfig, shows_pictures: bool
) -> tuple[SeenFile, ...]:
    """Each file of the conversation from which `sample` was made, in order."""
    packages = _packages(sample.visual, config.slicing.patch_size)
    parts = [part for message in conversation.messages for part in message.content if not isinstance(part, Text)]
    return tuple(
        _seen_video(part, packages, config, shows_pictures)
        if isinstance(part, Video)
        else _seen_pictures(part, sizes, packages, config, shows_pictures)
        for part, sizes in zip(parts, sample.sizes, strict=True)
    )


@dataclass(frozen=True)
class _Package:
    """The pictures of a package as the model sees them, made on demand, and their ticks.

    kept: bool (places,), as in `Visual`.
    """

    patches: torch.Tensor
    kept: torch.Tensor
    grids: list[list[int]]
    ticks: list[int]
    patch_size: int

    @property
    def num_left_out(self) -> list[int]:
        """Static patches of each picture."""
        return [int((~kept).sum()) for kept in self.kept.split(self._lengths)]

    def pictures(self) -> Iterator[str]:
        """Thumbnails as data URLs; dropped patches are grey."""
        places = torch.full((len(self.kept), self.patches.shape[1]), GREY)
        places[self.kept] = self.patches
        for patches, (rows, columns) in zip(places.split(self._lengths), self.grids, strict=True):
            yield _data_url(_picture(patches, rows, columns, self.patch_size))

    @property
    def _lengths(self) -> list[int]:
        return [rows * columns for rows, columns in self.grids]


def _packages(visual: Visual | None, patch_size: int) -> Iterator[_Package]:
    if visual is None:
        return
    grids, ticks = visual.grids.tolist(), visual.ticks.tolist()
    all_kept = torch.ones(int(visual.grids.prod(dim=1).sum()), dtype=torch.bool) if visual.kept is None else visual.kept
    picture = patch = place = 0
    for size in visual.package_sizes.tolist():
        some = grids[picture : picture + size]
        kept = all_kept[place : place + sum(rows * columns for rows, columns in some)]
        patches = visual.patches[patch : patch + int(kept.sum())]
        yield _Package(patches, kept, some, ticks[picture : picture + size], patch_size)
        picture, patch, place = picture + size, patch + len(patches), place + len(kept)


def _seen_pictures(
    part: Image | Document,
    sizes: tuple[tuple[int, int], ...],
    packages: Iterator[_Package],
    config: ProcessorConfig,
    shows_pictures: bool,
) -> SeenFile:
    """What the model sees of an image or of the pages of a document."""
    costs = [picture_costs(*size, config.slicing, config.num_queries) for size in sizes]
    details = []
    for size in sizes:
        planned = plan(*size, config.slicing)
        overview, *_ = islice(packages, planned.num_pictures)
        page: Fields = {"width": size[0], "height": size[1], "boxes": slice_boxes(size, config.slicing)}
        if shows_pictures:
            page["picture"] = next(overview.pictures())
        details.append(page)
    kind = "image" if isinstance(part, Image) else "document"
    num_slices = sum(_of(cost, "Demiglace").pictures for cost in costs)
    usage = {"type": kind, "pictures": len(sizes), "slices": num_slices, "tokens": num_slices * config.num_queries}
    return SeenFile({**usage, **_others(costs)}, {"pages": details})


def slice_boxes(size: tuple[int, int], slicing: SlicingConfig) -> list[list[float]]:
    """Left, top, right and bottom of each slice, in pixels of the picture; empty if there is only the overview."""
    (width, height), grid = size, plan(*size, slicing).grid
    columns, rows = grid or (0, 0)
    return [
        [width * column / columns, height * row / rows, width * (column + 1) / columns, height * (row + 1) / rows]
        for row in range(rows)
        for column in range(columns)
    ]


def _seen_video(video: Video, packages: Iterator[_Package], config: ProcessorConfig, shows_pictures: bool) -> SeenFile:
    facts, planned = plan_video(video.source, video.sampling)
    own = list(islice(packages, len(planned.package_sizes)))
    frames, package_frames = sum(planned.package_sizes), planned.package_sizes[0]
    held = facts.num_frames
    costs = video_costs(facts.width, facts.height, held / facts.fps, frames, package_frames, config.num_queries, held)
    usage = {
        "type": "video",
        "frames": frames,
        "packages": len(own),
        "tokens": len(own) * config.num_queries,
        "seconds": round(facts.duration_s, 3),
    }
    details: Fields = {"width": facts.width, "height": facts.height, "fps": facts.fps, "packages": []}
    for package in own:
        shown: Fields = {"times": [tick / TICKS_PER_SECOND for tick in package.ticks]}
        if config.static_patches is not None:
            shown |= {"patches": len(package.kept), "static_patches": package.num_left_out}
        if shows_pictures:
            shown["pictures"] = list(package.pictures())
        details["packages"].append(shown)
    return SeenFile({**usage, **_others([costs])}, details)


def _others(costs: list[list[VisualTokenCost]]) -> Fields:
    """Tokens that other models would use; None if a model rejects a picture."""
    totals = {}
    for name, field in OTHERS.items():
        tokens = [cost.tokens for some in costs for cost in some if cost.name == name]
        totals[field] = sum(tokens) if len(tokens) == len(costs) else None
    return totals


def _of(costs: list[VisualTokenCost], name: str) -> VisualTokenCost:
    return next(cost for cost in costs if cost.name == name)


def _picture(patches: torch.Tensor, rows: int, columns: int, side: int) -> PIL.Image.Image:
    """The inverse of `slicing.patchify`. patches: (rows * columns, 3 * side**2)."""
    levels = levels_of(patches).reshape(rows, columns, 3, side, side)
    return PIL.Image.fromarray(np.ascontiguousarray(levels.transpose(0, 3, 1, 4, 2)).reshape(rows * side, -1, 3))


def levels_of(patches: torch.Tensor) -> np.ndarray:
    """uint8 levels of patches in [-1, 1]; the inverse of `slicing.to_unit_range`."""
    return ((patches * 0.5 + 0.5) * 255).round().to(torch.uint8).numpy()


def _data_url(picture: PIL.Image.Image) -> str:
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=THUMBNAIL_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
