"""From requests in several API formats to jobs. Only this file knows what clients mean by their fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from demiglace.conversation import Role, Text
from demiglace.server.errors import encodable, refused
from demiglace.server.file_options import FileOptions, file_of
from demiglace.server.media_sources import MediaSources
from demiglace.server.preparation import File, Job
from demiglace.server.protocol import (
    IGNORED_OF_MESSAGES,
    IGNORED_OF_TEXTS,
    REFUSED,
    ChatMessage,
    Request,
    ThinkingFields,
    asks_nothing,
)

THINK_SUFFIX = ":think"
EFFORTS: Mapping[str, tuple[bool, int | None]] = {  # whether to reason, and for how many tokens at most; ours
    "none": (False, None),
    "minimal": (False, None),
    "low": (True, 512),
    "medium": (True, 2048),
    "high": (True, None),
    "xhigh": (True, None),
}
TEXTS = ("text", "input_text", "output_text", "refusal")
KINDS = {  # type of a part -> the field that holds its file, and whether it is a video
    "image_url": ("image_url", False),
    "input_image": ("image_url", False),
    "image": ("image", False),
    "video_url": ("video_url", True),
    "input_video": ("input_video", True),
    "video": ("video", True),
    "file": ("file", False),
    "input_file": ("file", False),
}
ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def check_fields(request: Request) -> None:
    """Raises ApiError if a field is unknown or not supported."""
    for name, value in request.unknown.items():
        if value is None or (name in REFUSED and asks_nothing(name, value)):
            continue
        if name in REFUSED:
            raise refused(f"{name}: {REFUSED[name]}", name, "unsupported_parameter")
        raise refused(f"Unknown parameter: '{name[:100]}'.", name[:100], "unknown_parameter")


def thinking_of(request: ThinkingFields, is_asked_by_name: bool) -> tuple[bool, int | None]:
    """Whether to reason, and for how many tokens at most. Explicit fields override effort, which overrides the name."""
    effort = request.reasoning_effort
    if effort is not None and effort not in EFFORTS:
        raise refused(f"reasoning_effort must be one of {', '.join(EFFORTS)}, got {effort[:60]!r}", "reasoning_effort")
    thinking, budget = EFFORTS[effort] if effort is not None else (is_asked_by_name, None)
    switches = [request.enable_thinking, *_switches(request.chat_template_kwargs or {})]
    thinking = next((one for one in switches if one is not None), thinking)
    if request.thinking_token_budget is not None:
        budget = request.thinking_token_budget
    return thinking, budget if thinking else None


def _switches(kwargs: Mapping[str, Any]) -> list[bool | None]:
    known = ("enable_thinking", "thinking")
    for name, value in kwargs.items():
        param = f"chat_template_kwargs.{name[:60]}"
        if name not in known:
            raise refused(f"Unknown parameter: '{param}'.", param, "unknown_parameter")
        if not isinstance(value, bool | None):
            raise refused(f"{param} must be true or false", param)
    return [kwargs.get(name) for name in known]


def by_param(messages: Sequence[ChatMessage]) -> dict[str, ChatMessage]:
    """Messages by their places in a request."""
    return {f"messages.{number}": message for number, message in enumerate(messages)}


async def job_of(
    given: Mapping[str, ChatMessage],
    options: FileOptions,
    thinking: bool,
    sources: MediaSources,
    field: str = "messages",
) -> Job:
    """A conversation with the bytes of its files; ApiError if a part is malformed or a file is not available.

    given: messages by their places in the request. field: the one with all of them.
    """
    messages = [await _message(message, param, options, sources) for param, message in given.items()]
    if messages[-1][0] != "user":
        raise refused(f"the last message must be the user's, got one of the {messages[-1][0]}", field)
    num_files = sum(_num_files(parts) for _, parts in messages)
    if num_files > sources.limits.max_files:
        raise refused(f"{num_files} files and frames, at most {sources.limits.max_files} are allowed", field)
    return Job(tuple(messages), thinking, options.slicing)


def _num_files(parts: Sequence[Text | File]) -> int:
    files = [part for part in parts if isinstance(part, File)]
    return sum(len(file.source) if isinstance(file.source, tuple) else 1 for file in files)


async def _message(
    message: ChatMessage, param: str, options: FileOptions, sources: MediaSources
) -> tuple[Role, tuple[Text | File, ...]]:
    extra = message.model_extra or {}
    if message.role not in ROLES or extra.get("tool_calls") or extra.get("function_call"):
        raise refused("calls of tools are not supported", param, "unsupported_parameter")
    _check_others(extra, IGNORED_OF_MESSAGES, param)
    content = message.content
    if content is None and message.role != "assistant":
        raise refused(f"a message of the {message.role} needs content", f"{param}.content")
    if not isinstance(content, list):
        parts: list[Text | File] = [Text(encodable(content or ""))]
    else:
        parts = [await _part(part, f"{param}.content.{place}", options, sources) for place, part in enumerate(content)]
    if message.role != "user" and any(isinstance(part, File) for part in parts):
        raise refused(f"only the user shows files, not the {message.role}", f"{param}.content")
    return ROLES[message.role], tuple(parts)


async def _part(part: Mapping[str, Any], param: str, options: FileOptions, sources: MediaSources) -> Text | File:
    kind = part.get("type", "text" if "text" in part else None)
    if kind in TEXTS:
        field = "refusal" if kind == "refusal" else "text"
        text = part.get(field)
        if not isinstance(text, str):
            raise refused("a part of text needs text", f"{param}.text")
        _check_others(part, {field, *IGNORED_OF_TEXTS}, param)
        return Text(encodable(text))
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join([*TEXTS[:2], *KINDS])
        raise refused(f"parts are of type {known}, got {str(kind)[:60]!r}", f"{param}.type")
    field, is_video = KINDS[kind]
    try:
        return await file_of(part, field, is_video, options, sources)
    except ValueError as error:
        raise refused(str(error), param) from error


def _check_others(given: Mapping[str, Any], known: Collection[str], param: str) -> None:
    """Refuse other fields of messages and texts, which the model would not see; empty ones are ignored."""
    for name, value in given.items():
        if value and name not in known:
            param = f"{param}.{name[:60]}"
            raise refused(f"Unknown parameter: '{param}'. A file is a part of its own.", param, "unknown_parameter")
