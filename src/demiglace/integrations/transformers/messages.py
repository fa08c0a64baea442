"""Chat messages in the format of transformers, TRL and OpenAI's clients -> a `Conversation`, or a prompt with tags.

A message is {"role": ..., "content": text or parts}; the assistant's may also have "reasoning_content".
A part is {"type": "text", "text": ...}, or has one picture or video under one of the names in `NAMES`, in a form that
`media` takes. Any other field of a part or a message is an error, unless it is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from demiglace.conversation import Conversation, Image, Message, Part, Text, Video, VideoSampling
from demiglace.integrations.transformers.media import decoded, picture_of, video_of
from demiglace.processing.chat_template import END_THINK, THINK, Turn, render
from demiglace.processing.tokenizer import TextPiece
from demiglace.records.media_settings import read_settings, video_sampling

Messages = Sequence[Mapping[str, Any]]

TAGS = {"image": "(<image>./</image>)", "video": "(<video>./</video>)"}  # released code
TURN_END = "<|im_end|>\n"

# Type of a part -> the names under which its file may be given.
NAMES = {
    "image": ("image", "path", "url", "base64"),
    "video": ("video", "path", "url", "base64"),
    "image_url": ("image_url",),
    "video_url": ("video_url",),
}
# Numbers that a part may have for its video -> their names in records.
SETTINGS = {name: name for name in ("fps", "nframes", "video_start", "video_end", "package_frames", "max_packages")}
SETTINGS["num_frames"] = "nframes"


@dataclass(frozen=True)
class _Given:
    """A part: its kind ("text" or one of `TAGS`), its media (None if there are none), and numbers for its video."""

    kind: str
    shown: Any
    settings: Mapping[str, Any]


def conversation_of(messages: Messages, thinking: bool | None, sampling: VideoSampling | None) -> Conversation:
    """ValueError if a message is invalid, or its media cannot be a file."""
    return Conversation(
        tuple(
            Message(role, tuple(_part(given, sampling) for given in parts))
            for role, parts in map(_read, _list(messages, "a conversation"))
        ),
        thinking,
    )


def prompt_of(messages: Messages, thinking: bool | None, add_generation_prompt: bool) -> str:
    """The prompt as text, in which users' text and special tokens cannot be told apart; files need not exist."""
    turns = [_turn(*_read(message)) for message in _list(messages, "a conversation")]
    return render(turns, thinking, add_generation_prompt)


def _read(message: Mapping[str, Any]) -> tuple[Any, list[_Given]]:
    given = _fields(message, "a message")
    reasoning = given.pop("reasoning_content", None)
    if given.keys() != {"role", "content"}:
        raise ValueError(
            "a message needs role and content and nothing else, but reasoning_content where it is the assistant's, "
            f"got {', '.join(map(str, given)) or 'neither'}"
        )
    parts = [_given(part) for part in _parts(given["content"])]
    return given["role"], _reasoned(given["role"], reasoning, parts) if reasoning else parts


def _parts(content: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(content, str):
        yield {"type": "text", "text": content}
        return
    for part in _list(content, "the content of a message"):
        yield _fields(part, "a part of a message")


def _given(part: Mapping[str, Any]) -> _Given:
    rest = dict(part)
    type_ = rest.pop("type", None)
    if type_ == "text":
        if rest.keys() != {"text"} or not isinstance(rest["text"], str):
            raise ValueError(f"a part of type text needs its text and nothing else, got {_names_and_types(rest)}")
        return _Given("text", rest["text"], {})
    if type_ not in NAMES:
        raise ValueError(f"a part of a message must be of type text, {', '.join(NAMES)}, got {type_!r:.50}")
    kind = type_.removesuffix("_url")
    settings = {ours: rest.pop(name) for name, ours in SETTINGS.items() if kind == "video" and name in rest}
    if rest.keys() - set(NAMES[type_]) or len(rest) > 1:
        raise ValueError(f"a part of type {type_} holds one of {', '.join(NAMES[type_])}, got {_names_and_types(rest)}")
    return _Given(kind, _shown(rest), read_settings(settings))


def _shown(held: Mapping[str, Any]) -> Any:
    """The media under the one name that is given, in a form that `media` takes."""
    for name, value in held.items():
        if name == "base64":
            return decoded(value)
        if isinstance(value, Mapping):  # {"url": ...} of OpenAI's clients
            address = _fields(value, "an address")
            if address.keys() - {"url", "detail"} or "url" not in address or address.get("detail", "auto") != "auto":
                raise ValueError(f"an address needs its url and nothing else, got {_names_and_types(address)}")
            return address["url"]
        return value
    return None


def _reasoned(role: Any, reasoning: Any, parts: list[_Given]) -> list[_Given]:
    """The parts preceded by the reasoning, formatted as inside the answer itself."""
    if role != "assistant" or not isinstance(reasoning, str):
        raise ValueError(f"reasoning_content is text of the assistant, got {type(reasoning).__name__} of {role!r:.50}")
    if END_THINK in reasoning or any(part.kind == "text" and END_THINK in part.shown for part in parts):
        raise ValueError(f"{END_THINK} stands in a message that has reasoning_content")
    first, *rest = parts or [_Given("text", "", {})]
    if first.kind != "text":
        raise ValueError(f"reasoning_content is followed by an answer, not by a part of kind {first.kind}")
    return [replace(first, shown=f"{THINK}\n{reasoning.strip(chr(10))}\n{END_THINK}\n\n{first.shown}"), *rest]


def _part(given: _Given, sampling: VideoSampling | None) -> Part:
    if given.kind == "text":
        return Text(given.shown)
    if given.kind == "image":
        return Image(picture_of(given.shown))
    return Video(video_of(given.shown), video_sampling(given.settings, sampling))


def _turn(role: Any, parts: Sequence[_Given]) -> Turn:
    return Turn(role, (TextPiece("\n".join(part.shown if part.kind == "text" else TAGS[part.kind] for part in parts)),))


def _fields(given: Any, name: str) -> dict[str, Any]:
    """The fields that are not None."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{name} must be a mapping, got {type(given).__name__}")
    return {field: value for field, value in given.items() if value is not None}


def _list(given: Any, name: str) -> Sequence[Any]:
    if not isinstance(given, list | tuple):
        raise ValueError(f"{name} must be a list, got {type(given).__name__}")
    return given


def _names_and_types(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ({type(value).__name__})" for name, value in fields.items()) or "none"
