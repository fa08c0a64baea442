"""A record of one of the common chat formats becomes a conversation.

The formats are told apart by their keys, and system prompts are kept in all of them:

- `messages` of {"role", "content"}, as in OpenAI's API; content is text or a list of typed parts.
- `conversations` of {"from", "value"}, LLaVA's.
- `conversations` of {"role", "content"}, MiniCPM-V's fine-tuning format (released code, `finetune/readme.md`).

Pictures and videos stand in the messages as parts, or beside them under "image", "images", "video" or "videos". Those
beside are put, in order, where the user's text has a mark (`<image>`, `<video>`, or the name given to it, such as
`<image_00>`) or a part without a reference; where there is no mark at all they come first. A reference is a path, a
`data:` address, bytes, or the {"bytes", "path"} of Hugging Face's data sets; nothing is fetched from the network.
"""

from __future__ import annotations

import base64
import json
import mimetypes
import re
import reprlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

from demiglace.conversation import Conversation, Image, Message, Part, Role, Text, Video
from demiglace.data.sources.source import BadRecord
from demiglace.processing.pictures import MAX_BYTES, kind_of
from demiglace.processing.template import split_answer

MAX_RECORD_BYTES = 2**26  # of JSON; room for several pictures as `data:` addresses

Find = Callable[[str], str | PathLike[str] | bytes]  # what a path in a record stands for; ValueError where nothing

Draft = list[Part | str]  # of a message; plain strings are the marks of what stands beside the messages

_ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
_MARK = re.compile(r"(<image>|<video>|<(?:image|video)_\d+>)")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def read_record(record: object, where: str, find: Find, attached: Sequence[Image | Video] = ()) -> Conversation:
    """The conversation in `record`; it ends with the assistant.

    `attached` is what comes with the record without being named in it; it is shown where the record names nothing.
    The last answer decides on `thinking`: True where it has reasoning before `</think>`, else False.
    Raises BadRecord, at `where`, on all that is not as the formats have it.
    """
    try:
        return _conversation(_fields(record, "a record"), find, attached)
    except ValueError as error:
        raise BadRecord(where, str(error)) from error


