"""Which moments of a clip are taken: the released policy's numbers, and what holds for every clip."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.conversation import VideoSampling
from demiglace.media.frame_sampling import plan_frames

NUM_QUERIES = 64

samplings = st.builds(
    VideoSampling,
    fps=st.floats(0.05, 60),
    max_packages=st.integers(1, 200),
    package_frames=st.integers(1, 6),
    force_package_frames=st.booleans(),
)
durations = st.floats(0.01, 20_000)
rates = st.none() | st.floats(0.05, 240)


@pytest.mark.parametrize(
    ("duration_s", "fps", "frames", "package_frames", "packages", "tokens", "last_tick"),
    [
        (30, 5, 150, 1, 150, 9600, 299),
        (60, 5, 300, 2, 150, 9600, 599),
        (180, 5, 540, 3, 180, 11520, 1798),
        (7200, 5, 540, 3, 180, 11520, 71933),
        (10, 3, 30, 1, 30, 1920, 98),
    ],
)
@pytest.mark.parametrize("native_fps", [None, 30])
def test_released_numbers(duration_s, fps, frames, package_frames, packages, tokens, last_tick, native_fps):
    plan = plan_frames(duration_s, VideoSampling(fps=fps), native_fps)
    assert len(plan.times) == len(plan.ticks) == frames
    assert set(plan.package_sizes) == {package_frames}
    assert len(plan.package_sizes) == packages
    assert packages * NUM_QUERIES == tokens
    assert plan.ticks[-1] == last_tick


def test_paper_maximum():
    plan = plan_frames(108, VideoSampling.paper_maximum(), native_fps=30)
    assert plan.package_sizes == (6,) * 180
    assert plan_frames(6, VideoSampling.paper_maximum(), native_fps=30).package_sizes == (6,) * 10


def test_force_fills_packages_of_a_short_clip():
    plan = plan_frames(5, VideoSampling(fps=2, package_frames=6, force_package_frames=True))
    assert plan.package_sizes == (6, 4)
    assert plan_frames(5, VideoSampling(fps=2, package_frames=6)).package_sizes == (1,) * 10


def test_bin_centres():
    plan = plan_frames(2, VideoSampling(fps=2))
    assert plan.times == (0.25, 0.75, 1.25, 1.75)
    # 20 native frames, 5 for each bin: the third of each five, looked at in the middle of its 0.1 s.
    plan = plan_frames(2, VideoSampling(fps=2), native_fps=10)
    assert plan.times == pytest.approx((0.25, 0.75, 1.25, 1.75))
    assert plan.ticks == (2, 7, 12, 17)


def released_ticks(duration_s: float, native_fps: float, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Ticks as the released code makes them (nearest of a 0.1 s scale, divided by 0.1, cut), and the same rounded."""
    gap = round(duration_s * native_fps) / num_frames
    seconds = np.array([int(i * gap + gap / 2) for i in range(num_frames)]) / native_fps
    scale = np.arange(0, duration_s, 0.1)
    after = np.searchsorted(scale, seconds).clip(1, len(scale) - 1)
    nearest = np.where(seconds - scale[after - 1] < scale[after] - seconds, scale[after - 1], scale[after]) / 0.1
    return nearest.astype(np.int32), np.rint(nearest).astype(np.int32)


@pytest.mark.parametrize(("duration_s", "off_by_one"), [(10, 3), (7200, 27)])
def test_ticks_are_the_released_ones_but_for_the_cut(duration_s, off_by_one):
    plan = plan_frames(duration_s, VideoSampling(fps=5), native_fps=30)
    cut, rounded = released_ticks(duration_s, 30, len(plan.ticks))
    assert plan.ticks == tuple(rounded)
    assert (cut - plan.ticks).tolist().count(-1) == off_by_one
    assert (cut == plan.ticks).sum() == len(plan.ticks) - off_by_one


@pytest.mark.parametrize("native_fps", [20, 40, 60, 100, 120, 240])
def test_ten_frames_a_second_have_ten_ticks(native_fps):
    """Each comes in the middle of two ticks."""
    plan = plan_frames(30, VideoSampling(fps=10, package_frames=6, force_package_frames=True), native_fps)
    assert plan.ticks == tuple(range(300))


@pytest.mark.parametrize("native_fps", [10, 12, 15, 20, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60])
@pytest.mark.parametrize("fps", [3, 5, 10])
def test_a_tick_is_the_nearest_and_no_half_goes_up(native_fps, fps):
    plan = plan_frames(30, VideoSampling(fps=fps), native_fps)
    begins = np.array([math.floor(time * native_fps) / native_fps for time in plan.times])
    ahead = np.array(plan.ticks) - 10 * begins
    assert (ahead >= -0.5 - 1e-5).all()
    assert (ahead < 0.5 - 1e-7).all()


def test_single_frames_never_pass_the_most_packages():
    # Whole seconds decide that 60.9 s fit (3 x 60 = 180), where 183 frames would then be taken.
    assert plan_frames(60.9, VideoSampling(fps=3)).package_sizes == (1,) * 180


