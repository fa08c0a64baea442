"""Conversations in the format of OpenAI's API, with embedded files, and parsing of its responses."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import PIL.Image

from demiglace.conversation import Conversation, Document, Image, Part, Text, Video
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.backends.backend import chosen_fields
from demiglace.evaluation.prediction import Reply
from demiglace.media.pictures import open_header, open_picture, read_bytes
from demiglace.media.video import read_packages
from demiglace.processing.chat_template import split_answer

_MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
_STOPPED_BY = {"stop": "end", "length": "length"}
_BROKEN_OFF = ("abort", "error")  # vLLM, SGLang and OpenRouter send what there was until the request failed
_OPENAI = {
    "max_new_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
}
_OPENAI |= {"presence_penalty": "presence_penalty", "frequency_penalty": "frequency_penalty"}
_SERVERS = {"top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repetition_penalty", "num_beams": "num_beams"}


def request_body(
    model: str, conversation: Conversation, sampling: SamplingParams, plain: bool = False, as_frames: bool = False
) -> dict[str, Any]:
    """plain: only fields of OpenAI's own API; ValueError if other options are set.

    as_frames: send videos as pictures of their frames. Sampling parameters are sent even if they have no effect,
    because a server takes missing ones from the checkpoint's settings.
    """
    messages = [
        {"role": message.role, "content": [one for part in message.content for one in _parts(part, as_frames)]}
        for message in conversation.messages
    ]
    chosen = chosen_fields(sampling, _OPENAI if plain else _OPENAI | _SERVERS, "this server")
    chosen |= {"max_new_tokens": sampling.max_new_tokens, "temperature": sampling.temperature}
    body: dict[str, Any] = {"model": model, "messages": messages}
    if not plain:
        body["chat_template_kwargs"] = {"enable_thinking": conversation.thinking is True}
        chosen |= {name: getattr(sampling, name) for name in ("top_p", "top_k", "min_p", "repetition_penalty")}
        chosen["top_k"] = chosen["top_k"] or -1  # vLLM's value for all tokens
    return body | {their: chosen[name] for name, their in (_OPENAI | _SERVERS).items() if name in chosen}


def reply_of(response: object, thinking: bool) -> Reply:
    """The reply in a response; ValueError if it has no answer, which then counts as failed.

    A server that does not separate reasoning sends it before `</think>`. If that tag is missing and the text was
    truncated, requested reasoning was truncated.
    """
    try:
        assert isinstance(response, Mapping)
        choice, usage = response["choices"][0], response.get("usage") or {}
        message, finished = choice["message"], str(choice.get("finish_reason") or "")
        content, reasoning = message.get("content"), message.get("reasoning") or message.get("reasoning_content") or ""
    except (AssertionError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"the server sent no answer but {str(response)[:200]!r}") from error
    if finished in _BROKEN_OFF:
        raise ValueError(
            f"the server broke the answer off: finish_reason {finished}, after {len(content or '')} characters"
        )
    if not isinstance(content, str) and not reasoning:
        raise ValueError(f"the server sent an answer without text, finished by {finished or 'nothing'}")
    is_cut_thought = True if thinking and finished == "length" else None
    thoughts, answer = (reasoning, content or "") if reasoning else split_answer(content or "", is_cut_thought)
    return Reply(
        raw=content or "",
        thoughts=thoughts,
        answer=answer,
        prompt_tokens=usage.get("prompt_tokens"),
        new_tokens=usage.get("completion_tokens"),
        stopped_by=_STOPPED_BY.get(finished, finished),
    )


def _parts(part: Part, as_frames: bool) -> Iterator[dict[str, Any]]:
    if isinstance(part, Text):
        yield {"type": "text", "text": part.text}
    elif isinstance(part, Image):
        yield image_part(part.source)
    elif isinstance(part, Document):
        raise ValueError("a document cannot be sent to a server; its pages can")
    elif as_frames or not isinstance(part.source, str | bytes | PathLike):
        for package in read_packages(part.source, part.sampling):
            yield from map(image_part, package.frames)
    else:
        yield video_part(part)


def image_part(source: Any) -> dict[str, Any]:
    """A file in a common format unchanged, anything else as PNG."""
    if not isinstance(source, PIL.Image.Image) and (kind := _MEDIA_TYPES.get(open_header(source).format or "")):
        return {"type": "image_url", "image_url": {"url": _address(kind, read_bytes(source))}}
    held = io.BytesIO()
    open_picture(source).save(held, format="PNG")
    return {"type": "image_url", "image_url": {"url": _address("image/png", held.getvalue())}}


def video_part(part: Video) -> dict[str, Any]:
    """A video file with its sampling options, under the names that our server accepts."""
    numbers: dict[str, Any] = {}
    if part.sampling is not None:
        settings = asdict(part.sampling)
        names = ("fps", "max_packages", "package_frames", "force_package_frames", "num_frames", "start", "end")
        numbers = {name: settings[name] for name in names if settings[name] is not None}
    assert isinstance(part.source, str | bytes | PathLike)
    data = part.source if isinstance(part.source, bytes) else Path(part.source).read_bytes()
    return {"type": "video_url", "video_url": {"url": _address("video/mp4", data), **numbers}}


def _address(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
