"""A sequence of pictures that are frames of a video, already sampled by the caller."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import PIL.Image

from demiglace.media.pictures import PictureSource, open_picture


class FrameList:
    """Frames 1 / `fps` seconds apart; only one is open at a time.

    size: (width, height) of the first frame. duration_s: of all frames. num_frames: the number of frames.
    ValueError if a frame is not a picture or differs in size from the first: these are not frames of one video. So it
    is if a file of several frames that PIL has opened stands for several of them.
    """

    rotation, is_mirrored = 0, False  # pictures are already upright
    uneven_starts = None

    def __init__(self, frames: Sequence[PictureSource], fps: float) -> None:
        if not frames:
            raise ValueError("a video needs at least one frame, got none")
        _check_opened(frames)
        self._frames, self.fps = frames, fps
        self.num_frames = len(frames)
        self.duration_s = len(frames) / fps
        self._index, self._shown = 0, self._frame(0)
        self.size = self._shown.size

    def at(self, time_s: float) -> PIL.Image.Image:
        """The RGB picture of the frame at `time_s`."""
        index = min(int(time_s * self.fps), len(self._frames) - 1)
        if index != self._index:
            self._index, self._shown = index, self._frame(index)
            if self._shown.size != self.size:
                width, height = self._shown.size
                raise ValueError(
                    f"frame {index + 1} is {width} x {height} pixels, the first is {self.size[0]} x {self.size[1]}: "
                    "the frames of a video are of one size"
                )
        return self._shown

    def _frame(self, index: int) -> PIL.Image.Image:
        source = self._frames[index]
        if not isinstance(source, str | PathLike | bytes | PIL.Image.Image):
            raise ValueError(f"frame {index + 1} must be a path, bytes or a PIL image, got {type(source).__name__}")
        try:
            return open_picture(source)
        except ValueError as error:
            raise ValueError(f"frame {index + 1}: {error}") from error


def _check_opened(frames: Sequence[PictureSource]) -> None:
    """An opened file shows one of its frames at a time: `list(ImageSequence.Iterator(file))` is its last frame only."""
    places: dict[int, int] = {}
    for place, frame in enumerate(frames, 1):
        if not isinstance(frame, PIL.Image.Image) or not getattr(frame, "is_animated", False):
            continue
        if (first := places.setdefault(id(frame), place)) != place:
            raise ValueError(
                f"frames {first} and {place} are one opened file at one of its frames: give copies of them"
            )
