"""A record in one of the common chat formats becomes a conversation.

Formats are detected from their keys, and system prompts are kept in all of them:

- `messages` of {"role", "content"}, as in OpenAI's API; content is text or a list of typed parts.
- `conversations` of {"from", "value"}, LLaVA's.
- `conversations` of {"role", "content"}, MiniCPM-V's fine-tuning format (released code, `finetune/readme.md`).
- layouts without messages (`layouts`).

Pictures, videos and documents are parts of messages, or fields beside the text of a message (Ollama) or beside all
messages, under the keys in `media_keys`. Files in fields are put, in order, where the user's text has a mark
(`<image>`, `<video>`, `<document>`, or the file's own, such as `<image_00>`) or a part without a reference; without
marks they come first. A field that names media but is not read makes a bad record, and so does a mark without a file.
Constraints may also be given beside the messages (`records.constraints`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from demiglace.conversation import Conversation, Message, Part, Role, Text, VideoSampling
from demiglace.processing.chat_template import END_THINK, THINK, split_answer
from demiglace.records.bad_record import BadRecord
from demiglace.records.constraints import CONSTRAINT_KEYS, ConstrainedConversation, constraint_fields
from demiglace.records.layouts import with_messages
from demiglace.records.learned_answers import check_answer_is_learned, check_mode, check_record_is_learned
from demiglace.records.marks import (
    MARKS,
    MARKS_OF_DOCUMENTS,
    DraftParts,
    MarkError,
    check_foreign,
    check_places,
    check_plain,
    fill,
    split,
)
from demiglace.records.media import Find, RecordMedia, keys_beside, reference_in
from demiglace.records.media_keys import MEDIA_KEYS, MediaKind, is_empty
from demiglace.records.media_settings import SETTINGS, check_applicable, nearer, read_settings, typed_repr

TURNS = ("messages", "conversations")  # keys of a record's turns
MAX_RECORD_BYTES = 2**26  # of JSON; room for several pictures as `data:` addresses

Attached = tuple[MediaKind, bytes]

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
_REASONING = ("reasoning_content", "reasoning", "thinking")  # transformers and vLLM; OpenRouter; Ollama
_SYSTEM = ("system", "system_prompt")  # of a record; ms-swift has both
_TOOLS = ("tools", "functions")  # of a record: the prompt has no place for them
_TEXTS = ("text", "input_text", "output_text")
# Type of a part -> kind of its media; for a file the bytes decide.
_PARTS: dict[str, MediaKind | None] = {
    **{key: kind for key, kind in MEDIA_KEYS.items() if not key.endswith("s")},
    "input_image": "image",
    "input_video": "video",
    "file": None,
    "input_file": None,
}


def read_record(
    record: object,
    where: str,
    find: Find,
    attached: Sequence[Attached] = (),
    sampling: VideoSampling | None = None,
) -> Conversation:
    """The conversation in `record`; it ends with the assistant, or, if the record has constraints, with the user.

    `attached` are files that come with the record but are not named in it; they are shown if the record names none.
    `sampling` is for videos whose sampling the record does not set.
    The last answer sets `thinking`: True if it has reasoning before `</think>`, else False.
    Raises BadRecord, at `where`, on everything that does not follow the formats.
    """
    try:
        return _conversation(with_messages(_fields(record, "a record")), RecordMedia(find, sampling), attached)
    except ValueError as error:
        raise BadRecord(where, str(error)) from error


def parse_json(data: bytes) -> object:
    """Parses JSON; ValueError if it is invalid. The caller must limit `data` to `MAX_RECORD_BYTES`."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from error


