"""Frames as players show them: upright and unmirrored, and high dynamic range as a usual screen shows it."""

import av
import numpy as np
import PIL.Image
import pytest
from clips import HEIGHT, WIDTH, bar_code, make_clip, probe

from demiglace.conversation import VideoSampling
from demiglace.media.video import read_packages

ONE = 1 << 16
TRANSPOSES = PIL.Image.Transpose


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("a", "b", "c", "d", "turn"),
    [
        (1, 0, 0, 1, None),
        (-1, 0, 0, -1, TRANSPOSES.ROTATE_180),
        (0, -1, 1, 0, TRANSPOSES.ROTATE_90),
        (0, 1, -1, 0, TRANSPOSES.ROTATE_270),
        (-1, 0, 0, 1, TRANSPOSES.FLIP_LEFT_RIGHT),
        (1, 0, 0, -1, TRANSPOSES.FLIP_TOP_BOTTOM),
        (0, 1, 1, 0, TRANSPOSES.TRANSPOSE),
        (0, -1, -1, 0, TRANSPOSES.TRANSVERSE),
    ],
)
def test_all_eight_orientations(tmp_path, suffix, a, b, c, d, turn):
    matrix = [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30]
    path = make_clip(tmp_path / f"turned.{suffix}", range(5), matrix=matrix)
    facts, frame = probe(path), list(read_packages(path, VideoSampling(fps=25)))[-1].frames[-1]
    stored = PIL.Image.fromarray(bar_code(4))
    shown = stored if turn is None else stored.transpose(turn)
    assert frame.size == (facts.width, facts.height) == shown.size
    assert np.abs(np.asarray(frame, np.int16) - np.asarray(shown, np.int16)).mean() < 8
    assert facts.is_mirrored == (a * d < b * c)


UNTAGGED = {"x265-params": "colorprim=undef:transfer=undef:colormatrix=undef:log-level=none"}


def high_dynamic_range(path, transfer: int, level: float, codec_name: str = "ffv1", options=None) -> None:
    """Three frames of grey at `level` of the signal (0 to 1), in BT.2020 colours."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec_name, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p10le"
        codec = stream.codec_context
        codec.color_trc, codec.color_primaries, codec.colorspace, codec.color_range = transfer, 9, 9, 1
        for number in range(3):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p10le")
            for plane, value in zip(frame.planes, (round(64 + 876 * level), 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("transfer", "level", "white"),
    [(16, 0.5807, (253, 254, 253)), (18, 0.75, (254, 254, 254))],  # PQ at 203 nits (ITU-R BT.2408), HLG at 75 %
)
def test_white_of_high_dynamic_range_is_white(tmp_path, transfer, level, white):
    high_dynamic_range(tmp_path / "hdr.mkv", transfer, level)
    (package,) = read_packages(tmp_path / "hdr.mkv", VideoSampling(num_frames=1))
    found = np.asarray(package.frames[0])[HEIGHT // 2, WIDTH // 2]
    assert np.abs(found.astype(int) - white).max() <= 1, found


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_high_dynamic_range_that_only_the_container_tells(tmp_path, suffix):
    path = tmp_path / f"hdr.{suffix}"
    high_dynamic_range(path, 16, 0.5807, "libx265", UNTAGGED)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).color_primaries == 2, "the frames say nothing"
    (package,) = read_packages(path, VideoSampling(num_frames=1))
    assert package.frames[0].getpixel((WIDTH // 2, HEIGHT // 2)) == pytest.approx((253, 254, 253), abs=1)


def test_other_transfers_are_left_as_they_are(tmp_path):
    high_dynamic_range(tmp_path / "sdr.mkv", 1, 0.5)
    (package,) = read_packages(tmp_path / "sdr.mkv", VideoSampling(num_frames=1))
    assert package.frames[0].getpixel((WIDTH // 2, HEIGHT // 2)) == pytest.approx((127, 127, 127), abs=2)


@pytest.mark.parametrize(("codec", "pix_fmt"), [("qtrle", "argb"), ("prores_ks", "yuva444p10le"), ("png", "rgba")])
def test_transparency_is_laid_on_white(tmp_path, codec, pix_fmt):
    """Black on nothing, as titles and drawings are exported."""
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[: HEIGHT // 2, :, 3] = 255
    path = tmp_path / "title.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format=pix_fmt)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    shown = np.asarray(next(iter(read_packages(path, VideoSampling(fps=25)))).frames[0])
    assert shown[: HEIGHT // 2 - 8].max() < 20
    assert shown[HEIGHT // 2 + 8 :].min() > 235
