"""Requests as lmms-eval 0.7.3 and VLMEvalKit e8e78f0 send them, field by field."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from running_server import SAMPLES, data_url, running

from demiglace import Demiglace
from demiglace.engine.engine import EngineConfig
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def opened(assistant: Demiglace) -> Iterator[httpx.Client]:
    """A server that opens files of the samples to requests."""
    limits = Limits()
    service = Service.of("nano", assistant, limits, MediaSources(limits, media_root=SAMPLES), EngineConfig())
    with running(create_app(service)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def picture(kind: str = "png", **more: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": data_url("heading.png", f"image/{kind}"), **more}}


def test_lmms_eval_with_frames(opened: httpx.Client) -> None:
    content = [*(picture() for _ in range(10)), {"type": "text", "text": "What?"}]
    body = {
        "model": "nano",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 32,
        "temperature": 0,
        "top_p": 1.0,
        "seed": 0,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "n": 1,
    }
    told = opened.post(CHAT, json=body).json()
    assert isinstance(told["choices"][0]["message"]["content"], str)
    assert [one["type"] for one in told["usage"]["media"]] == ["image"] * 10
    assert told["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


def test_lmms_eval_with_the_file_itself(opened: httpx.Client) -> None:
    video = {"type": "video_url", "video_url": {"url": f"file://{SAMPLES / 'flash.mp4'}"}}
    body = {
        "model": "nano",
        "messages": [{"role": "user", "content": [video, {"type": "text", "text": "What?"}]}],
        "max_tokens": 32,
        "temperature": 0,
        "media_io_kwargs": {"video": {"num_frames": 64}},
        "chat_template_kwargs": {"enable_thinking": False},
    }
    usage = opened.post(CHAT, json=body).json()["usage"]
    assert (usage["media"][0]["frames"], usage["media"][0]["packages"]) == (56, 28)  # all there are, and they fit
    assert usage["notes"] == ["videos in packages of 2 frames, to fit into 4095 tokens"]


def test_vlmevalkit(opened: httpx.Client) -> None:
    content = [picture("jpeg", detail="low"), {"type": "text", "text": "What?"}]
    body = {
        "model": "nano",
        "messages": [{"role": "user", "content": content}],
        "temperature": 0,
        "max_tokens": 2048,
    }
    assert opened.post(CHAT, json=body).json()["choices"][0]["message"]["content"]
    video = {"type": "video_url", "video_url": {"url": data_url("flash.mp4", "video/mp4"), "fps": 1.0, "nframes": 2}}
    seen = opened.post(CHAT, json={**body, "messages": [{"role": "user", "content": [video]}]}).json()["usage"]["media"]
    assert [(one["type"], one["frames"]) for one in seen] == [("video", 2)]
