"""Sampling of unevenly spaced frames, so that none is missed if there are few enough.

A screen recording may have one frame in ten seconds and then ten in one, so its mean rate is meaningless. Only
arithmetic: times come in, moments go out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

EVEN_WITHIN = 0.25  # ours, in frame intervals: time bases round, but no frame may be mistaken for its neighbour

LATE_FRAMES = 2  # ours: if more frames than this appear in a part, none of them is shown in the next part


@dataclass(frozen=True)
class FrameTime:
    """A sampling time, in seconds.

    time_s: a time at which the sampled frame is on screen. is_new: whether the moment before shows another frame.
    begins_s: when the frame appeared on screen if `is_new`, else the middle of the moment's own part of the clip.
    """

    time_s: float
    begins_s: float
    is_new: bool


def are_even(starts: Sequence[float], last_stays_s: float, fps: float) -> bool:
    """Whether frame i appears at about i / `fps`, and the last one stays no longer than 1.5 frame intervals."""
    return last_stays_s * fps <= 1.5 and all(abs(start * fps - i) < EVEN_WITHIN for i, start in enumerate(starts))


def fastest_rate(starts: Sequence[float]) -> float:
    """Frames a second where they are closest together; 0 for a single frame."""
    return max((1 / (after - start) for start, after in pairwise(starts)), default=0.0)


def moments(starts: Sequence[float], start: float, end: float, num_moments: int) -> list[FrameTime]:
    """One moment for each of `num_moments` equal parts of the span from `start` to `end`, in order.

    starts: when the frames appear on screen, ascending and distinct.
    A part shows the frame in its middle, unless that would drop a frame for which there is room: if at most two frames
    appear in a part, the first may be shown in it and the second in the next. So frames as frequent as the parts, but
    irregular, are all shown. A part in which nothing changes shows the frame that stays on screen.
    """
    step = (end - start) / num_moments
    shown = _shown(starts, start, end, num_moments)
    found = []
    for i, number in enumerate(shown):
        is_new = i == 0 or shown[i - 1] != number
        begins, ends = _stay(starts, number, start, end)
        middle, margin = start + (i + 0.5) * step, min(step / 4, (ends - begins) / 2)
        time_s = min(max(middle, begins + margin), ends - margin)
        found.append(FrameTime(time_s, begins if is_new else middle, is_new))
    return found


def _shown(starts: Sequence[float], start: float, end: float, num_moments: int) -> list[int]:
    """Frame numbers, in two passes: first as many different ones as possible, then each nearest its part's middle."""
    step = (end - start) / num_moments
    rounding = 1e-6 * step  # a frame that appears at an edge belongs to the part after it
    at_edges = [_on_screen(starts, start + i * step + rounding) for i in range(num_moments)]
    earliest, number = [], at_edges[0] - 1
    for i, at_edge in enumerate(at_edges):
        oldest = at_edges[i - 1] if i and at_edge - at_edges[i - 1] <= LATE_FRAMES else at_edge
        newest = max(bisect_left(starts, start + (i + 1) * step - rounding) - 1, oldest)
        if i + 1 == num_moments:  # no part is left for a late frame
            oldest = min(at_edge + 1, newest)
        number = min(max(number + 1, oldest), newest)
        earliest.append(number)
    shown = earliest.copy()
    for i in reversed(range(num_moments)):
        middle = _on_screen(starts, start + (i + 0.5) * step)
        latest = middle if i + 1 == num_moments else shown[i + 1] - (earliest[i] != earliest[i + 1])
        shown[i] = max(earliest[i], min(middle, latest))
    return shown


def _on_screen(starts: Sequence[float], time_s: float) -> int:
    return max(bisect_right(starts, time_s) - 1, 0)


def _stay(starts: Sequence[float], number: int, start: float, end: float) -> tuple[float, float]:
    """Start and end of a frame's time on screen within the span."""
    until = starts[number + 1] if number + 1 < len(starts) else end
    return max(starts[number], start), min(until, end)
