"""Packages of frames: the planned frames of every container and format, within bounds; what is no video says so."""

import io
import struct
import weakref
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest
from clips import AT_5_FPS, HEIGHT, WIDTH, does_not_warn, make_clip, number_of, numbers, planned, probe
from real_data import DATA, needs_real_data

from demiglace.conversation import VideoSampling
from demiglace.media import video
from demiglace.media.frame_sampling import plan_frames
from demiglace.media.video import MAX_PIXELS, read_packages
from demiglace.media.video_decoder import open_video


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
    assert (facts.duration_s, facts.fps, facts.num_frames) == (4, 25, 100)


def test_a_trimmed_clip_has_the_frames_that_are_shown(clip):
    """As phones trim: all frames stay in the file, and an edit list says which are shown."""
    data = bytearray(clip.read_bytes())
    place = data.index(b"elst") + 12  # length in milliseconds, start in 1/12800 s
    length_ms, start = struct.unpack_from(">Ii", data, place)
    struct.pack_into(">Ii", data, place, length_ms // 2, start + 30 * 512)
    facts = probe(bytes(data))
    assert (facts.duration_s, facts.fps, facts.num_frames) == (2, 25, 50)
    assert numbers(bytes(data), VideoSampling(fps=25)) == list(range(30, 80))


def test_variable_frame_rate_goes_by_time(tmp_path):
    stamps = [0, 40, 80, 1000, 1040, 3000, 3900]  # milliseconds
    path = make_clip(tmp_path / "variable.mkv", stamps, time_base=Fraction(1, 1000), rate=25)
    packages = list(read_packages(path, AT_5_FPS))
    found = [number_of(package.frames[0]) for package in packages]
    ticks = [package.ticks[0] for package in packages]
    assert len(found) == 20  # 3.94 s
    assert set(found) == set(range(7))
    assert found == sorted(found)
    # What comes on screen has its own time; what stays has the middle of the fifth of a second in which it is seen.
    assert ticks[:7] == [0, 0, 1, 7, 9, 10, 10]
    assert [found[:7], found[-5:]] == [[0, 1, 2, 2, 2, 3, 4], [5, 5, 5, 5, 6]]


def test_a_length_is_not_rounded_as_matroska_rounds_times(tmp_path):
    path = make_clip(tmp_path / "sixty.mkv", range(60), time_base=Fraction(1, 60), rate=60)
    assert (probe(path).duration_s, probe(path).fps) == (1, 60)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4", "flv", "nut", "asf"])
def test_times_and_lengths_count_from_the_first_frame(tmp_path, suffix):
    path = make_clip(tmp_path / f"late.{suffix}", range(2500, 2600))
    with does_not_warn():
        assert probe(path).duration_s == pytest.approx(4)
        assert numbers(path) == planned(4, AT_5_FPS, 25)


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


def test_memory_does_not_grow_with_length(clip):
    frames, most = [], 0
    for package in read_packages(clip, VideoSampling(fps=25, max_packages=20, package_frames=5)):
        frames += [weakref.ref(frame) for frame in package.frames]
        del package
        most = max(most, sum(frame() is not None for frame in frames))
    assert len(frames) == 100
    assert most == 1, "the last one, which may have to be shown again"


def test_bounds(clip, monkeypatch):
    with monkeypatch.context() as bound:
        bound.setattr(video, "MAX_PIXELS", 3071)
        with pytest.raises(ValueError, match="frames of 64 x 48 pixels, at most 3071 are read"):
            probe(clip)
    with monkeypatch.context() as bound:
        bound.setattr(video, "MAX_SECONDS", 3.0)
        with pytest.raises(ValueError, match=r"4\.0 s long, at most 3\.0 s are read"):
            next(read_packages(clip, VideoSampling()))
    with (
        clip.open("rb") as file,
        pytest.raises(ValueError, match="clip: 100 frames, at most 99 are read"),
        open_video(file, "clip", MAX_PIXELS, 99),
    ):
        pass


def test_more_frames_than_announced_are_bounded(tmp_path):
    clip = make_clip(tmp_path / "clip.mkv", range(100)).read_bytes()  # announces seconds, not frames
    with (
        pytest.raises(ValueError, match="clip: over 50 frames, at most 50 are read"),
        open_video(io.BytesIO(clip), "clip", MAX_PIXELS, 50),
    ):
        pass


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


@needs_real_data
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
    path = DATA / name
    facts = probe(path)
    assert (facts.width, facts.height) == size
    assert facts.duration_s == pytest.approx(duration_s, abs=0.001)
    with does_not_warn():
        packages = list(read_packages(path, VideoSampling(fps=5)))
    assert sum(len(package.frames) for package in packages) == num_frames
    assert {frame.size for package in packages for frame in package.frames} == {size}
    first, last = (np.asarray(packages[at].frames[0], dtype=np.int16) for at in (0, -1))
    assert np.abs(first - last).mean() > 1, "something moves"


@needs_real_data
def test_official_demo():
    path = DATA / "official_demo" / "badminton.mp4"
    facts = probe(path)
    assert (facts.width, facts.height, facts.num_frames) == (720, 1280, 611)
    packages = list(islice(read_packages(path, VideoSampling.paper_maximum()), 2))
    assert [package.ticks for package in packages] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert {frame.size for package in packages for frame in package.frames} == {(720, 1280)}
