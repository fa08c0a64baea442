"""Clips as they were last shown, so that one that is asked about again is not decoded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from demiglace.conversation import Video, VideoSampling
from demiglace.media.video import Package


@dataclass
class RecentClips:
    """most_bytes: of the pixels of all clips that are kept; the one that was not shown for longest goes first.

    A clip is known by the very object that is its source and by its sampling: a path that is named anew is read anew.
    """

    most_bytes: int
    _held: OrderedDict[tuple[int, VideoSampling | None], tuple[object, list[Package]]] = field(
        default_factory=OrderedDict, init=False
    )

    def packages(self, clip: Video, read: Iterator[Package]) -> Iterator[Package]:
        """Those of the clip, of which all are shown alike; from `read` where they are not kept. Errors as of `read`."""
        key = (id(clip.source), clip.sampling)
        if key in self._held:
            self._held.move_to_end(key)
            yield from self._held[key][1]
            return
        found = []
        for package in read:
            found.append(package)
            yield package
        self._held[key] = clip.source, found  # the source too: its id is nobody else's meanwhile
        while sum(_size(packages) for _, packages in self._held.values()) > self.most_bytes:
            self._held.popitem(last=False)


def _size(packages: list[Package]) -> int:
    """Bytes of RGB pixels."""
    return sum(3 * frame.width * frame.height for package in packages for frame in package.frames)
