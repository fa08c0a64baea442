"""Chat messages as transformers writes them -> a `Conversation`, or a prompt with a tag for each file shown.

A message is {"role": ..., "content": text or parts}; a part is {"type": "text", "text": ...}, or of type "image" or
"video" with a local path, bytes or (images) a PIL image under that name, "path" or "url".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import PIL.Image

from demiglace.conversation import Conversation, Image, Message, Part, Text, Video, VideoSampling
from demiglace.processing.template import Turn, render
from demiglace.processing.tokenizer import Piece

Messages = Sequence[Mapping[str, Any]]

TAGS = {"image": "(<image>./</image>)", "video": "(<video>./</video>)"}  # released code
TURN_END = "<|im_end|>\n"


def conversation_of(messages: Messages, thinking: bool | None, sampling: VideoSampling) -> Conversation:
    """ValueError where a message is none, or shows what is no file."""
    return Conversation(
        tuple(
            Message(role, tuple(_part(kind, given, sampling) for kind, given in parts))
            for role, parts in map(_read, messages)
        ),
        thinking,
    )


def prompt_of(messages: Messages, thinking: bool | None, add_generation_prompt: bool) -> str:
    """The prompt as text, which does not tell what people wrote from structure; the files need not be there."""
    return render([_turn(*_read(message)) for message in messages], thinking, add_generation_prompt)


def source_of(kind: str, given: Any) -> Any:
    """`given` if it may be an image or a video; ValueError otherwise."""
    if isinstance(given, str | PathLike | bytes) or (kind == "image" and isinstance(given, PIL.Image.Image)):
        return given
    wanted = "a path, bytes or a PIL image" if kind == "image" else "a path or bytes"
    raise ValueError(f"{'an image' if kind == 'image' else 'a video'} must be {wanted}, got {type(given).__name__}")


def _read(message: Mapping[str, Any]) -> tuple[Any, list[tuple[str, Any]]]:
    given = {name: value for name, value in message.items() if value is not None}
    if given.keys() != {"role", "content"}:
        raise ValueError(f"a message needs role and content and nothing else, got {', '.join(given) or 'neither'}")
    return given["role"], list(_parts(given["content"]))


def _parts(content: str | Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Kind, and text or file (None where there is none) of each part."""
    if isinstance(content, str):
        yield "text", content
        return
    for part in content:
        kind = part.get("type")
        if kind not in ("text", *TAGS):
            raise ValueError(f"a part of a message must be of type text, image or video, got {kind!r}")
        yield kind, next((part[name] for name in (kind, "path", "url") if part.get(name) is not None), None)


def _part(kind: str, given: Any, sampling: VideoSampling) -> Part:
    if kind == "text":
        return Text(given)
    source = source_of(kind, given)
    return Image(source) if kind == "image" else Video(source, sampling)


def _turn(role: Any, parts: Sequence[tuple[str, Any]]) -> Turn:
    return Turn(role, (Piece("\n".join(given if kind == "text" else TAGS[kind] for kind, given in parts)),))
