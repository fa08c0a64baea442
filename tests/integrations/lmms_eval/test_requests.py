"""What tasks of lmms-eval ask, as they write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from demiglace.conversation import Conversation, Image, Message, Text, Video, VideoSampling
from demiglace.engine.sampling import SamplingParams
from demiglace.integrations.lmms_eval.requests import conversation_of, sampling_of

SAMPLES = Path(__file__).parents[3] / "samples"


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def test_messages_become_a_conversation() -> None:
    picture, path = PIL.Image.new("RGB", (8, 8)), str(SAMPLES / "line.png")
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be short."}]},
        user({"type": "image", "url": picture}, {"type": "image", "url": path}, {"type": "text", "text": "What?"}),
    ]
    expected = Conversation(
        (Message("system", (Text("Be short."),)), Message("user", (Image(picture), Image(path), Text("What?")))), True
    )
    assert conversation_of(messages, True, None) == expected


@pytest.mark.parametrize(
    ("part", "sampling", "expected"),
    [
        ({}, None, None),
        ({"start_time": None}, None, None),
        ({}, VideoSampling(fps=2.0), VideoSampling(fps=2.0)),
        ({"start_time": 1.5, "end_time": 3.0}, None, VideoSampling(start=1.5, end=3.0)),
        ({"end_time": 3.0}, VideoSampling(fps=2.0), VideoSampling(fps=2.0, end=3.0)),
    ],
)
def test_a_video_is_looked_at_as_model_and_task_say(
    part: dict[str, float], sampling: VideoSampling | None, expected: VideoSampling | None
) -> None:
    messages = [user({"type": "video", "url": "clip.mp4", **part})]
    assert conversation_of(messages, False, sampling).messages[0].content == (Video("clip.mp4", expected),)


def test_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="parts are of type text, image or video, got 'audio'"):
        conversation_of([user({"type": "audio", "url": "sound.wav"})], False, None)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, SamplingParams.greedy(1024)),
        ({"max_new_tokens": 16, "until": ["\n\n"], "image_aspect_ratio": "original"}, SamplingParams.greedy(16)),
        ({"temperature": 0.0, "top_p": None, "do_sample": False, "num_beams": 1}, SamplingParams.greedy(1024)),
        ({"temperature": 0.7, "do_sample": False}, SamplingParams.greedy(1024)),
        ({"temperature": 0.7, "top_p": 0.9, "seed": 3}, SamplingParams(1024, 0.7, 0.9, 0, 1.0, 3)),
        ({"num_beams": 3, "n": 1}, SamplingParams(1024, 0.0, 1.0, 0, 1.0, num_beams=3)),
    ],
)
def test_numbers_of_a_task_are_those_of_an_answer(asked: dict[str, Any], expected: SamplingParams) -> None:
    assert sampling_of(asked) == expected


def test_one_answer_is_given_to_a_question() -> None:
    with pytest.raises(ValueError, match="one answer to a question, but n is 4"):
        sampling_of({"n": 4})
