"""Which moments of a video are looked at, and which of them share a package: arithmetic alone.

A clip's length and a `VideoSampling` come in, a `FramePlan` goes out (packages: paper, section 2.1; the numbers:
released code, README "Chat with Video").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from demiglace.conversation import VideoSampling

TICKS_PER_SECOND = 10  # released code: TIME_SCALE = 0.1 s


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
    """Uniform bin centres over the clip, grouped into packages (released code: `encode_video`).

    With `native_fps` the plan falls on whole frames, as released: of the video's n frames bin i takes number
    int(i * gap + gap / 2), gap = n / frames; it is looked at in the middle of its time on screen, and its tick is that
    of its start. Without it both are the bin centre itself.

    Four departures from the released code. Its ticks are divided by 0.1 and cut, so that 0.3 s gives tick 2: on a
    10 s clip at 5 frames a second 3 of 50 are one less than the nearest, which is given here. Its single frames can
    come to more than `max_packages`, and it can ask for more frames than the video has: here never. Below one frame a
    second it counts at most 180 s of the clip; here the rate is kept.

    ValueError where `duration_s` or `native_fps` is not a positive number.
    """
    for name, value in (("duration_s", duration_s), ("native_fps", native_fps)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number, got {value}")
    fps = min(sampling.fps, native_fps or math.inf)
    package_frames = _package_frames(duration_s, fps, sampling)
    num_frames = max(1, min(round(fps * duration_s), sampling.max_packages * package_frames))
    if native_fps is None:
        starts = times = [(i + 0.5) * duration_s / num_frames for i in range(num_frames)]
    else:
        chosen = _bin_centres(max(1, round(duration_s * native_fps)), num_frames)
        starts = [index / native_fps for index in chosen]
        times = [min((index + 0.5) / native_fps, duration_s) for index in chosen]
    last_tick = math.ceil(duration_s * TICKS_PER_SECOND) - 1
    ticks = tuple(min(round(start * TICKS_PER_SECOND), last_tick) for start in starts)
    whole, rest = divmod(num_frames, package_frames)
    return FramePlan(tuple(times), ticks, (package_frames,) * whole + (rest,) * bool(rest))


def _package_frames(duration_s: float, fps: float, sampling: VideoSampling) -> int:
    """Frames per package: single frames while they fit, then as few as make the clip fit."""
    if sampling.force_package_frames:
        return sampling.package_frames
    if fps * int(duration_s) <= sampling.max_packages:
        return 1
    return min(math.ceil(duration_s * fps / sampling.max_packages), sampling.package_frames)


def _bin_centres(num_native: int, num_frames: int) -> list[int]:
    gap = num_native / num_frames
    return [int(i * gap + gap / 2) for i in range(num_frames)]
