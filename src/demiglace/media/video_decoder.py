"""A video file, decoded by FFmpeg: the picture on screen at a given time.

Decodes forward only. Times are the frames' timestamps; if the packets show uneven spacing, the frame plan uses them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, BinaryIO

import PIL.Image

from demiglace.media.frame_picture import FramePictures
from demiglace.media.frame_times import are_even
from demiglace.media.video_stream import TAIL_SLACK_S, OpenStream, PacketTimes, open_stream, read_packet_times

if TYPE_CHECKING:
    from av import VideoFrame

CUT_SHORT_S = 1.0  # ours: if frames end this long before the file, it was truncated, or its last frame stays on screen
SEEK_MARGIN_S = 1.0  # key frames are indexed by decoding time, which precedes display time if the codec reorders


@dataclass(frozen=True)
class _TimedFrame:
    """A decoded frame, and from when to when it is on screen, in seconds of the stream's own clock."""

    frame: VideoFrame
    start_s: float
    end_s: float


@dataclass(frozen=True)
class _Length:
    """Seconds from the first frame that decodes; mean frames a second.

    seconds: length of the clip. packets_end_s: end of the last frame, by its packet.
    num_frames: by the packets.
    uneven_starts: when each frame appears on screen, if the spacing is uneven or the last frame stays; else None.
    """

    seconds: float
    packets_end_s: float
    num_frames: int
    fps: float
    uneven_starts: list[float] | None


@contextmanager
def open_video(file: BinaryIO, name: str, max_pixels: int, max_frames: int) -> Iterator[VideoDecoder]:
    """The video stream of an open file that players show; `name` is for messages.

    ValueError if the file is not a video, has no frame that decodes, or exceeds the limits on pixels or frames.
    """
    with open_stream(file, name, max_pixels) as source:
        times = read_packet_times(source, max_frames)
    with open_stream(file, name, max_pixels) as source:
        decoder = VideoDecoder(source, times, max_frames)
        yield decoder
        decoder.warn_of_damage()


class VideoDecoder:
    """Decoded frames of an open container, by time since its first frame.

    size: (width, height) as shown, after rotation and pixel aspect.
    duration_s: from the first frame to the end of the last, or the announced duration if that is longer.
    fps: mean frames a second.
    uneven_starts: when each frame appears on screen, None if they are evenly spaced or the packets do not say.
    num_frames: by the packets; without those that an edit list leaves out. num_decoded: frames decoded so far.
    rotation, is_mirrored: as in `FramePictures`.
    """

    def __init__(self, source: OpenStream, times: PacketTimes, max_frames: int) -> None:
        self._source, self._max_frames = source, max_frames
        self._by_decoding_time = times.are_decoding_times
        self.num_decoded, self._num_damaged = 0, 0
        self._read_to = -math.inf  # decoding time of the last packet read, in ticks of the stream
        self._can_skip, self._tail_warned = not (source.is_raw or source.is_stream), False
        # FFmpeg reads the key frame index of a Matroska file with the first seek.
        self._frames = self._decode(0 if "matroska" in source.format else None)
        first = next(self._frames, None)
        if first is None:
            raise ValueError(f"{source.name}: none of its frames decodes, {self._num_damaged} packets are damaged")
        self._origin_s = first.start_s
        self._current, self._following = first, next(self._frames, None)
        length = _length(source, times, first.start_s)
        self.duration_s, self.fps, self.uneven_starts = length.seconds, length.fps, length.uneven_starts
        self._packets_end_s, self.num_frames = length.packets_end_s, length.num_frames
        shown = self._pictures = FramePictures(first.frame, source)
        self._picture: PIL.Image.Image | None = None
        self.size, self.rotation, self.is_mirrored = shown.size, shown.rotation, shown.is_mirrored

    def at(self, time_s: float) -> PIL.Image.Image:
        """The RGB picture on screen `time_s` after the first frame; times must never decrease."""
        shown, moment = self._current, self._origin_s + time_s
        if self._can_skip and moment - shown.start_s > 2 * SEEK_MARGIN_S:
            self._skip_towards(moment)
        while (following := self._following) is not None and following.start_s <= moment:
            self._current, self._following = following, next(self._frames, None)
        if self._following is None:
            self._check_tail(time_s)
        if self._picture is None or self._current is not shown:
            self._picture = self._pictures.picture(self._current.frame)
        return self._picture

    def warn_where_it_ends(self, end_s: float) -> None:
        """Warns if a span up to `end_s` continues after the last frame, as in a truncated file."""
        if min(end_s, self.duration_s) > self._packets_end_s + CUT_SHORT_S:
            self._warn_of_tail(self._packets_end_s)

    def warn_of_damage(self) -> None:
        if self._num_damaged:
            warnings.warn(
                f"{self._source.name}: {self._num_damaged} packets do not decode, {self.num_decoded} frames do; "
                "the frames before the damage stand for the missing ones",
                stacklevel=2,
            )

    def _start(self, timestamp: int | None) -> None:
        self._frames = self._decode(timestamp)
        self._following = next(self._frames, None)

    def _decode(self, timestamp: int | None) -> Iterator[_TimedFrame]:
        """Frames in order, from the key frame before `timestamp` on; None continues from the current position."""
        import av

        if timestamp is not None:
            with suppress(av.error.FFmpegError):
                self._source.container.seek(timestamp, stream=self._source.stream)
        gap_s = 1 / self._source.mean_fps
        start_s = -gap_s
        for packet in self._source.packets():
            self._read_to = self._read_to if packet.dts is None else packet.dts
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._num_damaged += 1
                continue
            for frame in frames:
                self.num_decoded += 1
                if self.num_decoded > self._max_frames:
                    raise ValueError(
                        f"{self._source.name}: {self.num_decoded} frames, at most {self._max_frames} are read"
                    )
                stamp = frame.dts if self._by_decoding_time else None if self._source.is_raw else frame.pts
                start_s = start_s + gap_s if stamp is None else float(stamp * self._source.tick_s)
                stays_s = float((frame.duration or 0) * self._source.tick_s) or gap_s
                yield _TimedFrame(frame, start_s, start_s + stays_s)

    def _skip_towards(self, moment: float) -> None:
        """Skips to the last key frame before `moment`; this does not change the picture shown at `moment`."""
        index, target = self._source.stream.index_entries, round((moment - SEEK_MARGIN_S) / self._source.tick_s)
        key = index.search_timestamp(target)
        if key < 0 or index[key].timestamp <= self._read_to:
            return
        self._start(target)
        if self._following is None or self._following.start_s > moment:
            # The index was wrong, or the file ends before its key frame: go back and continue frame by frame.
            self._can_skip = False
            self._start(round((self._current.start_s - SEEK_MARGIN_S) / self._source.tick_s))

    def _check_tail(self, time_s: float) -> None:
        end_s = self._current.end_s - self._origin_s
        if time_s > end_s + TAIL_SLACK_S:
            self._warn_of_tail(end_s)

    def _warn_of_tail(self, end_s: float) -> None:
        if self._tail_warned:
            return
        self._tail_warned = True
        warnings.warn(
            f"{self._source.name}: announces {self.duration_s:.2f} s, but only {end_s:.2f} s decode; "
            "the last frame stands for the rest",
            stacklevel=2,
        )


