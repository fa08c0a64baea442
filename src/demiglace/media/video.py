"""Reads a video or an animation as packages of sampled frames, one at a time.

`frame_sampling` chooses the times. `video_decoder` (FFmpeg), `animation` (Pillow) and `frame_list` (frames sampled by
the caller) find the frames on screen at those times, by time and not by index. At most one package is in memory.
Files are not trusted: pixels, frames and seconds are bounded.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import BinaryIO

import PIL.Image

from demiglace.conversation import VideoSampling
from demiglace.media.animation import Animation, is_animation
from demiglace.media.frame_list import FrameList
from demiglace.media.frame_sampling import FramePlan, plan_frames
from demiglace.media.pictures import PictureSource, file_name, local_file
from demiglace.media.video_decoder import VideoDecoder, open_video

VideoSource = str | PathLike[str] | bytes | Sequence[PictureSource]

FrameReader = VideoDecoder | Animation | FrameList

MAX_PIXELS = 40_000_000  # of one frame (ours)
MAX_SECONDS = 6 * 3600.0  # ours
MAX_FRAMES = 6 * 3600 * 60  # six hours at 60 frames a second (ours)


@dataclass(frozen=True)
class Package:
    """Consecutive frames that share one set of visual tokens: RGB pictures of one size, and their times in 0.1 s.

    A picture that stays on screen may occur more than once.
    """

    frames: list[PIL.Image.Image]
    ticks: list[int]


@dataclass(frozen=True)
class VideoFacts:
    """Size, length, rate and rotation of a video.

    width, height: pixels as shown, after rotation and pixel aspect.
    duration_s: seconds from the first frame on.
    fps: mean frames a second.
    num_frames: on screen within that time; those that an edit list leaves out are not counted.
    rotation: degrees by which stored frames are rotated counter-clockwise for display: 0, 90, 180 or 270.
    is_mirrored: whether left and right are swapped after the rotation.
    """

    width: int
    height: int
    duration_s: float
    fps: float
    num_frames: int
    rotation: int
    is_mirrored: bool


def read_packages(source: VideoSource, sampling: VideoSampling | None = None) -> Iterator[Package]:
    """Packages of frames in order of time, in one pass; memory does not grow with the length of the video.

    A sequence of pictures is taken as already sampled: each frame is used once, 1 / `sampling.fps` seconds apart.
    If decoding ends before the announced duration, the last frame stands for the rest and a warning says so.
    ValueError, with the first package, if the file is missing, is not a video, has no frame that decodes, or exceeds
    `MAX_PIXELS` in a frame or `MAX_SECONDS`, or if more frames are given than the packages hold.
    """
    with _open(source, sampling := sampling or VideoSampling()) as reader:
        plan = _plan(reader, sampling)
        times, ticks = iter(plan.times), iter(plan.ticks)
        for count in plan.package_sizes:
            # No name holds the package here, so the caller can let go of it before the next is made.
            yield Package([reader.at(next(times)) for _ in range(count)], [next(ticks) for _ in range(count)])


def plan_video(source: VideoSource, sampling: VideoSampling | None = None) -> tuple[VideoFacts, FramePlan]:
    """Facts and frame plan of `source`, decoding only a video's first frames. Errors as in `read_packages`."""
    with _open(source, sampling := sampling or VideoSampling()) as reader:
        return _facts(reader), _plan(reader, sampling)


def _plan(reader: FrameReader, sampling: VideoSampling) -> FramePlan:
    if isinstance(reader, VideoDecoder):
        reader.warn_where_it_ends(math.inf if sampling.end is None else sampling.end)
    is_sampled = isinstance(reader, FrameList)
    return plan_frames(reader.duration_s, sampling, reader.fps, uneven_starts=reader.uneven_starts, keep_all=is_sampled)


def _facts(reader: FrameReader) -> VideoFacts:
    return VideoFacts(
        *reader.size, reader.duration_s, reader.fps, reader.num_frames, reader.rotation, reader.is_mirrored
    )


@contextmanager
def _open(source: VideoSource, sampling: VideoSampling) -> Iterator[FrameReader]:
    if not isinstance(source, str | PathLike | bytes):
        frames = FrameList(source, sampling.fps)
        _check_bounds(frames, "the given frames")
        yield frames
        return
    name = file_name(source)
    with _open_file(source) as file:
        if is_animation(file.read(12)):
            reader = Animation(source, MAX_PIXELS, MAX_FRAMES)
            _check_bounds(reader, name)
            yield reader
        else:
            with open_video(file, name, MAX_PIXELS, MAX_FRAMES) as decoder:
                _check_bounds(decoder, name)
                yield decoder


def _open_file(source: str | PathLike[str] | bytes) -> BinaryIO:
    # Opened here and not by FFmpeg, which also accepts addresses and lists of other files as names.
    if isinstance(source, bytes):
        if not source:
            raise ValueError(f"{file_name(source)}: empty, 0 bytes")
        return io.BytesIO(source)
    try:
        return local_file(source, max_bytes=None).open("rb")
    except OSError as error:
        raise ValueError(f"{source} cannot be read: {error.strerror}") from error


def _check_bounds(reader: FrameReader, name: str) -> None:
    width, height = reader.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{name}: frames of {width} x {height} pixels, at most {MAX_PIXELS} are read")
    if reader.duration_s > MAX_SECONDS:
        raise ValueError(f"{name}: {reader.duration_s:.1f} s long, at most {MAX_SECONDS:.1f} s are read")
