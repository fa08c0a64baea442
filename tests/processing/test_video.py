"""Clips whose frames carry their number as a bar code: the right ones come out, from sound files and from bad ones."""

import io
import struct
import warnings
import weakref
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
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
AT_5_FPS = VideoSampling(fps=5)


def bar_code(number: int) -> np.ndarray:
    """16 bits as blocks of 8 x 24 pixels, in two rows of eight."""
    bits = np.array([number >> i & 1 for i in range(BITS)], np.uint8).reshape(2, 8)
    return np.repeat((40 + 170 * bits.repeat(24, 0).repeat(8, 1))[..., None], 3, axis=-1)


def number_of(picture: PIL.Image.Image) -> int:
    grey = np.asarray(picture.convert("L").resize((WIDTH, HEIGHT)))
    return sum(int(grey[12 + 24 * (i // 8), 4 + 8 * (i % 8)] > 125) << i for i in range(BITS))


FAST = {"libvpx": {"deadline": "realtime", "cpu-used": "8"}}


def make_clip(path, stamps, *, time_base=Fraction(1, 25), codec="libx264", gop=10, options=None, mux=None, **stream):
    """A clip with frame i at `stamps[i]` of the time base; returns its path."""
    with av.open(str(path), "w", options=mux or {}) as container:
        video = container.add_stream(codec, rate=stream.pop("rate", 25), options=options or FAST.get(codec, {}))
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, stream.pop("pix_fmt", "yuv420p")
        video.codec_context.time_base, video.codec_context.gop_size = time_base, gop
        if "rotation" in stream:
            if not hasattr(video, "set_display_rotation"):
                pytest.skip("this PyAV writes no display matrix")
            video.set_display_rotation(stream["rotation"])
        if "aspect" in stream:
            video.codec_context.sample_aspect_ratio = stream["aspect"]
        for number, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(bar_code(number), format="rgb24")
            frame.pts, frame.time_base = stamp, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def numbers(source, sampling=AT_5_FPS) -> list[int]:
    return [number_of(frame) for package in read_packages(source, sampling) for frame in package.frames]


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
    with pytest.warns(UserWarning, match="announces 14.00 s, but only 4.00 s") if suffix == "mkv" else does_not_warn():
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


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4")])
def test_long_clips_are_skipped_through_and_the_frames_stay_the_same(tmp_path, suffix, codec):
    clip = make_clip(tmp_path / f"long.{suffix}", range(750), codec=codec, gop=25, options={"bf": "2"}).read_bytes()
    sampling = VideoSampling(fps=1, max_packages=5, package_frames=1)
    assert numbers(clip, sampling) == planned(30, sampling, 25)
    with open_film(io.BytesIO(clip), "long", MAX_PIXELS, MAX_FRAMES) as film:
        assert number_of(film.at(28.02, film.size)) == 700
        assert film.num_decoded < 150, "of the 700 before it"


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory) -> bytes:
    """Half a minute of 750 frames with a key frame each second, its index at the front."""
    path, options = tmp_path_factory.mktemp("long") / "long.mp4", {"preset": "ultrafast", "bf": "2"}
    return make_clip(path, range(750), gop=25, options=options, mux={"movflags": "faststart"}).read_bytes()


def test_memory_does_not_grow_with_length(long_clip):
    frames, most = [], 0
    for package in read_packages(long_clip, VideoSampling(fps=7, package_frames=6)):
        frames += [weakref.ref(frame) for frame in package.frames]
        del package
        most = max(most, sum(frame() is not None for frame in frames))
    assert len(frames) == 210
    assert most == 1, "the last one, which may have to be shown again"


@pytest.mark.parametrize("factor", [3, 1000])
def test_announces_longer_than_it_is(tmp_path, factor):
    clip = bytearray(make_clip(tmp_path / "clip.mkv", range(100)).read_bytes())
    place = clip.index(b"\x44\x89\x88") + 3  # Duration, in milliseconds
    (duration,) = struct.unpack_from(">d", clip, place)
    struct.pack_into(">d", clip, place, factor * duration)
    with pytest.warns(UserWarning, match=rf"announces {4 * factor}.00 s, but only 4.00 s decode"):
        found = numbers(bytes(clip))
    assert len(found) == min(20 * factor, 540)
    honest = [number for number in planned(4 * factor, VideoSampling(fps=5), 25) if number < 100]
    assert found == honest + [99] * (len(found) - len(honest))


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4")])
def test_truncated(tmp_path, suffix, codec):
    path = make_clip(tmp_path / f"cut.{suffix}", range(100), codec=codec)
    whole = numbers(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    duration = probe(path).duration_s
    with pytest.warns(UserWarning, match=rf"announces {duration:.2f} s, but only \d\.\d\d s decode"):
        found = numbers(path)
    last = found.index(found[-1])
    assert 1 < last < len(found) - 1
    assert found[:last] == whole[:last]
    assert whole[last - 1] < found[last] <= whole[last]


def test_truncated_before_key_frames_of_its_index(long_clip):
    sampling = VideoSampling(fps=1, max_packages=5, package_frames=1)
    with pytest.warns(UserWarning, match=r"announces 30.00 s, but only \d+\.\d\d s decode"):
        found = numbers(long_clip[: len(long_clip) * 7 // 10], sampling)
    expected = planned(30, sampling, 25)
    whole = sum(number in expected for number in found)
    assert 1 < whole < 5
    assert found[:whole] == expected[:whole]
    assert len(set(found[whole:])) == 1
    assert expected[whole - 1] < found[-1] < expected[whole]


def test_damage_in_the_middle(long_clip):
    clip = bytearray(long_clip)
    with av.open(io.BytesIO(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets[30:35]:
        clip[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    sampling = VideoSampling(fps=5, package_frames=6)
    with pytest.warns(UserWarning, match=r"5 packets do not decode, 7\d\d frames do"):
        found = numbers(bytes(clip), sampling)
    expected = planned(30, sampling, 25)
    assert found[:5] == expected[:5]
    assert found[-100:] == expected[-100:]


class Pipe(io.RawIOBase):
    """A place to write that cannot go back to fill in a duration."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data) -> int:
        self.written += data
        return len(data)


def test_no_duration_announced(clip):
    live = Pipe()
    with av.open(str(clip)) as source, av.open(live, "w", format="matroska") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    live = bytes(live.written)
    with av.open(io.BytesIO(live)) as container:
        assert container.duration is None
        assert container.streams.video[0].duration is None
    assert probe(live).duration_s == pytest.approx(4)
    assert numbers(live) == numbers(clip)


def test_frames_are_shrunk_to_the_area_asked_for(clip):
    (frame,) = next(read_packages(clip, VideoSampling(), target_pixels=32 * 24)).frames
    assert frame.size == (32, 24)
    (frame,) = next(read_packages(clip, VideoSampling(), target_pixels=10**6)).frames
    assert frame.size == (WIDTH, HEIGHT)


def test_bounds(clip):
    with pytest.raises(ValueError, match="frames of 64 x 48 pixels, at most 3071 are read"):
        probe(clip, max_pixels=3071)
    with pytest.raises(ValueError, match=r"4\.0 s long, at most 3\.0 s are read"):
        next(read_packages(clip, VideoSampling(), max_seconds=3))
    with (
        clip.open("rb") as file,
        pytest.raises(ValueError, match="clip: 100 frames, at most 99 are read"),
        open_film(file, "clip", MAX_PIXELS, 99),
    ):
        pass


def test_more_frames_than_announced_are_bounded(tmp_path):
    clip = make_clip(tmp_path / "clip.mkv", range(100)).read_bytes()  # announces seconds, not frames
    with open_film(io.BytesIO(clip), "clip", MAX_PIXELS, 50) as film, pytest.raises(ValueError, match="at most 50"):
        [film.at(second, film.size) for second in range(4)]  # steps too short for skipping


def audio_only(form: str) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"These are words, not frames.\n" * 50, "not a video that can be read"),
        (b"GIF89a and no more than that", "not an animation that can be read"),
        (audio_only("mp4"), "has no video stream"),
    ],
)
def test_what_is_no_video(tmp_path, content, message):
    path = tmp_path / "no.mp4"
    path.write_bytes(content)
    for source in (path, content):
        with pytest.raises(ValueError, match=message) as caught:
            next(read_packages(source, VideoSampling()))
        assert "\n" not in str(caught.value)


def test_no_frame_decodes(tmp_path):
    clip = bytearray(make_clip(tmp_path / "clip.mp4", range(10)).read_bytes())
    with av.open(io.BytesIO(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets:
        clip[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    with pytest.raises(ValueError, match=r"none of its frames decodes, \d+ packets are damaged"):
        probe(bytes(clip))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.mp4 does not exist"):
        probe(tmp_path / "nowhere.mp4")
    with pytest.raises(ValueError, match="is a folder"):
        probe(tmp_path)


@pytest.mark.parametrize(
    "playlist",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {}\n"],
)
def test_playlists_open_no_other_files(tmp_path, clip, playlist):
    path = tmp_path / "list.mp4"
    path.write_text(playlist.format(clip))
    with pytest.raises(ValueError, match="not a video that can be read"):
        probe(path)


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
    assert (facts.width, facts.height, facts.num_frames_announced) == (WIDTH, HEIGHT, 4)
    assert facts.duration_s == pytest.approx(1.0)
    assert facts.fps == pytest.approx(4.0)
    (package,) = read_packages(clip, VideoSampling(fps=4, package_frames=4, force_package_frames=True))
    assert [number_of(frame) for frame in package.frames] == [1, 1, 2, 3]  # on screen at 1/8, 3/8, 5/8 and 7/8 s
    assert package.ticks == [0, 2, 5, 8]  # of 0, 1/4, 2/4 and 3/4 s
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


@pytest.mark.parametrize(
    ("name", "size", "duration_s", "num_frames"),
    [
        ("video_clips/yoga.mp4", (568, 320), 10, 50),
        ("video_clips/playing_guitar.mp4", (470, 320), 10, 50),
        ("video_clips/realshort.mp4", (320, 240), 1.199, 6),
        ("video_clips/newtonscradle.gif", (200, 150), 0.82, 4),
    ],
)
def test_real_clips(name, size, duration_s, num_frames):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    facts = probe(path)
    assert (facts.width, facts.height) == size
    assert facts.duration_s == pytest.approx(duration_s, abs=0.001)
    with does_not_warn():
        packages = list(read_packages(path, VideoSampling(fps=5), target_pixels=160 * 90))
    assert sum(len(package.frames) for package in packages) == num_frames
    assert all(frame.width * frame.height <= 160 * 90 for package in packages for frame in package.frames)
    first, last = (np.asarray(packages[at].frames[0], dtype=np.int16) for at in (0, -1))
    assert np.abs(first - last).mean() > 1, "something moves"


def test_official_demo():
    path = SHARED / "official_demo" / "badminton.mp4"
    if not path.exists():
        pytest.skip("the official demo is not here")
    facts = probe(path)
    assert (facts.width, facts.height, facts.num_frames_announced) == (720, 1280, 611)
    packages = list(islice(read_packages(path, VideoSampling.paper_maximum(), target_pixels=448 * 448), 2))
    assert [package.ticks for package in packages] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert {frame.size for package in packages for frame in package.frames} == {(336, 597)}
