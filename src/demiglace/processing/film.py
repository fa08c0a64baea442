"""A video file, decoded by FFmpeg: the picture on screen at a given time.

Goes forward only. Times are those the frames carry, so a variable frame rate needs no special case.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import PIL.Image

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

# Only containers that hold their own video: playlists and lists of files can name other files and addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,ivf,nut,h264,hevc"
FALLBACK_FPS = 25.0  # where nothing in the file says any
SQUARE_PIXEL_TOLERANCE = 0.01  # encoders repair rounded sizes with ratios such as 704/705: not worth resampling for
SEEK_MARGIN_S = 1.0  # key frames are indexed by decoding time, ahead of display time by what a codec reorders
TAIL_SLACK_S = 0.1  # sound may outlast the picture by this much in a file that is whole
TURNS = {
    90: PIL.Image.Transpose.ROTATE_90,
    180: PIL.Image.Transpose.ROTATE_180,
    270: PIL.Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class _Source:
    """An open container and the stream that is read from it.

    name: for messages. tick_s: seconds in one unit of the stream's timestamps.
    """

    name: str
    container: InputContainer
    stream: VideoStream
    tick_s: Fraction

    @property
    def mean_fps(self) -> float:
        return float(self.stream.average_rate or self.stream.guessed_rate or FALLBACK_FPS)

    def packets(self) -> Iterator[Packet]:
        """All up to the end, or to where the file breaks off; the last one is empty and empties the decoder."""
        import av

        try:
            yield from self.container.demux(self.stream)
        except av.error.FFmpegError:
            return


@dataclass(frozen=True)
class _TimedFrame:
    """A decoded frame and the seconds, on the stream's own clock, in which it is on screen."""

    frame: VideoFrame
    start_s: float
    end_s: float


@contextmanager
def open_film(file: BinaryIO, name: str, max_pixels: int, max_frames: int) -> Iterator[Film]:
    """The first video stream of an open file; `name` is for messages.

    ValueError where the file is no video, has no frame that decodes, or has frames beyond the bounds.
    """
    with _demuxer(file, name, max_pixels) as source:
        length = _announced_length(source) or _counted_length(source, max_frames)
    with _demuxer(file, name, max_pixels) as source:
        film = Film(source, length, max_frames)
        yield film
        film.warn_of_damage()


@contextmanager
def _demuxer(file: BinaryIO, name: str, max_pixels: int) -> Iterator[_Source]:
    import av

    file.seek(0)
    try:
        container = av.open(file, "r", options={"format_whitelist": FORMATS})
    except av.error.FFmpegError as error:
        raise ValueError(f"{name}: not a video that can be read ({error.strerror})") from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams:
            raise ValueError(f"{name}: has no video stream")
        stream = streams[0]
        codec, tick_s = stream.codec_context, stream.time_base
        if codec is None:
            raise ValueError(f"{name}: has no video stream in a known codec")
        if tick_s is None:
            raise ValueError(f"{name}: its video stream does not say what its timestamps count")
        if codec.width * codec.height > max_pixels:
            raise ValueError(f"{name}: frames of {codec.width} x {codec.height} pixels, at most {max_pixels} are read")
        codec.options = {"max_pixels": str(2 * max_pixels)}  # for sizes that change on the way; coded ones are padded
        codec.thread_type = "AUTO"
        yield _Source(name, container, stream, tick_s)


def _announced_length(source: _Source) -> tuple[float, float] | None:
    """Seconds and mean frames a second; None where the container gives no duration."""
    if (ticks := source.stream.duration or 0) > 0:
        return float(ticks * source.tick_s), source.mean_fps
    if (microseconds := source.container.duration or 0) > 0:
        return microseconds / 1e6, source.mean_fps
    return None


def _counted_length(source: _Source, max_frames: int) -> tuple[float, float]:
    """The same from reading every packet and decoding none."""
    count, first, last = 0, math.inf, -math.inf
    for packet in source.packets():
        count += bool(packet.size)
        if count > max_frames:
            raise ValueError(f"{source.name}: over {count - 1} frames, at most {max_frames} are read")
        if packet.pts is not None:
            first, last = min(first, packet.pts), max(last, packet.pts)
    if first < last:
        seconds = (last - first) * float(source.tick_s) * count / (count - 1)  # the last frame stays like the others
        return seconds, count / seconds
    return max(count, 1) / source.mean_fps, source.mean_fps


