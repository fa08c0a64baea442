"""A clip from vLLM -> packages of frames with their ticks, by the policy of `media.frame_sampling`.

A clip is a file that our loader has left undecoded, or frames that were sampled before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import PIL.Image
from torch import Tensor

from demiglace.batch import Visual
from demiglace.conversation import VideoSampling
from demiglace.fields import Real, short_repr
from demiglace.media.video import Package, read_packages
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import Layout

LOADER = "demiglace"  # name of `video_loader.ClosedFiles` in vLLM
LAUNCH = f'--media-io-kwargs \'{{"video": {{"video_backend": "{LOADER}", "num_frames": -1}}}}\''
FRAMES_OF_REQUEST = "jpeg_sequence"  # vLLM's name for pictures that a request has in place of a file
OPTIONS = tuple(field.name for field in fields(VideoSampling))

Frame = PIL.Image.Image | np.ndarray | Tensor


@dataclass(frozen=True)
class Clip:
    """frames: the bytes of a file, uint8 (bytes,), or RGB frames, each (height, width, 3) or a picture.
    metadata: from vLLM's loaders.
    """

    frames: np.ndarray | Sequence[Frame]
    metadata: Mapping[str, Any]


def sampling_of(options: Mapping[str, object]) -> VideoSampling:
    """From `mm_processor_kwargs`; ValueError if one is unknown or out of bounds."""
    if strange := [name for name in options if name not in OPTIONS]:
        raise ValueError(f"mm_processor_kwargs has {short_repr(strange[0])}, but there are {', '.join(OPTIONS)}")
    return VideoSampling(**options)  # type: ignore[arg-type]


def packages_of(clip: Clip, sampling: VideoSampling) -> Iterator[Package]:
    """Packages of a file as from `read_packages`; of given frames, each is used once, at the time in the metadata.

    Raises ValueError as `read_packages` does, and if frames have no times, uneven ones, or come from a loader of vLLM,
    which samples files by its own rule.
    """
    opened_by = clip.metadata.get("video_backend")
    if opened_by == LOADER:
        return read_packages(np.asarray(clip.frames).tobytes(), sampling)
    if opened_by not in (None, FRAMES_OF_REQUEST):
        raise ValueError(f"the clip's frames were chosen by vLLM's loader {opened_by}: start it with {LAUNCH}")
    return read_packages(list(map(_picture, clip.frames)), replace(sampling, fps=_frames_per_second(clip)))


def _frames_per_second(clip: Clip) -> float:
    """The rate of the given frames, of which there may be fewer than the clip had."""
    fps, numbers = clip.metadata.get("fps"), clip.metadata.get("frames_indices")
    if fps is None:
        raise ValueError(
            "the clip's frames have no times: its metadata needs fps, and frames_indices where it is thinned"
        )
    fps = Real(0, 1e6, above=True).check("fps of a clip's metadata", fps)
    numbers = list(range(len(clip.frames)) if numbers is None else map(int, numbers))
    if len(numbers) != len(clip.frames):
        raise ValueError(f"the clip has {len(clip.frames)} frames, but {len(numbers)} frames_indices")
    step = numbers[1] if len(numbers) > 1 else 1
    if numbers != [place * step for place in range(len(numbers))] or step < 1:
        raise ValueError(f"frames_indices must be 0 and further steps of one length, got {short_repr(numbers)}")
    return fps / step


def _picture(frame: Frame) -> PIL.Image.Image:
    return frame if isinstance(frame, PIL.Image.Image) else PIL.Image.fromarray(np.asarray(frame))


def lay_out(clip: Clip, sampling: VideoSampling, config: ProcessorConfig, room: int) -> Visual:
    """The clip's frames as patches, in packages, with ticks. TooLong if they take more than `room` tokens."""
    layout = Layout(config.slicing, config.num_queries, config.use_image_id, room)
    layout.video(packages_of(clip, sampling))
    visual = layout.visual()
    assert visual is not None
    return visual
