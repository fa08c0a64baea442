"""A cache of decoded clips, so that a clip that is asked about again is not decoded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from demiglace.conversation import Video, VideoSampling
from demiglace.media.video import Package


@dataclass
class RecentClips:
    """most_bytes: limit on the pixels of all cached clips; the least recently used clip is evicted first.

    A clip is identified by its source object and its sampling: the same path in another object is read again.
    """

    most_bytes: int
    _held: OrderedDict[tuple[int, VideoSampling | None], tuple[object, list[Package]]] = field(
        default_factory=OrderedDict, init=False
    )

    def packages(self, clip: Video, read: Iterator[Package]) -> Iterator[Package]:
        """The clip's packages, from the cache or else from `read`; callers must slice alike. Errors as in `read`."""
        key = (id(clip.source), clip.sampling)
        if key in self._held:
            self._held.move_to_end(key)
            yield from self._held[key][1]
            return
        found = []
        for package in read:
            found.append(package)
            yield package
        self._held[key] = clip.source, found  # keeps the source alive, so that its id is not reused
        while sum(_size(packages) for _, packages in self._held.values()) > self.most_bytes:
            self._held.popitem(last=False)


def _size(packages: list[Package]) -> int:
    """Bytes of RGB pixels."""
    return sum(3 * frame.width * frame.height for package in packages for frame in package.frames)
