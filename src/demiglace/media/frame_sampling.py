"""Frame sampling: which times are sampled and which frames share a package. Only arithmetic, no decoding.

Takes a clip's length, the times of its frames and a `VideoSampling`, and returns a `FramePlan` (packages: paper,
section 2.1; the numbers: released code, README "Chat with Video").
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from demiglace.conversation import VideoSampling
from demiglace.media.frame_times import FrameTime, fastest_rate, moments

TICKS_PER_SECOND = 10  # released code: TIME_SCALE = 0.1 s
ROUNDING = 1e-6  # tolerance in frames (or ticks): 0.3 s at 10 frames a second is frame 3, whatever 0.3 * 10 rounds to


@dataclass(frozen=True)
class FramePlan:
    """The frames to sample, in order: one time and one tick per frame, one size per package.

    times: seconds from the first frame; the frame on screen at that time is sampled.
    ticks: the times given to the model, in 0.1 s; non-decreasing.
    package_sizes: number of consecutive frames in each package; sums to the number of frames.
    """

    times: tuple[float, ...]
    ticks: tuple[int, ...]
    package_sizes: tuple[int, ...]


def plan_frames(
    duration_s: float,
    sampling: VideoSampling,
    native_fps: float | None = None,
    *,
    uneven_starts: Sequence[float] | None = None,
    keep_all: bool = False,
) -> FramePlan:
    """Uniform bin centres over the clip or its span, grouped into packages (released code: `encode_video`).

    With `native_fps` the plan uses whole frames, as released: of the n frames on screen, bin i takes frame number
    int(i * gap + gap / 2), gap = n / frames. Its time is the middle of its time on screen, and its tick is that of its
    start. Without `native_fps` both are the bin centre. Times and ticks count from the clip's first frame, even if the
    span begins later.

    `uneven_starts` gives the ascending start times of unevenly spaced frames. Then the rate is at most that of the two
    closest frames, and each bin takes a frame as described in `frame_times.moments`. If the packages hold fewer frames,
    bins that repeat a frame are dropped first.

    `keep_all` takes each frame of the span once, for frames that the caller has sampled.

    Five departures from the released code. It divides by 0.1 and truncates, so that 0.3 s gives tick 2: on a 10 s clip
    at 5 frames a second, 3 of 50 ticks are one below the nearest, which is used here. It can take more than
    `max_packages` single frames, and more frames than the video has; neither can happen here. Below one frame a second
    it counts at most 180 s of the clip; here the rate is kept. It rounds the clip's own rate before it compares; here
    2.4 frames a second stay 2.4.

    ValueError if `duration_s` or `native_fps` is not a positive number, if the span starts at or after the clip's end,
    or if the packages cannot hold all frames of `keep_all`.
    """
    for name, value in (("duration_s", duration_s), ("native_fps", native_fps)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number, got {value}")
    start, end = _span(duration_s, sampling)
    if uneven_starts is not None:
        times, begins, package_frames = _uneven(uneven_starts, start, end, sampling)
    else:
        numbers = None if native_fps is None else _numbers(start, end, native_fps, end == duration_s)
        if keep_all and numbers is not None and sampling.num_frames is None:
            sampling = _sampling_of_all(len(numbers), sampling)
        num_frames, package_frames = _counts(end - start, native_fps, sampling)
        times, begins = _even(start, end, native_fps, numbers, num_frames)
    last_tick = math.ceil(duration_s * TICKS_PER_SECOND) - 1
    ticks = tuple(min(_tick(begin), last_tick) for begin in begins)
    whole, rest = divmod(len(times), package_frames)
    return FramePlan(tuple(times), ticks, (package_frames,) * whole + (rest,) * bool(rest))


def _tick(begin: float) -> int:
    """The nearest tick; a half rounds down. Sampled at 10 frames a second, frames of a clip at 20 or 60 fall in the
    middle between two ticks: with rounding to even, two of them would get the same tick."""
    return math.ceil(begin * TICKS_PER_SECOND - 0.5 - ROUNDING)


def _span(duration_s: float, sampling: VideoSampling) -> tuple[float, float]:
    start, end = sampling.start or 0.0, duration_s if sampling.end is None else min(sampling.end, duration_s)
    if start >= duration_s:
        raise ValueError(f"start lies at {start:g} s, but the video is {duration_s:.2f} s long")
    return start, end


def _numbers(start: float, end: float, native_fps: float, is_open: bool) -> range:
    """Numbers of the frames on screen in the span; the clip's last frame counts if half of its time lies in it."""
    first = math.floor(start * native_fps + ROUNDING)
    beyond = round(end * native_fps) if is_open else math.ceil(end * native_fps - ROUNDING)
    return range(first, max(beyond, first + 1))


