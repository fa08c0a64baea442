"""Messages as OpenAI's clients, Qwen's examples and reasoning models write them."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")

from demiglace.conversation import Image, Text, Video, VideoSampling
from demiglace.integrations.transformers.media import picture_of
from demiglace.integrations.transformers.messages import conversation_of, prompt_of
from demiglace.media.pictures import open_picture
from demiglace.records.media_settings import video_sampling

PIXELS = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
PICTURE = PIL.Image.fromarray(PIXELS)


def png() -> bytes:
    file = io.BytesIO()
    PICTURE.save(file, "PNG")
    return file.getvalue()


BARE = base64.b64encode(png()).decode()
ADDRESS = f"data:image/png;base64,{BARE}"


def shown(*parts: dict[str, Any], sampling: VideoSampling | None = None) -> tuple[Any, ...]:
    return conversation_of([{"role": "user", "content": list(parts)}], False, sampling).messages[0].content


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": ADDRESS, "detail": "auto"}},
        {"type": "image_url", "image_url": ADDRESS},
        {"type": "image", "url": ADDRESS, "text": None},
        {"type": "image", "base64": BARE},
        {"type": "image", "base64": base64.encodebytes(png()).decode()},
        {"type": "image", "base64": ADDRESS},
        {"type": "image", "image": BARE},
        {"type": "image", "image": png()},
        {"type": "image", "image": PIXELS},
        {"type": "image", "image": PIXELS.astype(np.float32) / 255},
        {"type": "image", "image": PIXELS.astype(np.int64)},
        {"type": "image", "image": torch.from_numpy(PIXELS).permute(2, 0, 1)},
        {"type": "image", "image": torch.from_numpy(PIXELS).permute(2, 0, 1) / 255},
    ],
    ids=lambda part: "-".join([*map(str, part), type(list(part.values())[1]).__name__]),
)
def test_a_picture_in_every_form_is_the_same_picture(part: dict[str, Any]) -> None:
    (image,) = shown(part)
    assert isinstance(image, Image)
    assert np.array_equal(np.asarray(open_picture(image.source)), PIXELS)


def test_a_path_is_a_path_with_or_without_file_before_it(tmp_path: Path) -> None:
    file = tmp_path / "a name of more than sixty-four characters, one of them a blank, in all.png"
    PICTURE.save(file)
    for source in (str(file), file.as_uri(), file):
        assert np.array_equal(np.asarray(open_picture(picture_of(source))), PIXELS)


def test_grey_and_transparent_arrays_are_pictures() -> None:
    grey = PIXELS[..., 0]
    for values in (grey, grey[..., None], grey[None]):
        assert np.array_equal(np.asarray(picture_of(values)), grey)
    clear = np.dstack([PIXELS, np.zeros((5, 6), np.uint8)])
    assert np.asarray(open_picture(picture_of(clear))).min() == 255  # on white


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (np.full((4, 4, 3), 256), "int64 values must lie from 0 to 255, got 256 to 256"),
        (np.full((4, 4, 3), -0.5), "float64 values must lie from 0 to 1, got -0.5"),
        (PIXELS.astype(np.float32), "float32 values must lie from 0 to 1, got 0.0 to 89.0"),
        (np.full((4, 4, 3), np.nan), "from 0 to 1, got nan"),
        (np.zeros((5, 6, 7), np.uint8), r"1, 3 or 4 channels, got the shape \(5, 6, 7\)"),
        (np.zeros((0, 5, 3), np.uint8), r"rows, columns .* \(0, 5, 3\)"),
        (np.zeros((2, 5, 5, 3), np.uint8), r"rows, columns .* \(2, 5, 5, 3\)"),
        (np.array([["a"]]), "integers or floats"),
        ("data:image/png;base64,####", "base64 cannot be decoded"),
        ("data:image/png,abcd", "must hold base64, got 'data:image/png'"),
        ("file://elsewhere/a.png", "a file of another machine"),
        (3, "got int"),
    ],
)
def test_what_is_no_picture_is_refused(given: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        picture_of(given)


def test_frames_are_a_video_at_the_rate_that_stands_beside_them() -> None:
    frames = np.stack([PIXELS, PIXELS[::-1], PIXELS])
    for given in (frames, list(frames), [PIL.Image.fromarray(frame) for frame in frames]):
        (video,) = shown({"type": "video", "video": given, "fps": 2.0, "package_frames": None})
        assert isinstance(video, Video)
        assert video.sampling == VideoSampling(fps=2.0)
        assert [np.array_equal(np.asarray(frame), PIXELS) for frame in video.source] == [True, False, True]


def test_numbers_beside_a_video_come_before_those_for_all() -> None:
    part = {"type": "video", "video": "a.mp4", "fps": 10, "package_frames": 6}
    (video,) = shown(part, sampling=VideoSampling(num_frames=4))
    assert video.sampling == video_sampling({"fps": 10, "package_frames": 6})  # as in a record that is learned from
    part = {"type": "video", "video": "a.mp4", "nframes": 6, "video_start": 1, "video_end": 3.5}
    (video,) = shown(part, sampling=VideoSampling(fps=5, package_frames=2))
    assert video == Video("a.mp4", VideoSampling(fps=5, package_frames=2, start=1, end=3.5, num_frames=6))
    assert shown({"type": "video_url", "video_url": {"url": "a.mp4"}}) == (Video("a.mp4", None),)


def test_reasoning_beside_an_answer_is_reasoning_within_it() -> None:
    question = {"role": "user", "content": "Why?"}
    beside = {"role": "assistant", "content": "So.", "reasoning_content": "\nhm\n"}
    within = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nSo."}
    assert conversation_of([question, beside], None, None) == conversation_of([question, within], None, None)
    assert prompt_of([question, beside], None, False).endswith("<think>\nhm\n</think>\n\nSo.<|im_end|>\n")
    parts = {**beside, "content": [{"type": "text", "text": "So."}]}
    assert conversation_of([question, parts], None, None).messages[1].content == (Text(within["content"]),)
    for nothing in (None, ""):
        plain = conversation_of([question, {**beside, "reasoning_content": nothing}], None, None)
        assert plain.messages[1].content == (Text("So."),)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"role": "user", "content": "a", "reasoning_content": "b"}, "text of the assistant, got str of 'user'"),
        ({"role": "assistant", "content": "a", "reasoning_content": ["b"]}, "text of the assistant, got list"),
        ({"role": "assistant", "content": "a", "reasoning_content": "b</think>"}, "</think> stands in a message"),
        ({"role": "assistant", "content": "</think>a", "reasoning_content": "b"}, "</think> stands in a message"),
    ],
)
def test_reasoning_that_cannot_be_told_apart_is_refused(message: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        conversation_of([message], None, None)
