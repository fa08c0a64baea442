"""vLLM's server with the plugin, started as docs/vllm.md says and asked as clients ask it."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import make_clip
from real_data import DATA
from vllm_questions import NUM_NEW, ROOT, SIXES, Asked, exported, launch, line_of_16_bits, needs_vllm, ours, server

from demiglace import Demiglace

COMMAND = "vllm serve path/to/checkpoint"
LINE, WHAT = {"picture": str(ROOT / "samples" / "line.png")}, {"text": "What is this?"}

pytestmark = [pytest.mark.slow, needs_vllm]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("vllm") / "exported")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    real = DATA / "video_clips" / "yoga.mp4"
    path = real if real.is_file() else make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", range(250))
    return {"clip": str(path)}


@pytest.fixture(scope="module")
def address(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "log"
    with server(checkpoint, log, [*launch("vllm.md", COMMAND), "--max-num-seqs", "2"]) as root:
        yield f"{root}/v1/chat/completions"


def part_of(part: dict[str, str]) -> dict[str, Any]:
    ((kind, given),) = part.items()
    if kind == "text":
        return {"type": "text", "text": given}
    name, media = ("image_url", "image/png") if kind == "picture" else ("video_url", "video/mp4")
    coded = base64.b64encode(Path(given).read_bytes()).decode()
    return {"type": name, name: {"url": f"data:{media};base64,{coded}"}}


def ask(address: str, checkpoint: Path, parts: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    """Token ids of the prompt and of the answer, or the status and the message of a refusal."""
    request = {
        "model": str(checkpoint),
        "messages": [{"role": "user", "content": list(map(part_of, parts))}],
        "temperature": 0,
        "max_tokens": NUM_NEW,
        "chat_template_kwargs": {"enable_thinking": False},
        "return_token_ids": True,
        **more,
    }
    sent = urllib.request.Request(address, json.dumps(request).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(sent, timeout=300) as came:
            told = json.load(came)
    except urllib.error.HTTPError as refusal:
        return {"status": refusal.code, "message": json.load(refusal)["error"]["message"]}
    return {"prompt": told["prompt_token_ids"], "answer": told["choices"][0]["token_ids"]}


def test_the_server_gives_the_same_answers(address: str, checkpoint: Path, clip: dict[str, str]) -> None:
    told = Demiglace.load(checkpoint, "cpu", "float32")
    for parts in ([clip, WHAT], [LINE, {"text": "and this"}, clip, WHAT]):
        assert ask(address, checkpoint, parts) == ours(told, Asked(parts, SIXES))


def test_a_file_of_16_bits_is_no_white_picture(address: str, checkpoint: Path, tmp_path: Path) -> None:
    told, parts = Demiglace.load(checkpoint, "cpu", "float32"), [{"picture": str(line_of_16_bits(tmp_path / "16.png"))}]
    assert ask(address, checkpoint, [*parts, WHAT]) == ours(told, Asked([*parts, WHAT]))


def test_options_of_a_trusted_request_come_first(address: str, checkpoint: Path, clip: dict[str, str]) -> None:
    told, options = Demiglace.load(checkpoint, "cpu", "float32"), {"fps": 2.0, "package_frames": 4}
    found = ask(address, checkpoint, [clip, WHAT], mm_processor_kwargs=options)
    assert found == ours(told, Asked([clip, WHAT], SIXES | options))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mm_processor_kwargs": {"package_frames": 9}}, "package_frames must be a whole number from 1 to 6, got 9"),
        ({"mm_processor_kwargs": {"frames": 9}}, "mm_processor_kwargs has 'frames', but there are fps"),
        ({"mm_processor_kwargs": {"package_frames": 1}}, "2048 of them visual, but there is room for 2047"),
        ({"media_io_kwargs": {"video": {"fps": 2}}}, "media_io_kwargs has fps 2: start vLLM with --media-io-kwargs"),
        ({"media_io_kwargs": {"video": {"num_frames": 8}}}, "media_io_kwargs has num_frames 8: start vLLM with"),
        ({"media_io_kwargs": {"video": {"video_backend": "opencv"}}}, "chosen by vLLM's loader opencv: start it with"),
    ],
)
def test_what_cannot_be_is_refused(
    address: str, checkpoint: Path, clip: dict[str, str], more: dict[str, Any], message: str
) -> None:
    refusal = ask(address, checkpoint, [clip, WHAT], **more)
    assert refusal["status"] == 400
    assert message in refusal["message"]
