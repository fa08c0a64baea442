"""The media of a conversation: placeholders for its text, and the pictures whose visual tokens will fill them.

Images, pages and videos are laid out in the order of the text, and their pictures have the same order in `Visual`.
Every package of pictures gets as many placeholders as the resampler has queries (released code: 64).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from demiglace.batch import STILL, Visual
from demiglace.conversation import Document, Image, Video
from demiglace.media.document_pages import open_pages
from demiglace.media.pictures import open_picture
from demiglace.media.video import Package, plan_video, read_packages
from demiglace.processing.recent_clips import RecentClips
from demiglace.processing.slicing import SlicingConfig, cut, patch_grid, patchify, plan
from demiglace.processing.tokenizer import STRUCTURE

if TYPE_CHECKING:
    import PIL.Image


class Layout:
    """Collects the pictures of one conversation; each method returns the placeholders of what it was given.

    clips: a cache of clips from other conversations with the same slicing.
    sizes: (width, height) of the images of each part: one of a picture, one per page of a document, none of a video.
    Raises TooLong as soon as more than `max_tokens` placeholders are needed, before more pictures are read.
    """

    def __init__(
        self,
        slicing: SlicingConfig,
        num_queries: int,
        use_image_id: bool,
        max_tokens: int | None = None,
        clips: RecentClips | None = None,
    ) -> None:
        self.slicing, self.num_queries = slicing, num_queries
        self.use_image_id, self.max_tokens, self.clips = use_image_id, max_tokens, clips
        self.sizes: list[tuple[tuple[int, int], ...]] = []
        self.package_sizes: list[int] = []
        self._image_sizes: list[tuple[int, int]] = []
        # Pictures are kept as bytes: their patches, as floats, would take four times the memory.
        self._pictures: list[PIL.Image.Image] = []
        self._ticks: list[int] = []

    @property
    def num_visual_tokens(self) -> int:
        return len(self.package_sizes) * self.num_queries

    def shown(self, part: Image | Document | Video) -> str:
        """Opens a part of a message; returns its placeholders."""
        before = len(self._image_sizes)
        placeholders = self._opened(part)
        self.sizes.append(tuple(self._image_sizes[before:]))
        return placeholders

    def _opened(self, part: Image | Document | Video) -> str:
        if isinstance(part, Image):
            return self.image(open_picture(part.source))
        if isinstance(part, Document):
            return self.images(open_pages(part.source, part.pages))
        shown = self._overviews(read_packages(part.source, part.sampling))
        return self._clip(shown if self.clips is None else self.clips.packages(part, shown))

    def image(self, picture: PIL.Image.Image) -> str:
        """The placeholders of `image_placeholders`; collects the picture's overview and slices."""
        for part in cut(picture, self.slicing):
            self._add([part], [STILL])
        placeholders = self.image_placeholders(picture.size, len(self._image_sizes))
        self._image_sizes.append(picture.size)
        return placeholders

    def image_placeholders(self, size: tuple[int, int], number: int) -> str:
        """The placeholders of a picture of `size` (width, height): its number, the overview, then the slices, with line
        breaks between rows and nothing between columns."""
        columns, rows = plan(*size, self.slicing).grid or (0, 0)
        numbered = f"{STRUCTURE['image_id_start']}{number}{STRUCTURE['image_id_end']}"
        slices = "\n".join([self._placeholders("slice") * columns] * rows)
        return (numbered if self.use_image_id else "") + self._placeholders("image") + slices

    def images(self, pictures: Iterable[PIL.Image.Image]) -> str:
        return "\n".join(self.image(picture) for picture in pictures)

    def video(self, packages: Iterable[Package]) -> str:
        """Placeholders of one unnumbered image per package, joined by line breaks; frames are not sliced."""
        return self._clip(self._overviews(packages))

    def _overviews(self, packages: Iterable[Package]) -> Iterator[Package]:
        overview = replace(self.slicing, max_slices=1)
        return (Package([cut(frame, overview)[0] for frame in package.frames], package.ticks) for package in packages)

    def _clip(self, packages: Iterable[Package]) -> str:
        """As `video`, for packages whose frames are already resized to overviews."""
        before = len(self.package_sizes)
        for package in packages:
            self._add(package.frames, package.ticks)
        return self.video_placeholders(len(self.package_sizes) - before)

    def video_placeholders(self, num_packages: int) -> str:
        return "\n".join([self._placeholders("image")] * num_packages)

    def visual(self) -> Visual | None:
        """All pictures as packed patches; None if there are none."""
        if not self._pictures:
            return None
        side = self.slicing.patch_size
        grids = torch.tensor([patch_grid(picture.size, side) for picture in self._pictures])
        lengths = grids.prod(dim=1).tolist()
        patches = torch.empty(sum(lengths), 3 * side**2)
        for place, picture in zip(patches.split(lengths), self._pictures, strict=True):
            place.copy_(patchify(picture, side))
        return Visual(patches, grids, torch.tensor(self.package_sizes), torch.tensor(self._ticks))

    def _add(self, pictures: list[PIL.Image.Image], ticks: list[int]) -> None:
        """Adds one package."""
        self._pictures += pictures
        self._ticks += ticks
        self.package_sizes.append(len(pictures))
        check_room(self.num_visual_tokens, self.num_visual_tokens, self.max_tokens)

    def _placeholders(self, kind: str) -> str:
        return STRUCTURE[f"{kind}_start"] + STRUCTURE["unk"] * self.num_queries + STRUCTURE[f"{kind}_end"]


class Outline(Layout):
    """A layout that counts pictures without keeping them. Videos are planned but not decoded; one without sampling
    settings counts as one package.
    """

    def _opened(self, part: Image | Document | Video) -> str:
        if not isinstance(part, Video):
            return super()._opened(part)
        is_open = part.sampling is None
        count = 1 if is_open else len(plan_video(part.source, part.sampling)[1].package_sizes)
        return self.video(Package([], []) for _ in range(count))

    def _add(self, pictures: list[PIL.Image.Image], ticks: list[int]) -> None:
        super()._add([], [])


_FEWER_TOKENS = (
    "lower max_slices for images and documents, choose fewer pages, or lower fps or max_packages or raise "
    "package_frames for videos"
)


class TooLong(ValueError):
    """A conversation needs more tokens than there is room for."""


def check_room(num_tokens: int, num_visual_tokens: int, max_tokens: int | None) -> None:
    """Raises TooLong if a prompt (so far) has more than `max_tokens`; nothing is ever truncated."""
    if max_tokens is not None and num_tokens > max_tokens:
        advice = _FEWER_TOKENS if num_visual_tokens else "shorten its text"
        raise TooLong(
            f"the conversation takes at least {num_tokens} tokens, {num_visual_tokens} of them visual, but there is "
            f"room for {max_tokens}: {advice}"
        )