def _length(source: OpenStream, times: PacketTimes, origin_s: float) -> _Length:
    starts, fps = _starts(source, times, origin_s), source.mean_fps
    if not starts:
        seconds = max([times.count / fps, *source.announced_lengths_s[:1]])
        return _Length(seconds, seconds, times.count, fps, None)
    measured_fps = (len(starts) - 1) / starts[-1] if len(starts) > 1 else fps
    usual_s = median(after - start for start, after in pairwise(starts)) if len(starts) > 1 else 1 / fps
    last_stays_s = float(times.last_stays * source.tick_s) or usual_s
    packets_end_s = starts[-1] + last_stays_s
    announced_s = [] if times.is_joined else source.announced_lengths_s
    seconds = _seconds(packets_end_s, usual_s / 2, announced_s, origin_s)
    if seconds <= packets_end_s + CUT_SHORT_S:
        for even_fps in (fps, measured_fps):
            if are_even(starts, last_stays_s, even_fps):
                return _Length(seconds, packets_end_s, len(starts), even_fps, None)
    return _Length(seconds, packets_end_s, len(starts), len(starts) / seconds, starts)


def _starts(source: OpenStream, times: PacketTimes, origin_s: float) -> list[float]:
    if times.stamps is None:
        return []
    if times.are_decoding_times:  # the first frame has the time of a later packet
        origin_s = float(times.stamps[0] * source.tick_s)
    starts = dict.fromkeys(float(stamp * source.tick_s) - origin_s for stamp in times.stamps)  # large ones may collide
    return [start for start in starts if start >= 0]


def _seconds(packets_end_s: float, rounding_s: float, announced_s: Sequence[float], origin_s: float) -> float:
    """The announced duration, if it equals that of the packets up to rounding, or if it is longer: players show the
    last frame for the rest of a truncated file. Otherwise the end of the packets.

    Some containers (Matroska, ASF, NUT) count from zero and not from the first frame.
    """
    lengths = [length for announced in announced_s for length in (announced, announced - origin_s)]
    nearest = min(lengths, key=lambda length: abs(length - packets_end_s), default=packets_end_s)
    is_the_same = abs(nearest - packets_end_s) < rounding_s
    return nearest if is_the_same or nearest > packets_end_s + TAIL_SLACK_S else packets_end_s