def _sampling_of_all(num_frames: int, sampling: VideoSampling) -> VideoSampling:
    if num_frames > sampling.max_frames:
        raise ValueError(
            f"{num_frames} frames are given, but {sampling.max_packages} packages of {sampling.package_frames} "
            f"hold {sampling.max_frames}"
        )
    return replace(sampling, num_frames=num_frames)


def _counts(span_s: float, native_fps: float | None, sampling: VideoSampling) -> tuple[int, int]:
    """Frames to sample, and frames per package."""
    if sampling.num_frames is not None:
        return sampling.num_frames, _fewest_per_package(sampling.num_frames, sampling)
    fps = min(sampling.fps, native_fps or math.inf)
    package_frames = _package_frames(span_s, fps, sampling)
    return max(1, min(round(fps * span_s), sampling.max_packages * package_frames)), package_frames


def _package_frames(duration_s: float, fps: float, sampling: VideoSampling) -> int:
    """Frames per package: one if that fits, else as few as make the clip fit."""
    if sampling.force_package_frames:
        return sampling.package_frames
    if fps * int(duration_s) <= sampling.max_packages:
        return 1
    return min(math.ceil(duration_s * fps / sampling.max_packages), sampling.package_frames)


def _fewest_per_package(num_frames: int, sampling: VideoSampling) -> int:
    if sampling.force_package_frames:
        return sampling.package_frames
    return min(-(-num_frames // sampling.max_packages), sampling.package_frames)


def _even(
    start: float, end: float, native_fps: float | None, numbers: range | None, num_frames: int
) -> tuple[list[float], list[float]]:
    """Sampling times, and the times at which the frames sampled there appeared on screen."""
    if native_fps is None or numbers is None:
        gap = (end - start) / num_frames
        times = [start + (i + 0.5) * gap for i in range(num_frames)]
        return times, times
    chosen = [numbers[at] for at in _bin_centres(len(numbers), num_frames)]
    times = [min(max((number + 0.5) / native_fps, start), end) for number in chosen]
    return times, [max(number / native_fps, start) for number in chosen]


def _uneven(
    starts: Sequence[float], start: float, end: float, sampling: VideoSampling
) -> tuple[list[float], list[float], int]:
    """The same as `_even`, and frames per package."""
    seen = starts[max(bisect_right(starts, start) - 1, 0) : bisect_left(starts, end)]
    fps = min(sampling.fps, fastest_rate(seen))
    num_frames = sampling.num_frames or max(1, round((end - start) * fps))
    package_frames = _fewest_per_package(num_frames, sampling)
    chosen = _thinned(moments(seen, start, end, num_frames), sampling.max_packages * package_frames)
    return [moment.time_s for moment in chosen], [moment.begins_s for moment in chosen], package_frames


def _thinned(found: Sequence[FrameTime], most: int) -> list[FrameTime]:
    """At most `most` of them: first moments that show another frame than the one before, then others that fit."""
    if len(found) <= most:
        return list(found)
    new, same = ([at for at, moment in enumerate(found) if moment.is_new is wanted] for wanted in (True, False))
    if len(new) >= most:
        return [found[new[at]] for at in _bin_centres(len(new), most)]
    kept = [*new, *(same[at] for at in _bin_centres(len(same), most - len(new)))]
    return [found[at] for at in sorted(kept)]


def _bin_centres(num_native: int, num_frames: int) -> list[int]:
    gap = num_native / num_frames
    return [int(i * gap + gap / 2) for i in range(num_frames)]
