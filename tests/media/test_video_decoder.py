"""Films by time: skipped through, cut off, lying or damaged, each planned moment gets the frame on screen then."""

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from clips import HEIGHT, WIDTH, bar_code, does_not_warn, make_clip, number_of, numbers, planned, probe

from demiglace.conversation import VideoSampling
from demiglace.media.video import MAX_FRAMES, MAX_PIXELS
from demiglace.media.video_decoder import open_video


@pytest.fixture
def clip(tmp_path):
    """Four seconds, 100 frames."""
    return make_clip(tmp_path / "clip.mp4", range(100))


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory) -> bytes:
    """Half a minute of 750 frames with a key frame each second, its index at the front."""
    path, options = tmp_path_factory.mktemp("long") / "long.mp4", {"preset": "ultrafast", "bf": "2"}
    return make_clip(path, range(750), gop=25, options=options, mux={"movflags": "faststart"}).read_bytes()


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4")])
def test_long_clips_are_skipped_through_and_the_frames_stay_the_same(tmp_path, suffix, codec):
    clip = make_clip(tmp_path / f"long.{suffix}", range(500), codec=codec, gop=25, options={"bf": "2"}).read_bytes()
    sampling = VideoSampling(fps=1, max_packages=4, package_frames=1)
    assert numbers(clip, sampling) == planned(20, sampling, 25)
    with open_video(io.BytesIO(clip), "long", MAX_PIXELS, MAX_FRAMES) as decoder:
        assert number_of(decoder.at(18.02)) == 450
        assert decoder.num_decoded < 150, "of the 450 before it"


def test_frames_of_a_program_stream_are_not_shifted_where_they_lie_far_apart(tmp_path):
    options = {"bf": "2", "b": "2M"}
    clip = make_clip(tmp_path / "long.vob", range(500), codec="mpeg2video", gop=15, options=options)
    for sampling in (VideoSampling(fps=0.3), VideoSampling(fps=0.2, start=4)):
        assert numbers(clip, sampling) == planned(20, sampling, 25)


@pytest.mark.parametrize("factor", [3, 1000])
def test_announces_longer_than_it_is(tmp_path, factor):
    clip = bytearray(make_clip(tmp_path / "clip.mkv", range(100)).read_bytes().replace(b"DURATION", b"NO_TRACK"))
    place = clip.index(b"\x44\x89\x88") + 3  # Duration, in milliseconds
    (duration,) = struct.unpack_from(">d", clip, place)
    struct.pack_into(">d", clip, place, factor * duration)
    with pytest.warns(UserWarning, match=rf"announces {4 * factor}.00 s, but only 4.00 s decode"):
        found = numbers(bytes(clip))
    assert len(found) == min(20 * factor, 540)
    assert found == [*planned(4, VideoSampling(fps=5), 25), *[99] * (len(found) - 20)]


def make_clip_with_sound(path, *, first_s: int, sound_s: int) -> None:
    """100 frames in four seconds from `first_s` on, and sound from 0 to `sound_s`."""
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("libx264", rate=25), container.add_stream("flac", rate=8000, layout="mono")
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(100):
            frame = av.VideoFrame.from_ndarray(bar_code(number), format="rgb24")
            frame.pts = 25 * first_s + number
            container.mux(video.encode(frame))
        for second in range(sound_s):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts = 8000, 8000 * second
            container.mux(sound.encode(silence))
        container.mux([*video.encode(), *sound.encode()])


@pytest.mark.parametrize("first_s", [0, 2])
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_sound_outlasts_the_picture(tmp_path, suffix, first_s):
    path = tmp_path / f"clip.{suffix}"
    make_clip_with_sound(path, first_s=first_s, sound_s=8)
    assert probe(path).duration_s == pytest.approx(4)
    with does_not_warn():
        assert numbers(path) == planned(4, VideoSampling(fps=5), 25)