def parse_json(data: bytes) -> object:
    """Of at most `MAX_RECORD_BYTES`, which is for the caller to see to; ValueError where it is no JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from error


def _conversation(fields: Mapping[str, Any], find: Find, attached: Sequence[Image | Video]) -> Conversation:
    turns = [_turn(turn) for turn in _turns(fields)]
    beside = _beside(fields, find)
    # Elsewhere than in LLaVA's format, text about the mark `<image>` may be just that.
    has_marks = bool("conversations" in fields or beside or attached)
    drafts = [(role, list(_pieces(content, has_marks and role == "user", find))) for role, content in turns]
    if not beside and not any(isinstance(piece, Image | Video) for _, draft in drafts for piece in draft):
        beside = _by_mark(attached)
    messages = tuple(_filled(drafts, beside))
    return Conversation(messages, thinking=_check_messages(messages))


def _turns(fields: Mapping[str, Any]) -> list[Any]:
    found = [key for key in ("messages", "conversations") if fields.get(key) is not None]
    if len(found) != 1:
        raise ValueError(f"a record needs `messages` or `conversations`, got {', '.join(fields) or 'nothing'}")
    turns = fields[found[0]]
    if not isinstance(turns, list) or not turns:
        raise ValueError(f"`{found[0]}` must be a list of messages, got {_told(turns)}")
    system = fields.get("system")
    return [{"role": "system", "content": system}, *turns] if system else turns


def _turn(turn: object) -> tuple[Role, Any]:
    fields = _fields(turn, "a message")
    role_key, content_key = ("from", "value") if "from" in fields else ("role", "content")
    role = fields.get(role_key)
    if not isinstance(role, str) or role not in _ROLES:
        raise ValueError(f"`{role_key}` must be one of {', '.join(_ROLES)}, got {_told(role)}")
    return _ROLES[role], fields.get(content_key)


def _beside(fields: Mapping[str, Any], find: Find) -> dict[str, list[Part]]:
    """What stands beside the messages, by the mark that calls for it."""
    by_mark: dict[str, list[Part]] = {}
    for kind in ("image", "video"):
        for key in (kind, f"{kind}s"):
            value = fields.get(key)
            if isinstance(value, dict) and value and all(map(_MARK.fullmatch, value)):
                by_mark |= {mark: [_shown(kind, reference, find)] for mark, reference in value.items()}
            elif value is not None:
                references = value if isinstance(value, list) else [value]
                by_mark.setdefault(f"<{kind}>", []).extend(_shown(kind, item, find) for item in references)
    return {mark: parts for mark, parts in by_mark.items() if parts}


def _by_mark(parts: Sequence[Image | Video]) -> dict[str, list[Part]]:
    by_mark: dict[str, list[Part]] = {}
    for part in parts:
        by_mark.setdefault("<image>" if isinstance(part, Image) else "<video>", []).append(part)
    return by_mark


def _pieces(content: object, has_marks: bool, find: Find) -> Iterator[Part | str]:
    """A draft, piece by piece."""
    if isinstance(content, str) and not (has_marks and _MARK.search(content)):
        yield Text(content)
    elif isinstance(content, str):
        pieces = _MARK.split(content)  # every second one is a mark
        yield from (piece if index % 2 else Text(piece.strip()) for index, piece in enumerate(pieces) if piece.strip())
    elif isinstance(content, list):
        for item in content:
            yield from _typed_part(_fields(item, "a part of `content`"), has_marks, find)
    else:
        raise ValueError(f"the content of a message must be text or a list of parts, got {_told(content)}")


def _typed_part(fields: Mapping[str, Any], has_marks: bool, find: Find) -> Iterator[Part | str]:
    type_ = fields.get("type")
    if type_ == "text":
        if not isinstance(fields.get("text"), str):
            raise ValueError(f"a part of type text needs `text`, got {_told(fields.get('text'))}")
        yield from _pieces(fields["text"], has_marks, find)
        return
    if type_ not in ("image", "image_url", "video", "video_url"):
        raise ValueError(f"a part must be of type text, image, image_url, video or video_url, got {_told(type_)}")
    kind = type_.removesuffix("_url")
    reference = _first(fields, type_, kind, "path", "url")
    yield f"<{kind}>" if reference is None else _shown(kind, reference, find)


def _filled(drafts: Sequence[tuple[Role, Draft]], beside: dict[str, list[Part]]) -> Iterator[Message]:
    """Messages with the parts in `beside` at their marks, or before all that the user says where no mark is."""
    marks = Counter(piece for _, draft in drafts for piece in draft if isinstance(piece, str))
    if not marks:
        marks.update({mark: len(parts) for mark, parts in beside.items()})
        first = next((draft for role, draft in drafts if role == "user"), [])
        first[:0] = marks.elements()
    if list(beside) == ["<video>"] and "<video>" not in marks:  # LLaVA's videos stand at the mark of images
        beside = {"<image>": beside["<video>"]}
    for mark in sorted(marks.keys() | beside.keys()):
        if marks[mark] != len(beside.get(mark, [])):
            raise ValueError(f"{marks[mark]} marks {mark}, but {len(beside.get(mark, []))} files for them")
    waiting = {mark: iter(parts) for mark, parts in beside.items()}
    for role, draft in drafts:
        yield Message(role, tuple(next(waiting[piece]) if isinstance(piece, str) else piece for piece in draft))


def _shown(kind: str, reference: object, find: Find) -> Image | Video:
    """What a record calls an "image" or a "video"; ValueError for a video among images, which no frame is chosen of."""
    source = _source(reference, find)
    if kind == "video":
        return Video(source)
    if not isinstance(source, bytes) and _is_video(source):
        raise ValueError(f"{source} is a video, but stands among the images")
    return Image(source)


def _is_video(path: str | PathLike[str]) -> bool:
    """By its name first, so that the files of most records are opened once, when they are looked at."""
    type_, _ = mimetypes.guess_type(str(path))
    return type_ is not None and type_.startswith("video/") and kind_of(path) == "video"


def _source(reference: object, find: Find) -> str | PathLike[str] | bytes:
    """What a part holds, for the `reference` of a record."""
    if isinstance(reference, dict):
        reference = _first(reference, "bytes", "path", "url")
    if isinstance(reference, bytes):
        return reference
    if not isinstance(reference, str) or not reference:
        raise ValueError(f"a picture or video must be named by a path, got {_told(reference)}")
    if reference.startswith("data:"):
        return _data_of(reference)
    if _ADDRESS.match(reference):
        raise ValueError(f"{reference:.80} is an address; only local files are opened")
    return find(reference)


def _data_of(address: str) -> bytes:
    head, _, payload = address.partition(",")
    if not head.endswith(";base64"):
        raise ValueError(f"a data: address must be in base64, got {head:.80}")
    if len(payload) * 3 // 4 > MAX_BYTES:
        raise ValueError(f"a data: address of {len(payload) * 3 // 4} bytes, more than the {MAX_BYTES} taken")
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError as error:
        raise ValueError(f"a data: address whose base64 is broken: {error}") from error


def _check_messages(messages: Sequence[Message]) -> bool:
    """Whether the last answer has reasoning; ValueError where nothing could be learned from `messages`."""
    roles = [message.role for message in messages]
    if roles[-1] != "assistant" or "user" not in roles:
        raise ValueError(f"training needs a user turn and the assistant's last, got turns of: {', '.join(roles)}")
    if "system" in roles[1:]:
        raise ValueError(f"a system prompt must come first, got turns of: {', '.join(roles)}")
    reasoning = ""
    for message in messages:
        said = "\n".join(part.text for part in message.content if isinstance(part, Text))
        said.encode()  # half of a surrogate pair, which JSON can hold, is a ValueError
        if message.role != "user" and any(not isinstance(part, Text) for part in message.content):
            raise ValueError(f"only the user shows files, but a message of the {message.role} does")
        if message.role == "assistant":
            reasoning, answer = split_answer(said, thinking=None)
            if not answer:
                raise ValueError("an answer of the assistant is empty")
    return bool(reasoning)


def _first(fields: Mapping[str, Any], *keys: str) -> Any:
    """What stands under the first of `keys` that has anything; Parquet gives every key to every row."""
    return next((fields[key] for key in keys if fields.get(key) is not None), None)


def _fields(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object, got {_told(value)}")
    return value


def _told(value: object) -> str:
    return f"{type(value).__name__} {reprlib.repr(value)}"
