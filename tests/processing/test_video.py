"""Clips whose frames carry their number as a bar code: the right ones come out, from sound files and from bad ones."""

import io
import struct
import warnings
import weakref
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest

from demiglace.conversation import VideoSampling
from demiglace.processing.film import open_film
from demiglace.processing.sampling_policy import plan_frames
from demiglace.processing.video import MAX_FRAMES, MAX_PIXELS, probe, read_packages

SHARED = Path(__file__).parents[3] / "shared" / "data"
WIDTH, HEIGHT, BITS = 64, 48, 16


def bar_code(number: int) -> np.ndarray:
    """16 bits as blocks of 8 x 24 pixels, in two rows of eight."""
    bits = np.array([number >> i & 1 for i in range(BITS)], np.uint8).reshape(2, 8)
    return np.repeat((40 + 170 * bits.repeat(24, 0).repeat(8, 1))[..., None], 3, axis=-1)


def number_of(picture: PIL.Image.Image) -> int:
    grey = np.asarray(picture.convert("L").resize((WIDTH, HEIGHT)))
    return sum(int(grey[12 + 24 * (i // 8), 4 + 8 * (i % 8)] > 125) << i for i in range(BITS))


def make_clip(path, stamps, *, time_base=Fraction(1, 25), codec="libx264", gop=10, options=None, mux=None, **stream):
    """A clip with frame i at `stamps[i]` of the time base; returns its path."""
    with av.open(str(path), "w", options=mux or {}) as container:
        video = container.add_stream(codec, rate=stream.pop("rate", 25), options=options or {})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, stream.pop("pix_fmt", "yuv420p")
        video.codec_context.time_base, video.codec_context.gop_size = time_base, gop
        if "rotation" in stream:
            video.set_display_rotation(stream["rotation"])
        if "aspect" in stream:
            video.codec_context.sample_aspect_ratio = stream["aspect"]
        for number, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(bar_code(number), format="rgb24")
            frame.pts, frame.time_base = stamp, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def numbers(source, sampling=VideoSampling(fps=5), **bounds) -> list[int]:  # noqa: B008
    return [number_of(frame) for package in read_packages(source, sampling, **bounds) for frame in package.frames]


@contextmanager
def does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def planned(duration_s: float, sampling: VideoSampling, fps: float) -> list[int]:
    return [int(time * fps) for time in plan_frames(duration_s, sampling, fps).times]


@pytest.fixture
def clip(tmp_path):
    """Four seconds, 100 frames."""
    return make_clip(tmp_path / "clip.mp4", range(100))


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "libx264"),
        ("mp4", "mpeg4"),
        ("mkv", "libx264"),
        ("avi", "libx264"),
        ("ts", "libx264"),
        ("webm", "libvpx"),
        ("h264", "libx264"),
    ],
)
def test_planned_frames_of_every_container(tmp_path, suffix, codec):
    path = make_clip(tmp_path / f"clip.{suffix}", range(100), codec=codec)
    packages = list(read_packages(path, VideoSampling(fps=5, package_frames=4, force_package_frames=True)))
    plan = plan_frames(4, VideoSampling(fps=5, package_frames=4, force_package_frames=True), 25)
    found = [number_of(frame) for package in packages for frame in package.frames]
    assert found == [2, 7, 12, 17, 22, 27, 32, 37, 42, 47, 52, 57, 62, 67, 72, 77, 82, 87, 92, 97]
    assert [len(package.frames) for package in packages] == [4] * 5
    assert [tick for package in packages for tick in package.ticks] == list(plan.ticks)


def test_frames_are_rgb_and_bytes_are_as_good_as_a_path(clip):
    frames = [frame for package in read_packages(clip.read_bytes(), VideoSampling()) for frame in package.frames]
    assert {(frame.mode, frame.size) for frame in frames} == {("RGB", (WIDTH, HEIGHT))}
    assert [number_of(frame) for frame in frames] == numbers(str(clip), VideoSampling())


def test_every_frame_from_first_to_last(clip):
    assert numbers(clip, VideoSampling(fps=25)) == list(range(100))


def test_probe(clip):
    facts = probe(clip)
    assert (facts.width, facts.height, facts.rotation) == (WIDTH, HEIGHT, 0)
    assert (facts.duration_s, facts.fps, facts.num_frames_announced) == (4, 25, 100)


def test_variable_frame_rate_goes_by_time(tmp_path):
    stamps = [0, 40, 80, 1000, 1040, 3000, 3900]  # milliseconds
    path = make_clip(tmp_path / "variable.mkv", stamps, time_base=Fraction(1, 1000), rate=25)
    fps, duration = probe(path).fps, probe(path).duration_s
    times = plan_frames(duration, VideoSampling(fps=5), fps).times
    assert numbers(path) == [sum(stamp / 1000 <= time for stamp in stamps) - 1 for time in times]
    assert set(numbers(path)) == {2, 4, 5}


@pytest.mark.parametrize(("start", "suffix"), [(250, "mkv"), (250, "ts")])
def test_times_count_from_the_first_frame(tmp_path, start, suffix):
    path = make_clip(tmp_path / f"late.{suffix}", range(start, start + 100))
    with pytest.warns(UserWarning, match="announces 14") if suffix == "mkv" else does_not_warn():
        assert numbers(path)[:3] == [2, 7, 12]


@pytest.mark.parametrize(("rotation", "size"), [(90, (48, 64)), (-90, (48, 64)), (180, (64, 48))])
def test_rotation(tmp_path, rotation, size):
    path = make_clip(tmp_path / "turned.mp4", range(5), rotation=rotation)
    frames = next(read_packages(path, VideoSampling(fps=25))).frames
    assert (probe(path).width, probe(path).height, probe(path).rotation) == (*size, rotation % 360)
    assert frames[0].size == size
    # The display matrix turns counter-clockwise; turned back, the bar code reads again.
    last = list(read_packages(path, VideoSampling(fps=25)))[-1].frames[-1]
    assert number_of(last.rotate(-rotation, expand=True)) == 4
    assert number_of(last) != 4


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(2), (128, 48)), (Fraction(1, 2), (64, 96)), (Fraction(704, 705), (64, 48))]
)
def test_pixel_aspect(tmp_path, aspect, size):
    path = make_clip(tmp_path / "anamorphic.mp4", range(5), aspect=aspect)
    assert (probe(path).width, probe(path).height) == size
    frames = [frame for package in read_packages(path, VideoSampling(fps=25)) for frame in package.frames]
    assert frames[0].size == size
    assert [number_of(frame) for frame in frames] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [("libx264", "yuv420p10le"), ("libx264", "yuv444p"), ("ffv1", "gray"), ("ffv1", "bgr0")]
)
def test_pixel_formats(tmp_path, codec, pix_fmt):
    path = make_clip(tmp_path / "odd.mkv", range(10), codec=codec, pix_fmt=pix_fmt)
    assert numbers(path, VideoSampling(fps=25)) == list(range(10))


def test_long_clips_are_skipped_through_and_the_frames_stay_the_same(tmp_path):
    sampling = VideoSampling(fps=1, max_packages=12, package_frames=1)
    for suffix in ("mp4", "mkv", "avi"):
        path = make_clip(tmp_path / f"long.{suffix}", range(3000), options={"preset": "ultrafast", "bf": "2"}, gop=25)
        assert numbers(path, sampling) == planned(120, sampling, 25)
        with path.open("rb") as file, open_film(file, "long", MAX_PIXELS, MAX_FRAMES) as film:
            assert number_of(film.at(100.02, film.size)) == 2500
            assert film.num_decoded < 150, "of 2500 frames before it"
