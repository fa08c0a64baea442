"""Layouts of records that have no messages, rewritten as records with `messages`.

- `texts` of {"user", "assistant"}, one for each turn: The Cauldron and FineVision (their dataset cards).
- `instruction`, `input` and `output`, also `history` and `system`: alpaca, as LLaMA-Factory reads it (`data/README.md`
  there): instruction and input are joined by a line break, and earlier turns are pairs in `history`.
- `prompt` and `completion`, both texts or both lists of messages: TRL, which learns the completion only. There may be
  no answer in the prompt, since all answers are learned here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from demiglace.records.media_keys import is_empty
from demiglace.records.media_settings import typed_repr

_COMPLETION = ("prompt", "completion")
_ALPACA = ("instruction", "input", "history", "output")


def with_messages(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """`record` with `messages` in place of the keys of its layout; records of no such layout are returned unchanged.

    Without an `output` the messages end with the user's. ValueError for a turn that is no text.
    """
    if not is_empty(record.get("messages")) or not is_empty(record.get("conversations")):
        return record
    if isinstance(record.get("texts"), list):
        return _replaced(record, ("texts",), [turn for pair in record["texts"] for turn in _pair(pair)])
    if isinstance(record.get("instruction"), str):
        return _replaced(record, _ALPACA, _turns(record))
    if not is_empty(record.get("prompt")) and not is_empty(record.get("completion")):
        return _replaced(record, _COMPLETION, _completed(record["prompt"], record["completion"]))
    return record


def _replaced(record: Mapping[str, Any], keys: Collection[str], turns: list[dict[str, Any]]) -> dict[str, Any]:
    return {**{key: value for key, value in record.items() if key not in keys}, "messages": turns}


def _pair(pair: object) -> list[dict[str, Any]]:
    """A question and its answer; further keys, such as `source`, go with the question."""
    if not isinstance(pair, Mapping):
        raise ValueError(f"one of `texts` must be an object with `user` and `assistant`, got {typed_repr(pair)}")
    others = {key: value for key, value in pair.items() if key not in ("user", "assistant")}
    user, answer = (_text(f"`{key}` of `texts`", pair.get(key)) for key in ("user", "assistant"))
    return [{**others, "role": "user", "content": user}, {"role": "assistant", "content": answer}]


def _turns(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    turns = []
    for pair in record.get("history") or ():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"one of `history` must be a pair of a question and its answer, got {typed_repr(pair)}")
        turns += [_turn("user", _text("`history`", pair[0])), _turn("assistant", _text("`history`", pair[1]))]
    asked = [_text(f"`{key}`", record[key]) for key in ("instruction", "input") if not is_empty(record.get(key))]
    turns.append(_turn("user", "\n".join(asked)))
    if record.get("output") is not None:
        turns.append(_turn("assistant", _text("`output`", record["output"])))
    return turns


def _completed(prompt: object, completion: object) -> list[Any]:
    if not isinstance(prompt, list) or not isinstance(completion, list):
        return [_turn("user", _text("`prompt`", prompt)), _turn("assistant", _text("`completion`", completion))]
    if "assistant" in map(_role, prompt):
        raise ValueError("`prompt` has an answer of the assistant, which would be learned too: use `messages` for that")
    if others := [role for role in map(_role, completion) if role != "assistant"]:
        raise ValueError(f"`completion` must have the assistant's answer only, got a message of: {others[0]}")
    return [*prompt, *completion]


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, Mapping) else None


def _turn(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {typed_repr(value)}")
    return value
