"""Records of preferences: a prompt with an answer that is preferred and one that is not.

The formats in use are detected from their keys; media are as in `records.formats`:

- `prompt` (or `question`), `chosen` and `rejected` as texts;
- TRL's conversational format: each of the three a list of messages, or `chosen` and `rejected` whole conversations that
  differ only in their last message; then a prompt beside them repeats their beginning, and is not shown again;
- `messages` or `conversations` up to the user's last, `chosen` and `rejected` a text or a message (LLaMA-Factory);
- `instruction` and `input`, `chosen` and `rejected` as texts (LLaMA-Factory's alpaca format, `layouts`);
- `messages` that end with the chosen answer, and `rejected_response` (ms-swift).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demiglace.conversation import Conversation, Message, Text, VideoSampling
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import ROLES, TURNS, read_record
from demiglace.records.layouts import with_messages
from demiglace.records.media import Find
from demiglace.records.media_settings import typed_repr

_ANSWERS = ("chosen", "rejected")
_PROMPTS = ("prompt", "question")
_OWN = (*_ANSWERS, *_PROMPTS, *TURNS, "rejected_response")


@dataclass(frozen=True)
class Preference:
    """messages: up to the user's last. is_long: whether both answers contain reasoning."""

    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    is_long: bool


def read_preference(record: object, where: str, find: Find, sampling: VideoSampling | None = None) -> Preference:
    """Raises BadRecord, at `where`, on everything that does not follow the formats."""
    try:
        both = [read_record(one, where, find, sampling=sampling) for one in _as_two(record)]
    except BadRecord:
        raise
    except ValueError as error:
        raise BadRecord(where, str(error)) from error
    chosen, rejected = both
    if chosen.messages[:-1] != rejected.messages[:-1]:
        raise BadRecord(where, "the chosen and the rejected conversation differ before their last message")
    if chosen.messages[-2].role != "user":
        raise BadRecord(where, "the turn before the answers must be the user's, but it is the assistant's")
    if chosen.thinking != rejected.thinking:
        raise BadRecord(where, "one of the answers has thoughts and the other has none")
    if (good := _answer(chosen)) == (bad := _answer(rejected)):
        raise BadRecord(where, f"the chosen and the rejected answer are the same: {good!r:.80}")
    return Preference(chosen.messages[:-1], good, bad, is_long=chosen.thinking is True)


def _as_two(record: object) -> list[dict[str, Any]]:
    """Two chat records, one with the chosen and one with the rejected answer."""
    if not isinstance(record, Mapping):
        raise ValueError(f"a record must be an object, got {typed_repr(record)}")
    if isinstance(record.get("chosen"), str) and all(record.get(key) is None for key in _PROMPTS):
        record = with_messages({key: value for key, value in record.items() if key != "output"})
    others = {key: value for key, value in record.items() if key not in _OWN}
    key, asked = _prompt(record)
    if record.get("rejected_response") is not None:
        answers = [asked[-1:], [{"role": "assistant", "content": record["rejected_response"]}]]
        asked = asked[:-1]
    else:
        answers = [_turns(record, name, key) for name in _ANSWERS]
        asked = [] if _are_whole(answers, asked) else asked
    return [{**others, key: [*asked, *answer]} for answer in answers]


def _prompt(record: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The key for turns, and the turns before the answers."""
    for key in TURNS:
        if isinstance(record.get(key), list) and record[key]:
            return key, list(record[key])
    for name in _PROMPTS:
        asked = record.get(name)
        if isinstance(asked, list):
            return "messages", list(asked)
        if asked is not None:
            return "conversations", [{"from": "human", "value": asked}]  # marks such as <image> are read there
    return "messages", []


def _turns(record: Mapping[str, Any], name: str, key: str) -> list[Any]:
    """The answer under `name` ("chosen" or "rejected"), as turns of the format."""
    answer = record.get(name)
    if isinstance(answer, list) and answer:
        return answer
    if isinstance(answer, Mapping):
        return [answer]
    if not isinstance(answer, str):
        raise ValueError(
            f"a preference needs `{name}`: a text, a message or a list of messages, got {typed_repr(answer)}"
        )
    return [{"from": "gpt", "value": answer} if key == "conversations" else {"role": "assistant", "content": answer}]


def _are_whole(answers: Sequence[list[Any]], asked: Sequence[Any]) -> bool:
    """Whether the answers are whole conversations; ValueError if they lack a turn of the prompt beside them.

    Data sets on the hub have such a prompt, as a text or as messages, or the chosen conversation once more.
    """
    if not any(_said(turn)[0] == "user" for answer in answers for turn in answer):
        return False
    known = [_said(turn) for turn in answers[0]]
    for turn in asked:
        if (shown := _said(turn)) not in known:
            raise ValueError(
                f"`chosen` has the user's turns, but not the one of the prompt beside it: {typed_repr(shown[1])}"
            )
    return True


def _said(turn: object) -> tuple[object, object]:
    """The role and the text of a turn."""
    fields = turn if isinstance(turn, Mapping) else {}
    role, content = ("from", "value") if "from" in fields else ("role", "content")
    text = fields.get(content)
    if isinstance(text, list):
        text = "\n".join(str(part["text"]) for part in text if isinstance(part, Mapping) and part.get("text"))
    return ROLES.get(str(fields.get(role)), fields.get(role)), text


def _answer(conversation: Conversation) -> str:
    return "\n".join(part.text for part in conversation.messages[-1].content if isinstance(part, Text))
