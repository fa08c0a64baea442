"""Animations show each frame for as long as it says."""

import io

import PIL.Image
import pytest
from clips import AT_5_FPS, HEIGHT, WIDTH, bar_code, number_of, numbers, probe

from demiglace.conversation import VideoSampling
from demiglace.media.video import read_packages


def animation(form: str, durations, **options) -> bytes:
    pictures = [PIL.Image.fromarray(bar_code(number)) for number in range(len(durations))]
    out = io.BytesIO()
    pictures[0].save(out, form, save_all=True, append_images=pictures[1:], duration=durations, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("AVIF", {"quality": 90})]
)
def test_animations_by_the_durations_of_their_frames(form, options):
    clip = animation(form, [100, 500, 50, 350], **options)
    facts = probe(clip)
    assert (facts.width, facts.height, facts.num_frames) == (WIDTH, HEIGHT, 4)
    assert facts.duration_s == pytest.approx(1.0)
    assert facts.fps == pytest.approx(4.0)
    (package,) = read_packages(clip, VideoSampling(fps=4, package_frames=4, force_package_frames=True))
    assert [number_of(frame) for frame in package.frames] == [0, 1, 2, 3]
    assert package.ticks == [0, 1, 6, 6]  # of 0, 0.1, 0.6 and 0.65 s
    assert {frame.mode for frame in package.frames} == {"RGB"}


def test_animation_frames_that_state_no_time_stay_as_in_browsers():
    assert probe(animation("GIF", [0, 10, 20])).duration_s == pytest.approx(0.22)


def test_transparent_animation_is_laid_on_white():
    pictures = [PIL.Image.new("RGBA", (8, 8), (255, 0, 0, alpha)) for alpha in (0, 255)]
    out = io.BytesIO()
    pictures[0].save(out, "WEBP", save_all=True, append_images=pictures[1:], duration=200, lossless=True)
    frames = [package.frames[0] for package in read_packages(out.getvalue(), AT_5_FPS)]
    assert [frame.getpixel((4, 4)) for frame in frames] == [(255, 255, 255), (255, 0, 0)]


def test_truncated_animation(tmp_path):
    clip = animation("PNG", [100] * 10)
    with pytest.warns(UserWarning, match=r"\d of 10 frames decode"):
        found = numbers(clip[: len(clip) * 7 // 10], VideoSampling(fps=10))
    assert 1 < len(found) < 10
    assert found == list(range(len(found)))


def test_a_still_picture_is_a_clip_of_one_frame():
    (package,) = read_packages(animation("PNG", [0]), VideoSampling())
    assert (len(package.frames), package.ticks) == (1, [0])


@pytest.mark.parametrize(("form", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_a_burst_of_a_slow_animation_is_looked_at(form, options):
    clip = animation(form, [5000, *[100] * 8, 500, 5000], **options)
    assert set(numbers(clip, VideoSampling(fps=10))) == set(range(11))
    assert len(numbers(clip, VideoSampling(fps=1))) == 11
