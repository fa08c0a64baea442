"""Turns a decoded frame into the picture that players show: square pixels, upright, in standard dynamic range."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

import numpy as np
import PIL.Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av import VideoFrame, VideoStream
    from av.sidedata.sidedata import SideData

    from demiglace.media.video_stream import Colours, OpenStream

SQUARE_PIXEL_TOLERANCE = 0.01  # encoders correct rounded sizes with ratios such as 704/705: not worth resampling
HIGH_DYNAMIC_RANGE = (16, 18)  # transfer characteristics in the numbers of ITU-T H.273: PQ and HLG
BT709 = 1  # that of BT.709 (standard screens), which has the same number as its primaries
UNSAID = 2

# The transpose that turns a frame upright: by degrees counter-clockwise, and whether left and right are then swapped.
_Transpose = PIL.Image.Transpose
TURNS = {
    (0, False): None,
    (90, False): _Transpose.ROTATE_90,
    (180, False): _Transpose.ROTATE_180,
    (270, False): _Transpose.ROTATE_270,
    (0, True): _Transpose.FLIP_LEFT_RIGHT,
    (90, True): _Transpose.TRANSVERSE,
    (180, True): _Transpose.FLIP_TOP_BOTTOM,
    (270, True): _Transpose.TRANSPOSE,
}


class FramePictures:
    """RGB pictures of the frames of one stream.

    size: (width, height) as shown.
    rotation, is_mirrored: quarter turns in degrees counter-clockwise, then left and right swapped.
    """

    def __init__(self, first: VideoFrame, source: OpenStream) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()  # shared: its set-up takes longer than converting a small frame
        self._colours = source.colours
        self.rotation, self.is_mirrored = _orientation(first)
        self.size = self._turned(_square_pixels(first, source.stream))

    def picture(self, frame: VideoFrame) -> PIL.Image.Image:
        """The frame as shown; high dynamic range is mapped to standard range (BT.709)."""
        width, height = self._turned(self.size)
        _tell_range(frame, self._colours)
        # PyAV's documentation says that this only sets a tag, but from PyAV 18 on FFmpeg converts the pixels.
        target = BT709 if frame.color_trc in HIGH_DYNAMIC_RANGE else None
        is_transparent = any(component.is_alpha for component in frame.format.components)
        pixels = "rgba" if is_transparent else "rgb24"
        converted = self._reformatter.reformat(
            frame, width, height, pixels, interpolation="BICUBIC", dst_color_trc=target, dst_color_primaries=target
        )
        picture = _on_white(converted.to_ndarray()) if is_transparent else converted.to_image()
        turn = TURNS[self.rotation, self.is_mirrored]
        return picture if turn is None else picture.transpose(turn)

    def _turned(self, size: tuple[int, int]) -> tuple[int, int]:
        width, height = size
        return (height, width) if self.rotation % 180 else (width, height)


def _on_white(pixels: np.ndarray) -> PIL.Image.Image:
    """As transparent pictures are shown; pixels: uint8 (height, width, 4)."""
    picture = PIL.Image.fromarray(pixels)
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _tell_range(frame: VideoFrame, container: Colours) -> None:
    """Give a frame without colour tags those of its `container`, if these are of high dynamic range."""
    if frame.color_primaries == UNSAID and container.transfer in HIGH_DYNAMIC_RANGE:
        frame.color_trc, frame.color_primaries = container.transfer, container.primaries
        frame.colorspace = container.matrix


def _orientation(frame: VideoFrame) -> tuple[int, bool]:
    """Rotation and reflection from the display matrix; PyAV's `rotation` lacks the reflection.

    A point (x, y) is shown at (a x + c y, b x + d y), y downwards; the matrix is a b u, c d v, x y w.
    """
    matrix = cast("Mapping[str, SideData]", frame.side_data).get("DISPLAYMATRIX")
    if matrix is None:
        return 0, False
    a, b, _, c, d = struct.unpack_from("5i", matrix)
    is_mirrored = a * d < b * c
    if is_mirrored:  # undo the reflection, so that only a rotation is left
        a, c = -a, -c
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (0 if a + d >= 0 else 180), is_mirrored
    return (90 if c - b > 0 else 270), is_mirrored


def _square_pixels(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    aspect = float(stream.sample_aspect_ratio or 1)
    if abs(aspect - 1) <= SQUARE_PIXEL_TOLERANCE:
        return frame.width, frame.height
    return (round(frame.width * aspect), frame.height) if aspect > 1 else (frame.width, round(frame.height / aspect))
