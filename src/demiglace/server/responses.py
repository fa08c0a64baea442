"""POST /v1/responses: the same answers in OpenAI's newer format. Nothing is stored."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from demiglace.inference.thought_splitter import ThoughtSplitter
from demiglace.server.chat_completions import choices_of, logprobs_of, usage_of
from demiglace.server.engine_thread import Piece, Written
from demiglace.server.errors import ApiError, malformed, refused
from demiglace.server.file_options import FileOptions
from demiglace.server.preparation import Prepared
from demiglace.server.protocol import ChatMessage, ResponsesRequest
from demiglace.server.requests import check_fields, job_of, thinking_of
from demiglace.server.sampling_request import form_of, sampling_of
from demiglace.server.service import Answers, Service
from demiglace.server.streaming import EventStream, event

Fields = dict[str, Any]
WITH_LOGPROBS = "message.output_text.logprobs"
SKIPPED_ITEMS = ("reasoning",)  # reasoning of earlier turns, which the model is not shown again


async def response(request: ResponsesRequest, service: Service) -> Fields | EventStream:
    """The response, or the stream of its events; ApiError for anything that fails before the first event."""
    check_fields(request)
    effort = (request.reasoning or {}).get("effort", request.reasoning_effort)
    request = request.model_copy(update={"reasoning_effort": effort})
    thinking, budget = thinking_of(request, service.thinks_by_name(request.model))
    tells_logprobs = request.top_logprobs is not None or WITH_LOGPROBS in (request.include or ())
    text_format = (request.text or {}).get("format") or {}
    sampling = sampling_of(
        request,
        service.assistant.sampling,
        request.max_output_tokens,
        (request.top_logprobs or 0) if tells_logprobs else None,
        budget,
        await form_of(request, text_format),
    )
    form = ResponseForm(request, request.model or service.name, sampling.temperature, sampling.top_p)
    async with service.entered() as place:
        job = await job_of(_messages(request), FileOptions.of(request), thinking, service.sources, "input")
        prepared = await service.prepare(job, "input")
        answers = service.answers([(prepared, [sampling])], thinking, place, in_pieces=bool(request.stream))
    if request.stream:
        stream = ResponseStream(form, ThoughtSplitter(thinking, sampling.guide is not None))
        return EventStream(stream.events(prepared, answers), answers.close, stream.failed)
    (written,) = await answers.all()
    return form.whole(prepared, written)


def _messages(request: ResponsesRequest) -> dict[str, ChatMessage]:
    """Messages by their places in the request."""
    if isinstance(request.input, str):
        messages = {"input": ChatMessage(role="user", content=request.input)}
    else:
        items = {f"input.{number}": item for number, item in enumerate(request.input)}
        messages = {
            param: _message(item, param) for param, item in items.items() if item.get("type") not in SKIPPED_ITEMS
        }
    if not messages:
        raise refused("input needs at least one message", "input")
    if request.instructions:
        return {"instructions": ChatMessage(role="system", content=request.instructions), **messages}
    return messages


def _message(item: Mapping[str, Any], param: str) -> ChatMessage:
    kind = item.get("type", "message")
    if kind == "item_reference":
        raise refused("items are not stored: send the items themselves", f"{param}.type")
    if kind != "message":
        raise refused(f"items are messages, got {str(kind)[:60]!r}", f"{param}.type")
    try:
        return ChatMessage.model_validate(item)
    except ValidationError as error:
        raise malformed(error.errors(), param) from error


@dataclass(frozen=True)
class ResponseForm:
    """The objects of one response."""

    request: ResponsesRequest
    model: str
    temperature: float
    top_p: float
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def head(self, status: str, output: Sequence[Fields] = (), **more: Any) -> Fields:
        request = self.request
        return {
            "id": f"resp_{self.key}",
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "metadata": request.metadata or {},
            "model": self.model,
            "output": list(output),
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "reasoning": {"effort": request.reasoning_effort, "summary": None},
            "store": False,
            "temperature": self.temperature,
            "text": request.text or {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_p": self.top_p,
            "truncation": "disabled",
            "usage": None,
            **more,
        }

    def whole(self, prepared: Prepared, written: Written) -> Fields:
        """The final response, with status "completed", or "incomplete" if truncated."""
        answer = written.answer
        is_cut = answer.stopped_by == "length"
        output = [self.thoughts(answer.thinking)] if answer.thinking else []
        logprobs = logprobs_of(choices_of(answer)) or {"content": []}
        if answer.text or not is_cut:
            output.append(self.message(answer.text, "incomplete" if is_cut else "completed", logprobs["content"]))
        return self.head(
            "incomplete" if is_cut else "completed",
            output,
            incomplete_details={"reason": "max_output_tokens"} if is_cut else None,
            usage=_usage(usage_of([prepared], [written])),
        )

    def thoughts(self, text: str | None, status: str = "completed") -> Fields:
        content = [] if text is None else [{"type": "reasoning_text", "text": text}]
        return {"id": f"rs_{self.key}", "type": "reasoning", "summary": [], "content": content, "status": status}

    def message(self, text: str | None, status: str, logprobs: Sequence[Fields] = ()) -> Fields:
        content = [] if text is None else [output_text(text, logprobs)]
        return {
            "id": f"msg_{self.key}",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }


def output_text(text: str, logprobs: Sequence[Fields] = ()) -> Fields:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}


class ResponseStream:
    """Numbered events of one response. Reasoning is a separate item before the message."""

    def __init__(self, form: ResponseForm, splitter: ThoughtSplitter) -> None:
        self._form, self._splitter = form, splitter
        self._number = 0
        self._texts: dict[str, str] = {}  # text so far of "thoughts" and "message", in order

    async def events(self, prepared: Prepared, answers: Answers) -> AsyncIterator[str]:
        for name in ("created", "in_progress"):
            yield self._event(f"response.{name}", response=self._form.head("in_progress"))
        async for _, news in answers.events():
            is_last = isinstance(news, Written)
            thoughts, text = self._splitter.push(news.text if isinstance(news, Piece) else "", is_last)
            logprobs = logprobs_of(news.choices) if isinstance(news, Piece) else None
            for line in [*self._added("thoughts", thoughts), *self._added("message", text, logprobs)]:
                yield line
            if isinstance(news, Written):
                for line in self._end(prepared, news):
                    yield line

    def failed(self, error: ApiError) -> str:
        details = error.body["error"]
        fields = {name: details[name] for name in ("code", "message", "param")}
        return self._event("error", **fields, error=details)

    def _end(self, prepared: Prepared, written: Written) -> list[str]:
        whole = self._form.whole(prepared, written)
        has_message = whole["output"] and whole["output"][-1]["type"] == "message"  # its text may be empty
        opened = self._opened("message") if has_message and "message" not in self._texts else []
        closed = [line for kind in self._texts for line in self._closed(kind, whole)]
        return [*opened, *closed, self._event(f"response.{whole['status']}", response=whole)]

    def _added(self, kind: str, text: str, logprobs: Fields | None = None) -> list[str]:
        if not text:
            return []
        opened = [] if kind in self._texts else self._opened(kind)
        self._texts[kind] = self._texts.get(kind, "") + text
        more = {"logprobs": (logprobs or {"content": []})["content"]} if kind == "message" else {}
        return [*opened, self._event(f"response.{_part_name(kind)}.delta", **self._place(kind), delta=text, **more)]

    def _opened(self, kind: str) -> list[str]:
        self._texts.setdefault(kind, "")
        part = output_text("") if kind == "message" else {"type": "reasoning_text", "text": ""}
        place = self._place(kind)
        return [
            self._event("response.output_item.added", output_index=place["output_index"], item=self._item(kind)),
            self._event("response.content_part.added", **place, part=part),
        ]

    def _closed(self, kind: str, whole: Fields) -> list[str]:
        place = self._place(kind)
        item = next(one for one in whole["output"] if one["id"] == place["item_id"])
        part = item["content"][0]
        more = {"logprobs": part["logprobs"]} if kind == "message" else {}
        return [
            self._event(f"response.{_part_name(kind)}.done", **place, text=part["text"], **more),
            self._event("response.content_part.done", **place, part=part),
            self._event("response.output_item.done", output_index=place["output_index"], item=item),
        ]

    def _item(self, kind: str) -> Fields:
        form = self._form
        return form.message(None, "in_progress") if kind == "message" else form.thoughts(None, "in_progress")

    def _place(self, kind: str) -> Fields:
        index = list(self._texts).index(kind)
        return {"item_id": self._item(kind)["id"], "output_index": index, "content_index": 0}

    def _event(self, name: str, **fields: Any) -> str:
        number, self._number = self._number, self._number + 1
        return event({"type": name, "sequence_number": number, **fields}, name)


def _part_name(kind: str) -> str:
    return "output_text" if kind == "message" else "reasoning_text"


def _usage(usage: Fields) -> Fields:
    """The same counts under this route's names."""
    names = {
        "prompt_tokens": "input_tokens",
        "completion_tokens": "output_tokens",
        "prompt_tokens_details": "input_tokens_details",
        "completion_tokens_details": "output_tokens_details",
    }
    return {names.get(name, name): value for name, value in usage.items()}