@pytest.mark.parametrize("tag", ["soon", "00:00:00.000000000", "99:00:00.000000000"])
def test_length_of_a_track_that_cannot_be(tmp_path, tag):
    clip = make_clip(tmp_path / "clip.mkv", range(100)).read_bytes()
    changed = clip.replace(b"00:00:04.000000000", tag.encode().ljust(18, b"\0"))
    assert changed != clip
    assert probe(changed).duration_s == pytest.approx(4)


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4")])
def test_truncated(tmp_path, suffix, codec):
    path = make_clip(tmp_path / f"cut.{suffix}", range(100), codec=codec)
    whole = numbers(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    duration = probe(path).duration_s
    with pytest.warns(UserWarning, match=rf"announces {duration:.2f} s, but only \d\.\d\d s decode"):
        found = numbers(path)
    last = found[-1]
    before = [number for number in found if number <= last - 5]
    assert len(before) > 3
    assert before == whole[: len(before)]
    # The last fifth of a second that is there is seen too, and the last frame for as long as the file announces.
    assert found == sorted(found)
    assert found.count(last) > 5


def test_truncated_before_key_frames_of_its_index(long_clip):
    sampling = VideoSampling(fps=1, max_packages=5, package_frames=1)
    with pytest.warns(UserWarning, match=r"announces 30.00 s, but only \d+\.\d\d s decode"):
        found = numbers(long_clip[: len(long_clip) * 7 // 10], sampling)
    assert found == sorted(set(found)), "frames that are there, not the last of them again and again"
    assert (found[0] < 100, found[-1] > 430) == (True, True), found


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


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("webm", "libvpx"), ("ts", "libx264"), ("flv", "flv")]
)
def test_a_burst_in_a_screen_recording_is_looked_at(tmp_path, suffix, codec):
    stamps = [0, 10_000, *range(15_000, 16_100, 100), 16_500, 25_000]  # milliseconds
    path = make_clip(tmp_path / f"screen.{suffix}", stamps, time_base=Fraction(1, 1000), codec=codec, rate=10)
    found = numbers(path, VideoSampling(fps=10, package_frames=6))
    assert sorted(set(found)) == list(range(15))
    assert len(found) == pytest.approx(251, abs=1)
    assert found == sorted(found)


def test_a_burst_in_an_avi_that_leaves_frames_out(tmp_path):
    stamps = [0, 100, *range(150, 161), 165, 249]  # tenths of a second
    path = make_clip(
        tmp_path / "screen.avi", stamps, time_base=Fraction(1, 10), codec="libx264", rate=10, options={"bf": "0"}
    )
    with does_not_warn():
        found = numbers(path, VideoSampling(fps=10, package_frames=6))
    assert (len(found), set(found)) == (250, set(range(15)))
    assert [found.index(number) for number in range(2, 13)] == list(range(150, 161))


@pytest.mark.parametrize(("suffix", "codec"), [("ts", "libx264"), ("m2ts", "libx264"), ("mpg", "mpeg2video")])
def test_joined_recordings_are_one_clip(tmp_path, suffix, codec):
    """As `cat` joins them: the timestamps of the second begin anew."""
    options = {"bf": "2", "b": "2M"}
    clip = make_clip(tmp_path / f"clip.{suffix}", range(100), codec=codec, options=options).read_bytes()
    assert probe(2 * clip).duration_s == pytest.approx(8)
    with does_not_warn():
        assert numbers(2 * clip, VideoSampling(fps=25, max_packages=200)) == [*range(100), *range(100)]
        few = numbers(2 * clip, VideoSampling(fps=0.5))
    assert few == [number % 100 for number in planned(8, VideoSampling(fps=0.5), 25)]


@pytest.mark.parametrize(("suffix", "codec"), [("ts", "libx264"), ("mpg", "mpeg2video")])
@pytest.mark.parametrize(("start_s", "seconds"), [(4, 5), (40, 2)])
def test_a_large_gap_between_joined_recordings_is_left_out(tmp_path, suffix, codec, start_s, seconds):
    """As by the ffmpeg program. A small one may be a pause of the picture."""
    starts = 0, 25 * start_s
    parts = [make_clip(tmp_path / f"{at}.{suffix}", range(at, at + 25), codec=codec).read_bytes() for at in starts]
    joined = b"".join(parts)
    assert probe(joined).duration_s == pytest.approx(seconds, abs=0.6)
    found = numbers(joined, VideoSampling(fps=25, max_packages=200))
    assert set(found) == set(range(25))
    assert (found == [*range(25), *range(25)]) == (start_s == 40)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("h264", "libx264"), ("hevc", "libx265"), ("m2v", "mpeg2video"), ("m1v", "mpeg1video")]
)
@pytest.mark.parametrize("rate", [50, 24])
def test_a_stream_without_a_container_has_its_own_rate(tmp_path, suffix, codec, rate):
    options = {"x265-params": "log-level=error"} if codec == "libx265" else None
    path = make_clip(
        tmp_path / f"clip.{suffix}", range(48), time_base=Fraction(1, rate), codec=codec, rate=rate, options=options
    )
    facts = probe(path)
    assert (facts.duration_s, facts.fps, facts.num_frames) == (pytest.approx(48 / rate), rate, 48)
    assert numbers(path) == planned(48 / rate, VideoSampling(fps=5), rate)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_the_stream_that_is_marked_as_default_is_shown(tmp_path, clip, suffix):
    """And not one before it, such as another angle or a track that an editor has disabled."""
    first = make_clip(tmp_path / "first.mp4", [0])
    with (
        av.open(str(first)) as other,
        av.open(str(clip)) as shown,
        av.open(str(tmp_path / f"two.{suffix}"), "w") as target,
    ):
        streams = [target.add_stream_from_template(source.streams.video[0]) for source in (other, shown)]
        streams[0].disposition, streams[1].disposition = Disposition(0), Disposition.default
        for source, stream in zip((other, shown), streams, strict=True):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
    assert numbers(tmp_path / f"two.{suffix}") == planned(4, VideoSampling(fps=5), 25)


def test_a_title_in_another_encoding_is_no_fault(tmp_path):
    path = make_clip(tmp_path / "clip.mkv", range(100), title="in a cafe")
    path.write_bytes(path.read_bytes().replace(b"in a cafe", b"in a caf\xe9"))
    assert numbers(path) == planned(4, VideoSampling(fps=5), 25)


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
