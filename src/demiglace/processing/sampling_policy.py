"""Which moments of a video are looked at, and which of them share a package: arithmetic alone.

A clip's length and a `VideoSampling` come in, a `FramePlan` goes out (packages: paper, section 2.1; the numbers:
released code, README "Chat with Video").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from demiglace.conversation import VideoSampling

TICKS_PER_SECOND = 10  # released code: TIME_SCALE = 0.1 s
ROUNDING = 1e-6  # of a frame: 0.3 s at 10 frames a second is frame 3, whatever 0.3 * 10 comes to


@dataclass(frozen=True)
class FramePlan:
    """The frames to take, in order; all three are as long as there are frames or packages.

    times: seconds from the first frame at which to look; the frame on screen then is the one to take.
    ticks: the times given to the model, in 0.1 s; non-decreasing.
    package_sizes: consecutive frames of each package; sums to the number of frames.
    """

    times: tuple[float, ...]
    ticks: tuple[int, ...]
    package_sizes: tuple[int, ...]


def plan_frames(duration_s: float, sampling: VideoSampling, native_fps: float | None = None) -> FramePlan:
    """Uniform bin centres over the clip or its span, grouped into packages (released code: `encode_video`).

    With `native_fps` the plan falls on whole frames, as released: of the n frames on screen bin i takes number
    int(i * gap + gap / 2), gap = n / frames; it is looked at in the middle of its time on screen, and its tick is that
    of its start. Without it both are the bin centre itself. Times and ticks count from the clip's first frame, also
    where a span begins later.

    Four departures from the released code. Its ticks are divided by 0.1 and cut, so that 0.3 s gives tick 2: on a
    10 s clip at 5 frames a second 3 of 50 are one less than the nearest, which is given here. Its single frames can
    come to more than `max_packages`, and it can ask for more frames than the video has: here never. Below one frame a
    second it counts at most 180 s of the clip; here the rate is kept.

    ValueError where `duration_s` or `native_fps` is not a positive number, or the span starts where the clip has ended.
    """
    for name, value in (("duration_s", duration_s), ("native_fps", native_fps)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number, got {value}")
    start, end = _span(duration_s, sampling)
    num_frames, package_frames = _counts(end - start, native_fps, sampling)
    if native_fps is None:
        gap = (end - start) / num_frames
        starts = times = [start + (i + 0.5) * gap for i in range(num_frames)]
    else:
        chosen = _chosen_numbers(start, end, native_fps, sampling, num_frames)
        starts = [max(index / native_fps, start) for index in chosen]
        times = [min(max((index + 0.5) / native_fps, start), end) for index in chosen]
    last_tick = math.ceil(duration_s * TICKS_PER_SECOND) - 1
    ticks = tuple(min(round(start * TICKS_PER_SECOND), last_tick) for start in starts)
    whole, rest = divmod(num_frames, package_frames)
    return FramePlan(tuple(times), ticks, (package_frames,) * whole + (rest,) * bool(rest))


def _span(duration_s: float, sampling: VideoSampling) -> tuple[float, float]:
    start, end = sampling.start or 0.0, duration_s if sampling.end is None else min(sampling.end, duration_s)
    if start >= duration_s:
        raise ValueError(f"start lies at {start:g} s, but the video is {duration_s:.2f} s long")
    return start, end


def _counts(span_s: float, native_fps: float | None, sampling: VideoSampling) -> tuple[int, int]:
    """Frames to take, and frames of a package."""
    if (frames := sampling.num_frames) is not None:
        return frames, sampling.package_frames if sampling.force_package_frames else -(-frames // sampling.max_packages)
    fps = min(sampling.fps, native_fps or math.inf)
    package_frames = _package_frames(span_s, fps, sampling)
    return max(1, min(round(fps * span_s), sampling.max_packages * package_frames)), package_frames


def _package_frames(duration_s: float, fps: float, sampling: VideoSampling) -> int:
    """Frames per package: single frames while they fit, then as few as make the clip fit."""
    if sampling.force_package_frames:
        return sampling.package_frames
    if fps * int(duration_s) <= sampling.max_packages:
        return 1
    return min(math.ceil(duration_s * fps / sampling.max_packages), sampling.package_frames)


def _chosen_numbers(start: float, end: float, native_fps: float, sampling: VideoSampling, num_frames: int) -> list[int]:
    """Numbers of the frames at the bin centres of those that are on screen in the span."""
    first = math.floor(start * native_fps + ROUNDING)
    beyond = round(end * native_fps) if sampling.end is None else math.ceil(end * native_fps - ROUNDING)
    gap = max(1, beyond - first) / num_frames
    return [first + int(i * gap + gap / 2) for i in range(num_frames)]
