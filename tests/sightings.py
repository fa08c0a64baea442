"""Where colours are seen in frames, drawn or decoded: knows nothing of paths, spans and answers."""

import numpy as np

from demiglace.conversation import VideoSampling
from demiglace.media.frame_sampling import plan_frames
from demiglace.media.video import read_packages
from demiglace.synthesis.clips.clip import Clip, encode
from demiglace.synthesis.clips.clip_question import ClipQuestion
from demiglace.synthesis.palette import CLIP_COLOURS

FPS = 20  # of the files
MOST_LOOKS = VideoSampling(fps=10, package_frames=6, force_package_frames=True)


def sightings(frame: np.ndarray) -> dict[str, tuple[float, float]]:
    """Centre of the pixels of every colour that more than a few pixels have."""
    pixels = np.asarray(frame, np.int32)
    found = {}
    for name, colour in CLIP_COLOURS.items():
        rows, columns = np.nonzero(abs(pixels - colour).sum(-1) < 60)
        if len(rows) > 20:
            found[name] = (columns.mean() + 0.5, rows.mean() + 0.5)
    return found


def watch(clip: Clip, sampling: VideoSampling = MOST_LOOKS, container=None) -> list[tuple[float, np.ndarray]]:
    """Frames with the moments they are of: as drawn, or encoded and read back."""
    times = plan_frames(clip.seconds, sampling, FPS).times
    if container is None:
        frames = [clip.draw(time) for time in times]
    else:
        packages = read_packages(encode(clip, FPS, container), sampling)
        frames = [np.asarray(frame) for package in packages for frame in package.frames]
    return list(zip(times, frames, strict=True))


def seen(clip: Clip, container=None) -> list[dict[str, tuple[float, float]]]:
    return [sightings(frame) for _, frame in watch(clip, container=container)]


def colour_asked(asked: ClipQuestion) -> str:
    """Of the figure whose shape the question names."""
    return next(figure.colours[0][1] for figure in asked.clip.figures if figure.shape in asked.question.text)
