"""Real clips by how their camera moves, and clips made of a photo, in each of which one thing alone changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image

from demiglace.conversation import VideoSampling
from demiglace.media.video import Package, read_packages

DATA = Path(__file__).parents[3] / "shared" / "data"
FIXED = ("video_clips/newtonscradle.gif", "video_clips/playing_guitar.mp4", "video_clips/yoga.mp4")
MOVING = ("video_clips/realshort.mp4", "official_demo/badminton.mp4")
SAMPLING = VideoSampling(fps=10.0, package_frames=6, force_package_frames=True)
NUM_FRAMES, SIZE = 6, (640, 480)
Frame = np.ndarray  # float32 (height, width, 3), levels of 0 to 255


def packages(data: Path, clip: str, most: int) -> list[Package]:
    """The first packages of a real clip."""
    found: list[Package] = []
    for package in read_packages(str(data / clip), SAMPLING):
        found.append(package)
        if len(found) == most:
            break
    return found


def made(photo: Path, change: str) -> list[PIL.Image.Image]:
    """Six frames that change as `CHANGES` has it."""
    still = np.asarray(PIL.Image.open(photo).convert("RGB").resize((2 * SIZE[0], 2 * SIZE[1])), np.float32)
    return [PIL.Image.fromarray(np.clip(frame, 0, 255).round().astype(np.uint8)) for frame in CHANGES[change](still)]


def _view(still: Frame, left: float) -> Frame:
    """A part of the photo of half its sides, `left` pixels from the middle of it."""
    x, y = SIZE[0] // 2 + left, SIZE[1] // 2
    picture = PIL.Image.fromarray(still.astype(np.uint8))
    box = (x, y, x + SIZE[0], y + SIZE[1])
    return np.asarray(picture.resize(SIZE, PIL.Image.Resampling.BICUBIC, box=box), np.float32)


def _noise(deviation: float) -> Callable[[Frame], Iterator[Frame]]:
    """Of a sensor: normal, of each pixel and channel."""
    rng = np.random.default_rng(0)
    return lambda still: (
        _view(still, 0) + rng.normal(0, deviation, (SIZE[1], SIZE[0], 3)).astype(np.float32) for _ in range(NUM_FRAMES)
    )


def _pan(pixels: float) -> Callable[[Frame], Iterator[Frame]]:
    """The camera turns by so many pixels from frame to frame."""
    return lambda still: (_view(still, pixels * number) for number in range(NUM_FRAMES))


def _fade(levels: float) -> Callable[[Frame], Iterator[Frame]]:
    """All becomes brighter by so many levels from frame to frame."""
    return lambda still: (_view(still, 0) * 0.7 + levels * number for number in range(NUM_FRAMES))


def _flicker(levels: float) -> Callable[[Frame], Iterator[Frame]]:
    """Every other frame is brighter: of lamps, or of key frames."""
    return lambda still: (_view(still, 0) * 0.7 + levels * (number % 2) for number in range(NUM_FRAMES))


def _dot(side: int) -> Callable[[Frame], Iterator[Frame]]:
    """A white dot of so many pixels along a side wanders over what is still: should be kept in each frame."""

    def frames(still: Frame) -> Iterator[Frame]:
        for number in range(NUM_FRAMES):
            frame = _view(still, 0) * 0.5
            frame[200 : 200 + side, 100 + 60 * number : 100 + 60 * number + side] = 255
            yield frame

    return frames


CHANGES: dict[str, Callable[[Frame], Iterator[Frame]]] = {
    "nothing": _noise(0),
    **{f"sensor noise of {deviation:g} levels": _noise(deviation) for deviation in (2, 4, 8, 16)},
    **{f"camera turns {pixels:g} pixels a frame": _pan(pixels) for pixels in (0.25, 1, 4)},
    **{f"fades by {levels:g} levels a frame": _fade(levels) for levels in (1, 2, 4, 8)},
    **{f"flickers by {levels:g} levels": _flicker(levels) for levels in (2, 4, 8)},
    **{f"a dot of {side} x {side} pixels wanders": _dot(side) for side in (2, 4, 8, 16)},
}
