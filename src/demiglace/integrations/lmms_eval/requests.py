"""Requests of an lmms-eval task -> inputs of our engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from demiglace.conversation import Conversation, Message, Part, Text, Video, VideoSampling
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.file_parts import part_of

MOST_TOKENS = 1024  # if a task sets none; lmms-eval's default
SAME_NAMES = (
    *("temperature", "top_p", "top_k", "seed", "num_beams"),
    *("repetition_penalty", "presence_penalty", "frequency_penalty"),
)


def conversation_of(
    messages: Sequence[Mapping[str, Any]], thinking: bool, sampling: VideoSampling | None
) -> Conversation:
    """messages: from `doc_to_messages`, with parts of type text, image and video, whose `url` is a path or a PIL image.

    sampling: of videos; None means the defaults, fitted to the context. ValueError on parts of another type.
    """
    return Conversation(
        tuple(
            Message(message["role"], tuple(_part(part, sampling) for part in message["content"]))
            for message in messages
        ),
        thinking,
    )


def _part(part: Mapping[str, Any], sampling: VideoSampling | None) -> Part:
    match part["type"]:
        case "text":
            return Text(part["text"])
        case "image":
            return part_of(part["url"])
        case "video":
            span = {name: value for name in ("start", "end") if (value := part.get(f"{name}_time")) is not None}
            return Video(part["url"], replace(sampling or VideoSampling(), **span) if span else sampling)
    raise ValueError(f"parts are of type text, image or video, got {part['type']!r}")


def sampling_of(asked: Mapping[str, Any]) -> SamplingParams:
    """asked: `generation_kwargs` of a task. Unknown ones are ignored, as in other models of lmms-eval.

    Greedy unless a temperature is set and `do_sample` is not False. `until` is ignored too: with lmms-eval's default an
    answer would end at its first empty line, and its chat models ignore it. ValueError if more than one answer is
    requested.
    """
    if asked.get("n") not in (None, 1):
        raise ValueError(f"lmms-eval takes one answer to a question, but n is {asked['n']}")
    chosen = {name: value for name in SAME_NAMES if (value := asked.get(name)) is not None}
    if asked.get("do_sample") is False:
        chosen["temperature"] = 0.0
    return replace(SamplingParams.greedy(asked.get("max_new_tokens") or MOST_TOKENS), **chosen)
