"""Frames at uneven times: none is missed where there are few enough, and each is looked at while it is on screen."""

from bisect import bisect_left, bisect_right
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.conversation import VideoSampling
from demiglace.media.frame_sampling import FramePlan, plan_frames
from demiglace.media.frame_times import are_even, fastest_rate, moments

# Still for half a minute, eleven frames in a second, still again: a screen recording.
RECORDING = [0, 20, *(30 + i / 10 for i in range(11)), 31.5, 59.9]


def numbers(starts, plan: FramePlan) -> list[int]:
    return [bisect_right(starts, time) - 1 for time in plan.times]


def plan_of(starts, duration_s: float, **sampling) -> FramePlan:
    return plan_frames(duration_s, VideoSampling(**sampling), len(starts) / duration_s, uneven_starts=starts)


@pytest.mark.parametrize("fps", [10, 20, 60])
def test_every_frame_of_a_burst_is_looked_at(fps):
    plan = plan_of(RECORDING, 60, fps=fps, package_frames=6, force_package_frames=True)
    assert len(plan.times) == 600, "the two closest frames are a tenth of a second apart"
    assert set(numbers(RECORDING, plan)) == set(range(15))
    assert list(plan.ticks) == sorted(plan.ticks)
    assert [plan.ticks[numbers(RECORDING, plan).index(number)] for number in range(15)] == [
        round(10 * start) for start in RECORDING
    ]


def test_the_asked_rate_is_kept_in_a_burst_of_a_slow_clip():
    plan = plan_of(RECORDING, 60, fps=3)
    assert len(plan.times) == 180
    assert sum(29.99 < time < 31.01 for time in plan.times) >= 3


def test_still_parts_are_thinned_before_a_burst():
    plan = plan_of(RECORDING, 60, fps=10, max_packages=20)
    assert plan.package_sizes == (3,) * 20
    assert set(numbers(RECORDING, plan)) == set(range(15))
    times = [time for time in plan.times if time < 30]
    assert max(after - time for time, after in pairwise(times)) < 2, "what is left is spread"
    plan = plan_of(RECORDING, 60, fps=10, max_packages=5, package_frames=1)
    assert (len(set(numbers(RECORDING, plan))), len(plan.times)) == (5, 5)


def test_a_slide_show_costs_what_its_slides_do():
    assert numbers([0, 8, 20], plan_of([0, 8, 20], 30)) == [0, 1, 2, 2]
    assert plan_of([0, 8, 20], 30, start=9, end=19).times == (14,)


def test_so_many_frames_of_an_uneven_clip():
    plan = plan_of(RECORDING, 60, num_frames=32)
    found = numbers(RECORDING, plan)
    assert len(found) == 32
    assert [found[0], found[-1]] == [0, 14]
    assert numbers(RECORDING, plan_of(RECORDING, 60, num_frames=11, start=30, end=31.05)) == list(range(2, 13))


def test_a_span_of_an_uneven_clip():
    plan = plan_of(RECORDING, 60, fps=10, start=25, end=30.55)
    assert {time < 25 or time > 30.55 for time in plan.times} == {False}
    assert set(numbers(RECORDING, plan)) == {1, 2, 3, 4, 5, 6, 7}
    assert plan.ticks[0] == 250, "on screen before, seen from there on"


def test_what_is_even():
    assert are_even([i / 25 for i in range(100)], 0.04, 25)
    assert are_even([round(i / 29.97, 3) for i in range(1000)], 0.034, 29.97), "as Matroska rounds"
    assert not are_even([i / 25 for i in range(100)], 3, 25), "the last frame stays"
    assert not are_even([i / 25 for i in range(100) if i != 50], 0.04, 25), "one is left out"
    assert not are_even([i / 25 for i in range(100)], 0.04, 24)
    assert fastest_rate([0, 0.5, 0.6]) == pytest.approx(10)
    assert fastest_rate([3]) == 0


gaps = st.lists(st.floats(0.002, 5), max_size=60)


@given(gaps, st.floats(0.01, 5), st.integers(1, 200))
def test_every_choice_of_moments(gaps, last_stays, num_moments):
    starts = [0, *accumulate(gaps)]
    duration = starts[-1] + last_stays
    found = moments(starts, 0, duration, num_moments)
    shown = [bisect_right(starts, moment.time_s) - 1 for moment in found]
    assert len(found) == num_moments
    assert shown == sorted(shown)
    assert [moment.is_new for moment in found] == [True, *(after != number for number, after in pairwise(shown))]
    assert [moment.begins_s for moment in found] == sorted(moment.begins_s for moment in found)
    step = duration / num_moments
    for i, moment in enumerate(found):
        assert (i - 1.25) * step - 1e-9 <= moment.time_s <= (i + 1.25) * step + 1e-9
    for i in range(num_moments):  # frames of a part are seen, or later ones, before two more have gone by
        first = bisect_left(starts, i * step + 1e-5 * step)
        if first < len(starts) and starts[first] < (i + 1 - 1e-5) * step:
            assert shown[min(i + 2, num_moments - 1)] >= first


@given(st.lists(st.floats(1, 40), min_size=1, max_size=60))
def test_frames_no_faster_than_the_parts_are_all_shown(gaps):
    starts = [0, *accumulate(gaps)]
    duration = starts[-1] + 1
    shown = [
        bisect_right(starts, moment.time_s) - 1 for moment in moments(starts, 0, duration, int(duration - 1e-6) + 1)
    ]
    assert set(shown) == set(range(len(starts)))


def test_irregular_frames_are_all_shown_where_there_is_a_place_for_each():
    starts = [start + second for second in range(10) for start in (0, 0.05, 0.4, 0.45, 0.8, 0.85)]
    shown = numbers(starts, plan_of(starts, 10, fps=10))
    assert shown == [6 * second + number for second in range(10) for number in (0, 1, 1, 1, 2, 3, 3, 3, 4, 5)]
