"""Clips come to vLLM as they come to our model; vLLM itself need not be there."""

import numpy as np
import pytest
import torch
from clips import make_clip
from patterns import pattern

from demiglace.conversation import VideoSampling
from demiglace.integrations.vllm.clips import LOADER, Clip, lay_out, packages_of, sampling_of
from demiglace.media.video import read_packages
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import Layout, TooLong
from demiglace.processing.slicing import SlicingConfig

CONFIG = ProcessorConfig(SlicingConfig(scale_resolution=56, max_slices=4), num_queries=3)
SIXES = VideoSampling(fps=10.0, package_frames=6, force_package_frames=True)
FRAMES = [pattern(60 + number, 50).resize((60, 50)) for number in range(7)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", range(60))


def closed(path) -> Clip:
    return Clip(np.frombuffer(path.read_bytes(), np.uint8), {"video_backend": LOADER})


def test_a_file_is_laid_out_as_ours_is(path) -> None:
    layout = Layout(CONFIG.slicing, CONFIG.num_queries, CONFIG.use_image_id)
    layout.video(read_packages(path, SIXES))
    expected, found = layout.visual(), lay_out(closed(path), SIXES, CONFIG, room=99)
    assert expected is not None
    assert found.package_sizes.tolist() == [6, 6, 6, 6]
    for name in ("patches", "grids", "package_sizes", "ticks"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name


def test_a_clip_that_takes_more_than_the_context_is_refused(path) -> None:
    lay_out(closed(path), SIXES, CONFIG, room=12)
    with pytest.raises(TooLong, match="at least 12 tokens, 12 of them visual, but there is room for 11"):
        lay_out(closed(path), SIXES, CONFIG, room=11)


@pytest.mark.parametrize(
    ("metadata", "ticks"),
    [
        ({"fps": 1.0}, [0, 10, 20, 30, 40, 50, 60]),
        ({"fps": 30.0, "frames_indices": [15 * number for number in range(7)]}, [0, 5, 10, 15, 20, 25, 30]),
        ({"fps": 2, "frames_indices": np.arange(7), "video_backend": "jpeg_sequence"}, [0, 5, 10, 15, 20, 25, 30]),
    ],
)
def test_frames_are_taken_each_once_at_their_times(metadata, ticks) -> None:
    packages = list(packages_of(Clip(FRAMES, metadata), SIXES))
    assert [tick for package in packages for tick in package.ticks] == ticks
    assert [len(package.frames) for package in packages] == [6, 1]
    assert [frame.tobytes() for package in packages for frame in package.frames] == [f.tobytes() for f in FRAMES]


def test_frames_may_be_arrays_or_tensors() -> None:
    stacked = np.stack(FRAMES)
    for frames in (stacked, torch.from_numpy(stacked)):
        (package, _) = packages_of(Clip(frames, {"fps": 1.0}), SIXES)
        assert package.frames[5].tobytes() == FRAMES[5].tobytes()


def test_a_single_frame_is_a_clip() -> None:
    (package,) = packages_of(Clip(FRAMES[:1], {"fps": 30.0, "frames_indices": [0]}), SIXES)
    assert package.ticks == [0]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "no times: its metadata needs fps"),
        ({"fps": 0}, r"fps of a clip's metadata must be a number in \(0, "),
        ({"fps": 30.0, "frames_indices": [0, 5]}, "7 frames, but 2 frames_indices"),
        ({"fps": 30.0, "frames_indices": [0, 5, 11, 16, 22, 27, 33]}, "further steps of one length, got"),
        ({"fps": 30.0, "frames_indices": [5, 10, 15, 20, 25, 30, 35]}, "must be 0 and further steps"),
        ({"fps": 30.0, "frames_indices": [0] * 7}, "must be 0 and further steps"),
        ({"fps": 30.0, "video_backend": "opencv"}, 'loader opencv: start it with --media-io-kwargs .*"demiglace"'),
    ],
)
def test_frames_without_even_times_are_refused(metadata, message) -> None:
    with pytest.raises(ValueError, match=message):
        list(packages_of(Clip(FRAMES, metadata), SIXES))


@pytest.mark.parametrize("size", [0, 7])
def test_packages_have_1_to_6_frames(size) -> None:
    with pytest.raises(ValueError, match=f"package_frames must be a whole number from 1 to 6, got {size}"):
        sampling_of({"package_frames": size})


def test_options_are_those_of_the_sampling() -> None:
    assert sampling_of({}) == VideoSampling()
    assert sampling_of({"fps": 10.0, "package_frames": 6, "force_package_frames": True}) == SIXES
    with pytest.raises(ValueError, match="mm_processor_kwargs has 'max_slice_nums', but there are fps, max_packages"):
        sampling_of({"max_slice_nums": 4})
