"""An animated GIF, WebP, PNG or AVIF: the picture on screen at a given time, from the durations of its frames."""

from __future__ import annotations

import io
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate
from os import PathLike

import PIL.Image

from demiglace.media.frame_times import are_even
from demiglace.media.pictures import file_name, open_picture, read_bytes

TOO_SHORT_MS = 10  # as in browsers, a frame whose stated duration is at most this
UNSAID_MS = 100  # is shown for this long


def is_animation(head: bytes) -> bool:
    """Whether a file, by its first 12 bytes, has a format of which Pillow reads animations."""
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    return head.startswith((b"GIF8", b"\x89PNG")) or head[4:12] in (b"ftypavis", b"ftypavif")


class Animation:
    """Frames by time; a still picture is an animation of one frame.

    size: (width, height) as shown. duration_s, fps, num_frames: of the frames that decode.
    uneven_starts: seconds at which each frame appears, None if they are evenly spaced.
    ValueError if no frame decodes, if one has more than `max_pixels`, or if there are more than `max_frames`.
    """

    rotation, is_mirrored = 0, False  # pictures are already upright

    def __init__(self, source: str | PathLike[str] | bytes, max_pixels: int, max_frames: int) -> None:
        self._name = name = file_name(source)
        data = io.BytesIO(read_bytes(source))
        try:
            self._image = PIL.Image.open(data, formats=("GIF", "PNG", "WEBP", "AVIF"))
            num_announced: int = getattr(self._image, "n_frames", 1)
        except Exception as error:  # decoders raise nearly anything on damaged bytes
            raise ValueError(f"{name}: not an animation that can be read") from error
        if num_announced > max_frames:
            raise ValueError(f"{name}: {num_announced} frames, at most {max_frames} are read")
        # The first picture of an animated PNG may be outside the animation, for viewers without animation.
        self._first = int(bool(self._image.info.get("default_image")))
        self._ends_ms = list(accumulate(self._durations_ms(num_announced, max_pixels)))
        if not self._ends_ms:
            raise ValueError(f"{name}: none of its {num_announced} frames decodes")
        if len(self._ends_ms) < num_announced - self._first:
            warnings.warn(f"{name}: {len(self._ends_ms)} of {num_announced} frames decode", stacklevel=2)
        self.duration_s, self.num_frames = self._ends_ms[-1] / 1000, len(self._ends_ms)
        self.fps = self.num_frames / self.duration_s
        starts = [end / 1000 for end in (0, *self._ends_ms[:-1])]
        self.uneven_starts = None if are_even(starts, self.duration_s - starts[-1], self.fps) else starts
        self._index, self._shown = 0, self._frame(0)
        self.size = self._shown.size

    def at(self, time_s: float) -> PIL.Image.Image:
        """The RGB picture on screen at `time_s`; times never decrease."""
        index = min(bisect_right(self._ends_ms, time_s * 1000), len(self._ends_ms) - 1)
        if index != self._index:
            with suppress(ValueError):  # damaged bytes can fail the second time; then the previous frame stays
                self._index, self._shown = index, self._frame(index)
        is_odd = self._shown.size != self.size
        return self._shown.resize(self.size, PIL.Image.Resampling.BICUBIC) if is_odd else self._shown

    def _frame(self, index: int) -> PIL.Image.Image:
        try:
            self._image.seek(self._first + index)
        except Exception as error:
            raise ValueError(f"{self._name}: frame {index} does not decode") from error
        return open_picture(self._image)

    def _durations_ms(self, num_announced: int, max_pixels: int) -> Iterator[float]:
        """Durations of the frames before the first that does not decode."""
        for index in range(self._first, num_announced):
            try:
                self._image.seek(index)
            except Exception:
                return
            width, height = self._image.size  # a GIF may grow with any frame
            if width * height > max_pixels:
                raise ValueError(f"{self._name}: frames of {width} x {height} pixels, at most {max_pixels} are read")
            try:
                self._image.load()  # Pillow knows the duration of a WebP frame only once it is decoded
            except Exception:
                return
            duration = self._image.info.get("duration", 0)
            yield duration if duration > TOO_SHORT_MS else UNSAID_MS