def _conversation(fields: Mapping[str, Any], media: RecordMedia, attached: Sequence[Attached]) -> Conversation:
    if given := [key for key in _TOOLS if not is_empty(fields.get(key))]:
        raise ValueError(f"`{given[0]}` of a record is not shown to the model, got {typed_repr(fields[given[0]])}")
    check_record_is_learned(fields)
    key, turns = _turns(fields)
    media.seen.leave(
        fields, (*keys_beside(fields).values(), *SETTINGS, *CONSTRAINT_KEYS, "messages", "conversations", *_SYSTEM)
    )
    try:
        messages = _messages(fields, key, turns, media, attached)
    except MarkError:
        media.seen.check()  # the mark's file may be under a key that is not read
        raise
    media.seen.check()
    if not is_empty(fields.get("objects")):
        check_places(messages)
    constraints = constraint_fields(fields)
    thinking = _check_messages(messages, may_ask=bool(constraints))
    if messages[-1].role == "assistant":
        check_mode(fields, thinking)
    return ConstrainedConversation(messages, thinking, constraints) if constraints else Conversation(messages, thinking)


def _messages(
    fields: Mapping[str, Any], key: str, turns: Sequence[Any], media: RecordMedia, attached: Sequence[Attached]
) -> tuple[Message, ...]:
    settings = read_settings(fields)
    beside = media.beside(fields, settings)
    marks = _marks_of(fields, turns, attached)
    first = len(fields[key]) - len(turns)  # a system prompt beside the messages comes before number 0
    places = (_Place(f"{key}.{number}", settings, marks) for number in range(first, len(fields[key])))
    drafts = [_draft(turn, place, media) for turn, place in zip(turns, places, strict=True)]
    if not media.seen.shows_any:
        for kind, data in attached:
            beside.setdefault(f"<{kind}>", []).append(media.show(kind, data, settings))
    messages = tuple(Message(role, tuple(parts)) for role, parts in fill(drafts, beside))
    if not media.seen.shows_any and "pages" in settings:  # may be those of a book, or pictures of pages
        media.seen.leave({"pages": settings.pop("pages")}, ())
    check_applicable(settings, [part for message in messages for part in message.content], "the record")
    return messages


def _turns(fields: Mapping[str, Any]) -> tuple[str, list[Any]]:
    found = [key for key in TURNS if fields.get(key) is not None]
    if len(found) != 1:
        raise ValueError(f"a record needs `messages` or `conversations`, got {', '.join(fields) or 'nothing'}")
    turns = fields[found[0]]
    if not isinstance(turns, list) or not turns:
        raise ValueError(f"`{found[0]}` must be a list of messages, got {typed_repr(turns)}")
    return found[0], [*_system_turns(fields, turns[0]), *turns]


def _system_turns(fields: Mapping[str, Any], first: object) -> list[dict[str, Any]]:
    """The system prompts beside the messages as turns, each once; none if it is the `first` turn too."""
    known = [] if not isinstance(first, dict) else [first.get("value") or first.get("content")]
    turns = []
    for prompt in (fields[key] for key in _SYSTEM if not is_empty(fields.get(key))):
        if prompt not in known:
            known.append(prompt)
            turns.append({"role": "system", "content": prompt})
    return turns


def _marks_of(fields: Mapping[str, Any], turns: Sequence[Any], attached: Sequence[Attached]) -> re.Pattern[str] | None:
    """The marks for files in users' text; None if no file is beside the messages, so that marks are plain text."""
    held = [
        MEDIA_KEYS[key] for holder in (fields, *turns) if isinstance(holder, dict) for key in holder.keys() & MEDIA_KEYS
    ]
    held += [kind for kind, _ in attached]
    if "document" in held:
        return MARKS_OF_DOCUMENTS
    return MARKS if held or fields.get("conversations") is not None else None


@dataclass(frozen=True)
class _Place:
    """The place of a message in the record, the settings of its media, and the marks for files in it, if any."""

    name: str
    settings: Mapping[str, Any]
    marks: re.Pattern[str] | None


def _draft(turn: object, place: _Place, media: RecordMedia) -> tuple[Role, DraftParts]:
    fields = _fields(turn, "a message")
    role_key, content_key = ("from", "value") if "from" in fields else ("role", "content")
    role = fields.get(role_key)
    if not isinstance(role, str) or role not in ROLES:
        raise ValueError(f"`{role_key}` must be one of {', '.join(ROLES)}, got {typed_repr(role)}")
    if ROLES[role] == "assistant":
        check_answer_is_learned(fields)
    own = read_settings(fields)
    media.seen.leave(fields, (*keys_beside(fields).values(), *SETTINGS, role_key, content_key), place.name)
    place = replace(place, settings=nearer(place.settings, own))
    draft = [*_reasoning(fields, ROLES[role]), *_pieces(ROLES[role], fields.get(content_key), place, media)]
    if beside := media.beside(fields, place.settings):
        draft = list(fill([(ROLES[role], draft)], beside)[0][1])
    check_applicable(own, draft, "the message")
    return ROLES[role], draft


