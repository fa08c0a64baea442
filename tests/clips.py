"""Clips whose frames carry their number as a bar code, so that a frame that comes out says which it is."""

import io
import warnings
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
import PIL.Image
import pytest

from demiglace.conversation import VideoSampling
from demiglace.media.frame_sampling import plan_frames
from demiglace.media.video import VideoFacts, plan_video, read_packages

WIDTH, HEIGHT, BITS = 64, 48, 16
AT_5_FPS = VideoSampling(fps=5)


def bar_code(number: int) -> np.ndarray:
    """16 bits as blocks of 8 x 24 pixels, in two rows of eight."""
    bits = np.array([number >> i & 1 for i in range(BITS)], np.uint8).reshape(2, 8)
    return np.repeat((40 + 170 * bits.repeat(24, 0).repeat(8, 1))[..., None], 3, axis=-1)


def number_of(picture: PIL.Image.Image) -> int:
    grey = np.asarray(picture.convert("L").resize((WIDTH, HEIGHT)))
    return sum(int(grey[12 + 24 * (i // 8), 4 + 8 * (i % 8)] > 125) << i for i in range(BITS))


def probe(source) -> VideoFacts:
    return plan_video(source)[0]


FAST = {"libvpx": {"deadline": "realtime", "cpu-used": "8"}}


def make_clip(path, stamps, *, time_base=Fraction(1, 25), codec="libx264", gop=10, options=None, mux=None, **stream):
    """A clip with frame i at `stamps[i]` of the time base; returns its path."""
    with av.open(str(path), "w", options=mux or {}) as container:
        if "title" in stream:
            container.metadata["title"] = stream.pop("title")
        video = container.add_stream(codec, rate=stream.pop("rate", 25), options=options or FAST.get(codec, {}))
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, stream.pop("pix_fmt", "yuv420p")
        video.codec_context.time_base, video.codec_context.gop_size = time_base, gop
        if "rotation" in stream:
            if not hasattr(video, "set_display_rotation"):
                pytest.skip("this PyAV writes no display matrix")
            video.set_display_rotation(stream["rotation"])
        if "matrix" in stream:
            video.set_display_matrix(stream["matrix"])
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


def planned(duration_s: float, sampling: VideoSampling, fps: float) -> list[int]:
    return [int(time * fps) for time in plan_frames(duration_s, sampling, fps).times]


@contextmanager
def does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def plain_clip(seconds: int) -> bytes:
    """A GIF of five frames a second, each of another colour."""
    first, *others = (PIL.Image.new("RGB", (30, 20), (number % 256, 0, 90)) for number in range(5 * seconds))
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=200)
    return file.getvalue()
