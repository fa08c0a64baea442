"""Videos are told by their first bytes, whatever they are called, and by their names where these say nothing."""

import av
import pytest
from clips import AT_5_FPS, does_not_warn, make_clip, numbers, planned, probe

from demiglace.media.pictures import kind_of
from demiglace.media.video_formats import SUFFIXES, starts_a_video

X265 = {"x265-params": "log-level=none"}


def has_encoder(codec: str) -> bool:
    return codec in av.codecs_available


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("m2ts", "libx264", {"mux": {"mpegts_m2ts_mode": "1"}}),
        ("mxf", "mpeg2video", {}),
        ("mxf", "libx264", {}),
        ("ivf", "libvpx", {}),
        ("nut", "libx264", {}),
        ("h264", "libx264", {}),
        ("hevc", "libx265", {"options": X265}),
        ("m1v", "mpeg1video", {}),
        ("m2v", "mpeg2video", {}),
        ("m4v", "mpeg4", {}),
        ("y4m", "wrapped_avframe", {}),
        ("obu", "libsvtav1", {"options": {"preset": "12"}}),
        ("mpg", "mpeg2video", {}),
        ("wmv", "wmv2", {}),
        ("asf", "libx264", {}),
        ("flv", "libx264", {}),
        ("mov", "prores_ks", {"pix_fmt": "yuv422p10le"}),
    ],
)
def test_videos_of_many_kinds_whatever_they_are_called(tmp_path, suffix, codec, options):
    if not has_encoder(codec):
        pytest.skip(f"this PyAV has no {codec}")
    made = make_clip(tmp_path / f"clip.{suffix}", range(100), codec=codec, **options)
    path = made.rename(tmp_path / "clip")
    assert kind_of(path) == "video"
    with does_not_warn():
        assert probe(path).duration_s == pytest.approx(4)
        assert numbers(path) == planned(4, AT_5_FPS, 25)


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x01\x00\x01\x00\x10\x10",  # ICO
        b"\x12\x00\x0a\x00\x00\x00",  # TGA with 18 bytes of a name
        b"\x00\x00\x02\x00",  # TGA
        b"\x00\x01\x00\x00",  # a font
        b"\x00\x00\x00\x01\x00\x00",
        b"\x00\x00\x00\x20ftypheic",
        b"GIF89a",
        b"Good morning",
        b"",
    ],
)
def test_what_starts_no_video(head):
    assert not starts_a_video(head + bytes(500))
    assert not starts_a_video(head)


@pytest.mark.parametrize("head", [b"\x1f\x07\x00\x3f", b"\x1f\x07\x00\xbf", (b"G" + bytes(203)) * 3])
def test_camera_and_broadcast_streams(head):
    assert starts_a_video(head + bytes(500))


def test_names_of_cameras(tmp_path):
    for suffix in sorted(SUFFIXES):
        (tmp_path / f"clip{suffix.upper()}").write_bytes(b"\xff" * 600)
        assert kind_of(tmp_path / f"clip{suffix.upper()}") == "video"