def test_no_more_frames_than_the_video_has():
    assert len(plan_frames(300, VideoSampling(fps=3), native_fps=0.1).times) == 30


def test_even_the_shortest_clip_gives_a_frame():
    plan = plan_frames(0.04, VideoSampling(fps=3), native_fps=25)
    assert (plan.times, plan.ticks, plan.package_sizes) == ((0.02,), (0,), (1,))


@pytest.mark.parametrize("bad", [0, -1, math.inf, math.nan])
def test_lengths_and_rates_must_be_positive(bad):
    with pytest.raises(ValueError, match=f"duration_s must be a positive number, got {bad}"):
        plan_frames(bad, VideoSampling())
    with pytest.raises(ValueError, match=f"native_fps must be a positive number, got {bad}"):
        plan_frames(1, VideoSampling(), bad)


@given(durations, samplings, rates)
def test_every_plan(duration_s, sampling, native_fps):
    plan = plan_frames(duration_s, sampling, native_fps)
    assert len(plan.times) == len(plan.ticks) == sum(plan.package_sizes) >= 1
    assert len(plan.package_sizes) <= sampling.max_packages
    assert max(plan.package_sizes) <= sampling.package_frames
    assert len(set(plan.package_sizes[:-1])) <= 1
    assert plan.package_sizes[-1] <= plan.package_sizes[0]
    assert list(plan.ticks) == sorted(plan.ticks)
    assert list(plan.times) == sorted(plan.times)
    assert plan.times[0] >= 0
    assert plan.times[-1] <= duration_s
    assert plan.ticks[0] >= 0
    assert plan.ticks[-1] < duration_s * 10


@given(durations, samplings, st.floats(1, 240))
def test_whole_frames_are_distinct_and_near_the_bin_centres(duration_s, sampling, native_fps):
    plan = plan_frames(duration_s, sampling, native_fps)
    centres = (np.arange(len(plan.times)) + 0.5) * duration_s / len(plan.times)
    assert np.abs(centres - plan.times).max() <= 1.5 / native_fps
    assert len(set(plan.times)) == len(plan.times)


def test_a_span_is_looked_at_as_a_clip_of_its_own():
    plan = plan_frames(60, VideoSampling(fps=2, start=10, end=13), native_fps=25)
    whole = plan_frames(3, VideoSampling(fps=2), native_fps=25)
    assert plan.times == pytest.approx([10 + time for time in whole.times])
    assert plan.ticks == (102, 107, 112, 117, 122, 127)
    assert plan_frames(60, VideoSampling(fps=2, start=10, end=13)).times == (10.25, 10.75, 11.25, 11.75, 12.25, 12.75)


@pytest.mark.parametrize("native_fps", [None, 25])
def test_a_span_ends_with_the_clip(native_fps):
    open_end = plan_frames(10, VideoSampling(fps=5, start=8), native_fps)
    assert open_end == plan_frames(10, VideoSampling(fps=5, start=8, end=99), native_fps)
    assert len(open_end.times) == 10
    assert min(open_end.times) >= 8


@pytest.mark.parametrize("start", [10, 11.5])
def test_a_span_that_starts_where_the_clip_has_ended(start):
    with pytest.raises(ValueError, match=rf"start lies at {start} s, but the video is 10\.00 s long"):
        plan_frames(10, VideoSampling(start=start))


@pytest.mark.parametrize("native_fps", [None, 30, 2])
def test_a_number_of_frames_whatever_the_rate(native_fps):
    plan = plan_frames(8, VideoSampling(num_frames=32), native_fps)
    assert (len(plan.times), plan.package_sizes) == (32, (1,) * 32)
    plan = plan_frames(8, VideoSampling(num_frames=32, max_packages=12), native_fps)
    assert plan.package_sizes == (3,) * 10 + (2,)
    plan = plan_frames(8, VideoSampling(num_frames=8, package_frames=6, force_package_frames=True), native_fps)
    assert plan.package_sizes == (6, 2)


def test_samplings_that_cannot_be():
    for bad, message in [
        ({"start": -1}, r"start must be a number in \[0, 1e\+09\], got -1"),
        ({"end": math.nan}, r"end must be a number in \[0, 1e\+09\], got nan"),
        ({"start": 2, "end": 2}, "start must be before end, got 2 and 2"),
        ({"end": 0}, "start must be before end, got 0 and 0"),
        ({"num_frames": 0}, "num_frames, .*, must be a whole number from 1 to 540, got 0"),
        ({"num_frames": 541}, "num_frames, of which 180 packages hold 3 each, must be a whole number .* 540, got 541"),
        ({"num_frames": 2.5}, "must be a whole number from 1 to 540, got 2.5"),
        ({"fps": "3"}, r"fps must be a number in \(0, 60\], got '3'"),
        ({"max_packages": math.inf}, "max_packages must be a whole number from 1 to 1048576, got inf"),
        ({"package_frames": 10**400}, "package_frames must be a whole number from 1 to 6, got a whole number of"),
        ({"force_package_frames": "no"}, "force_package_frames must be true or false, got 'no'"),
        ({"start": [1]}, r"start must be a number in \[0, 1e\+09\], got \[1\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            VideoSampling(**bad)