def _reasoning(fields: Mapping[str, Any], role: Role) -> Iterator[Text]:
    """Reasoning given in a field beside an answer, formatted as inside the answer itself."""
    for key in _REASONING:
        if is_empty(reasoning := fields.get(key)):
            continue
        if role != "assistant" or not isinstance(reasoning, str):
            raise ValueError(f"`{key}` must be text of the assistant, got {typed_repr(reasoning)} of the {role}")
        yield Text(f"{THINK}\n{reasoning.strip()}\n{END_THINK}\n\n")
        return


def _pieces(role: Role, content: object, place: _Place, media: RecordMedia) -> Iterator[Part | str]:
    """The pieces of a draft."""
    if isinstance(content, str):
        yield from _text(role, content, place)
    elif isinstance(content, list):
        for number, item in enumerate(content):
            fields = _fields(item, "a part of `content`")
            yield from _typed_part(role, fields, replace(place, name=f"{place.name}.content.{number}"), media)
    else:
        raise ValueError(f"the content of a message must be text or a list of parts, got {typed_repr(content)}")


def _text(role: Role, text: str, place: _Place) -> Iterator[Part | str]:
    if role != "user":
        yield Text(text)
        return
    check_foreign(text)
    if place.marks is None:
        check_plain(text)
        yield Text(text)
    else:
        yield from split(text, place.marks)


def _typed_part(role: Role, fields: Mapping[str, Any], place: _Place, media: RecordMedia) -> Iterator[Part | str]:
    type_ = fields.get("type") or next((key for key in (*_TEXTS, *_PARTS) if not is_empty(fields.get(key))), None)
    if type_ in _TEXTS:
        if not isinstance(fields.get("text"), str):
            raise ValueError(f"a part of type {type_} needs `text`, got {typed_repr(fields.get('text'))}")
        media.seen.leave(fields, ("type", "text"), place.name)
        yield from _text(role, fields["text"], place)
        return
    if not isinstance(type_, str) or type_ not in _PARTS:
        raise ValueError(f"a part must be of type {', '.join((*_TEXTS, *_PARTS))}, got {typed_repr(type_)}")
    own = read_settings(fields)
    reference = reference_in(fields, kind := _PARTS[type_])
    shown = f"<{kind}>" if reference is None else media.show(kind, reference, nearer(place.settings, own))
    check_applicable(own, [shown], "the part")
    yield shown


def _check_messages(messages: Sequence[Message], may_ask: bool = False) -> bool:
    """Whether the last answer has reasoning; ValueError if `messages` cannot be trained on.

    may_ask: whether the last message may be the user's.
    """
    roles = [message.role for message in messages]
    if (roles[-1] != "assistant" and not (may_ask and roles[-1] == "user")) or "user" not in roles:
        raise ValueError(f"training needs a user turn and the assistant's last, got turns of: {', '.join(roles)}")
    if "system" in roles[1:]:
        raise ValueError(f"a system prompt must come first, got turns of: {', '.join(roles)}")
    reasoning = ""
    for message in messages:
        text = "\n".join(part.text for part in message.content if isinstance(part, Text))
        text.encode()  # ValueError on a lone surrogate, which JSON can contain
        if message.role != "user" and any(not isinstance(part, Text) for part in message.content):
            raise ValueError(f"only the user shows files, but a message of the {message.role} does")
        if message.role == "assistant":
            if (count := text.count(END_THINK)) > 1:
                raise ValueError(f"an answer has {count} marks {END_THINK}, at most 1 ends its reasoning")
            reasoning, answer = split_answer(text, thinking=None)
            if not answer:
                raise ValueError("an answer of the assistant is empty")
    return bool(reasoning)


def _fields(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object, got {typed_repr(value)}")
    return value
