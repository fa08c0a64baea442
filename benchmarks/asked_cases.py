"""Requests of every route: text, pictures, documents, clips, forms, thoughts, draws with a seed, and refused ones."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sample_files import SampleFile, sample_files

CHAT = "/v1/chat/completions"
READ = "Read the text."
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 12}, "pages": {"type": "integer"}},
    "required": ["title", "pages"],
    "additionalProperties": False,
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """can_stream: whether its stream is of chunks with choices."""

    name: str
    path: str
    body: Json
    can_stream: bool = True


def data_url(file: SampleFile) -> str:
    return f"data:{file.media_type};base64,{base64.b64encode(file.content).decode()}"


def part_of(file: SampleFile, **numbers: Any) -> Json:
    """The part of a message that shows a file."""
    if file.part == "file":
        return {"type": "file", "file": {"filename": file.name, "file_data": data_url(file)}, **numbers}
    return {"type": file.part, file.part: {"url": data_url(file)}, **numbers}


def asked(parts: Sequence[Json], question: str = READ) -> list[Json]:
    return [{"role": "user", "content": [*parts, {"type": "text", "text": question}]}]


def cases() -> list[Case]:
    """Each is answered the same way whenever it is asked."""
    files = {file.name: file for file in sample_files()}
    return [*_files(files), *_forms(files), *_other_routes(files), *_refused(files)]


def _chat(name: str, messages: list[Json], **more: Any) -> Case:
    return Case(name, CHAT, {"messages": messages, "temperature": 0, "max_tokens": 24, **more})


def _files(files: dict[str, SampleFile]) -> list[Case]:
    shown = {name: asked([part_of(file)]) for name, file in files.items()}
    single = [_chat(name, messages) for name, messages in shown.items()]
    frames = ",".join(base64.b64encode(files["plain.jpeg"].content).decode() for _ in range(5))
    listed = {"type": "video_url", "video_url": {"url": f"data:video/jpeg;base64,{frames}"}, "fps": 5}
    packages = part_of(files["clip.mp4"], fps=10, package_frames=6)
    return [
        *single,
        _chat("two pictures", asked([part_of(files["plain.png"]), part_of(files["lossy.webp"])])),
        _chat("slices", asked([part_of(files["plain.png"])]), max_slices=4),
        _chat("one page", asked([part_of(files["scans.pdf"])]), pages="2"),
        _chat("packages", asked([packages])),
        _chat("frames", asked([listed])),
        _chat("text", [{"role": "user", "content": "Hello"}]),
        _chat("a later turn", [*shown["plain.png"], {"role": "assistant", "content": "no"}, *shown["plain.bmp"]]),
    ]


def _forms(files: dict[str, SampleFile]) -> list[Case]:
    messages = asked([part_of(files["plain.png"])])
    schema = {"type": "json_schema", "json_schema": {"name": "page", "schema": SCHEMA}}
    return [
        _chat("schema", messages, response_format=schema, max_tokens=60),
        _chat("choice", messages, guided_choice=["yes", "no"]),
        _chat("pattern", messages, guided_regex="[0-9]{4}-[a-z]{3}"),
        _chat("drawn", messages, temperature=1.0, seed=5),
        _chat("drawn three times", messages, temperature=1.0, seed=6, n=3),
        _chat("thoughts", messages, chat_template_kwargs={"enable_thinking": True}, thinking_token_budget=12),
        _chat("stopped", messages, stop=["e", "n"]),
        _chat("log-probabilities", messages, logprobs=True, top_logprobs=3),
        _chat("long", messages, guided_regex="[a-z ]{120}", max_tokens=150),
    ]


def _other_routes(files: dict[str, SampleFile]) -> list[Case]:
    message = {"role": "user", "content": [{"type": "input_text", "text": READ}]}
    message["content"].append({"type": "input_image", "image_url": data_url(files["plain.png"])})
    response = {"input": [message], "temperature": 0, "max_output_tokens": 24}
    preview = {"messages": asked([part_of(files["scans.pdf"]), part_of(files["clip.mp4"])]), "pictures": True}
    return [
        Case("completion", "/v1/completions", {"prompt": "Once upon", "temperature": 0, "max_tokens": 16}),
        Case("response", "/v1/responses", response, can_stream=False),
        Case("preview", "/v1/preview", preview, can_stream=False),
        Case("tokens", "/tokenize", {"prompt": "Once upon a time"}, can_stream=False),
    ]


def _refused(files: dict[str, SampleFile]) -> list[Case]:
    broken = SampleFile("cut.png", "image_url", "image/png", files["plain.png"].content[:200])
    return [
        _chat("a cut picture", asked([part_of(broken)])),
        _chat("an unknown field", asked([]), temprature=1),
        _chat("pages of a picture", asked([part_of(files["plain.png"])]), pages="1"),
        _chat("a page too many", asked([part_of(files["text.pdf"])]), pages="7"),
    ]