class Film:
    """Decoded frames of an open container by time from the first of them.

    size: (width, height) as shown, after rotation and pixel aspect.
    duration_s, fps: as announced, or counted.
    num_announced: frames, None where the container does not say. num_decoded: frames decoded so far.
    rotation: quarter turns from the display matrix, in degrees counter-clockwise; mirroring is not applied.
    """

    def __init__(self, source: _Source, length: tuple[float, float], max_frames: int) -> None:
        from av.video.reformatter import VideoReformatter

        self.duration_s, self.fps = length
        self.num_announced = source.stream.frames or None
        if (self.num_announced or 0) > max_frames:
            raise ValueError(f"{source.name}: {self.num_announced} frames, at most {max_frames} are read")
        self._source, self._max_frames = source, max_frames
        self.num_decoded, self._num_damaged = 0, 0
        self._read_to = -math.inf  # decoding time of the last packet read, in ticks of the stream
        self._can_skip, self._tail_warned = True, False
        # AVI stores none but decoding times, and the display times that FFmpeg derives are out of order.
        self._has_only_decoding_times = source.container.format.name == "avi"
        # Matroska reads its index of key frames with the first seek.
        self._frames = self._decode(0 if "matroska" in source.container.format.name else None)
        first = next(self._frames, None)
        if first is None:
            raise ValueError(f"{source.name}: none of its frames decodes, {self._num_damaged} packets are damaged")
        self._origin_s = first.start_s
        self._current, self._following = first, next(self._frames, None)
        self._reformatter = VideoReformatter()  # one for all frames: its set-up takes longer than a small frame
        self._picture: PIL.Image.Image | None = None
        self.rotation = round(first.frame.rotation / 90) * 90 % 360
        self.size = _turned(_square_pixels(first.frame, source.stream), self.rotation)

    def at(self, time_s: float, size: tuple[int, int]) -> PIL.Image.Image:
        """The RGB picture on screen `time_s` after the first frame, in `size`; times never decrease."""
        shown, moment = self._current, self._origin_s + time_s
        if self._can_skip and moment - shown.start_s > 2 * SEEK_MARGIN_S:
            self._skip_towards(moment)
        while (following := self._following) is not None and following.start_s <= moment:
            self._current, self._following = following, next(self._frames, None)
        if self._following is None:
            self._check_tail(time_s)
        if self._picture is None or self._current is not shown:
            width, height = _turned(size, self.rotation)
            frame = self._reformatter.reformat(self._current.frame, width, height, "rgb24", interpolation="BICUBIC")
            picture = frame.to_image()
            self._picture = picture.transpose(TURNS[self.rotation]) if self.rotation else picture
        return self._picture

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
        """Frames in order, from the key frame before `timestamp` on; None goes on from here."""
        import av

        if timestamp is not None:
            with suppress(av.error.FFmpegError):
                self._source.container.seek(timestamp, stream=self._source.stream)
        start_s = -1 / self.fps
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
                stamp = frame.dts if self._has_only_decoding_times else frame.pts
                start_s = start_s + 1 / self.fps if stamp is None else float(stamp * self._source.tick_s)
                stays_s = float((frame.duration or 0) * self._source.tick_s) or 1 / self.fps
                yield _TimedFrame(frame, start_s, start_s + stays_s)

    def _skip_towards(self, moment: float) -> None:
        """Leaves out what lies before the last key frame before `moment`; the picture shown then stays the same."""
        index, target = self._source.stream.index_entries, round((moment - SEEK_MARGIN_S) / self._source.tick_s)
        key = index.search_timestamp(target)
        if key < 0 or index[key].timestamp <= self._read_to:
            return
        self._start(target)
        if self._following is None or self._following.start_s > moment:
            # The index was wrong, or the file ends before its key frame: back, and on frame by frame.
            self._can_skip = False
            self._start(round((self._current.start_s - SEEK_MARGIN_S) / self._source.tick_s))

    def _check_tail(self, time_s: float) -> None:
        end_s = self._current.end_s - self._origin_s
        if time_s > end_s + TAIL_SLACK_S and not self._tail_warned:
            self._tail_warned = True
            warnings.warn(
                f"{self._source.name}: announces {self.duration_s:.2f} s, but only {end_s:.2f} s decode; "
                "the last frame stands for the rest",
                stacklevel=2,
            )


def _square_pixels(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    aspect = float(stream.sample_aspect_ratio or 1)
    if abs(aspect - 1) <= SQUARE_PIXEL_TOLERANCE:
        return frame.width, frame.height
    return (round(frame.width * aspect), frame.height) if aspect > 1 else (frame.width, round(frame.height / aspect))


def _turned(size: tuple[int, int], rotation: int) -> tuple[int, int]:
    width, height = size
    return (height, width) if rotation % 180 else (width, height)
