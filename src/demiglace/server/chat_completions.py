"""POST /v1/chat/completions: complete and streamed answers, and their usage."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from demiglace.inference.answer import Answer
from demiglace.inference.thought_splitter import ThoughtSplitter
from demiglace.inference.token_choice import TokenChoice, TokenProbability
from demiglace.server.engine_thread import Piece, Written
from demiglace.server.errors import refused
from demiglace.server.file_options import FileOptions
from demiglace.server.preparation import Prepared
from demiglace.server.protocol import ChatRequest
from demiglace.server.requests import by_param, check_fields, job_of, thinking_of
from demiglace.server.sampling_request import form_of, max_tokens_of, num_choices, num_logprobs, sampling_of
from demiglace.server.service import Answers, Service
from demiglace.server.streaming import EventStream, event

Fields = dict[str, Any]
FINISH_REASONS = {"end": "stop", "stop": "stop", "length": "length"}


@dataclass(frozen=True)
class Head:
    """Fields that every object of a response repeats. prefix: of its id; OpenAI has one for each route."""

    model: str
    prefix: str
    number: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def fields(self, kind: str, **more: Any) -> Fields:
        return {
            "id": f"{self.prefix}-{self.number}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            **more,
        }


async def chat_completion(request: ChatRequest, service: Service) -> Fields | EventStream:
    """The response, or the stream of its chunks; ApiError for anything that fails before the first chunk."""
    check_fields(request)
    tells_ids = bool(request.return_token_ids)
    if tells_ids and (request.stream or not request.logprobs):
        raise refused("return_token_ids needs logprobs: true, and is not for streams", "return_token_ids")
    thinking, budget = thinking_of(request, service.thinks_by_name(request.model))
    sampling = sampling_of(
        request,
        service.assistant.sampling,
        max_tokens_of(request.max_completion_tokens, request.max_tokens),
        num_logprobs(request.logprobs, request.top_logprobs),
        budget,
        await form_of(request, request.response_format),
    )
    each = sampling.repeated(num_choices(request.n, service.limits.max_choices))
    head = Head(request.model or service.name, "chatcmpl")
    async with service.entered() as place:
        job = await job_of(by_param(request.messages), FileOptions.of(request), thinking, service.sources)
        prepared = await service.prepare(job)
        answers = service.answers([(prepared, each)], thinking, place, in_pieces=bool(request.stream))
    if request.stream:
        splitters = [ThoughtSplitter(thinking, sampling.guide is not None) for _ in each]
        with_usage = bool(request.stream_options and request.stream_options.include_usage)
        return EventStream(_chunks(head, prepared, answers, splitters, with_usage), answers.close)
    written = await answers.all()
    whole = _completion(head, prepared, written)
    return _with_token_ids(whole, prepared, written) if tells_ids else whole


def _with_token_ids(completion: Fields, prepared: Prepared, written: Sequence[Written]) -> Fields:
    """Adds token ids of prompt and answers under vLLM's names; log-probabilities then include the end token's."""
    for choice, completed in zip(completion["choices"], written, strict=True):
        tokens = completed.answer.log_probabilities
        choice |= {"logprobs": logprobs_of(tokens), "token_ids": [place.taken.token for place in tokens]}
    return completion | {"prompt_token_ids": prepared.sample.tokens.tolist()}


def _completion(head: Head, prepared: Prepared, written: Sequence[Written]) -> Fields:
    choices = [
        {
            "index": number,
            "message": _message(completed.answer),
            "logprobs": logprobs_of(choices_of(completed.answer)),
            "finish_reason": FINISH_REASONS[completed.answer.stopped_by],
        }
        for number, completed in enumerate(written)
    ]
    return head.fields("chat.completion", choices=choices, usage=usage_of([prepared], written))


def _message(answer: Answer) -> Fields:
    message: Fields = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.thinking:
        message |= {"reasoning": answer.thinking, "reasoning_content": answer.thinking}
    return message


async def _chunks(
    head: Head, prepared: Prepared, answers: Answers, splitters: Sequence[ThoughtSplitter], with_usage: bool
) -> AsyncIterator[str]:
    without_usage = {"usage": None} if with_usage else {}

    def chunk(number: int, delta: Fields, finish: str | None = None, logprobs: Fields | None = None) -> str:
        choice = {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return event(head.fields("chat.completion.chunk", choices=[choice], **without_usage))

    written: list[Written] = []
    for number in range(len(splitters)):
        yield chunk(number, {"role": "assistant", "content": ""})  # a text even where none follows, as when whole
    async for number, news in answers.events():
        if isinstance(news, Piece):
            delta = _delta(*splitters[number].push(news.text))
            if delta or news.choices:
                yield chunk(number, delta, logprobs=logprobs_of(news.choices))
            continue
        written.append(news)
        if delta := _delta(*splitters[number].push("", is_last=True)):
            yield chunk(number, delta)
        yield chunk(number, {}, FINISH_REASONS[news.answer.stopped_by])
    if with_usage:
        yield event(head.fields("chat.completion.chunk", choices=[], usage=usage_of([prepared], written)))


def _delta(thoughts: str, text: str) -> Fields:
    """Only fields that have text."""
    delta = {"reasoning": thoughts, "reasoning_content": thoughts} if thoughts else {}
    return {**delta, "content": text} if text else delta


def usage_of(prompts: Sequence[Prepared], written: Sequence[Written]) -> Fields:
    """Counts of tokens, with visual tokens separately and by file. `seconds` is until the last answer was complete."""
    num_prompt = sum(len(prompt.sample.tokens) for prompt in prompts)
    num_visual = sum(len(prompt.sample.visual_places) for prompt in prompts)
    num_new = sum(completed.answer.new_tokens for completed in written)
    usage: Fields = {
        "prompt_tokens": num_prompt,
        "completion_tokens": num_new,
        "total_tokens": num_prompt + num_new,
        "prompt_tokens_details": {
            "text_tokens": num_prompt - num_visual,
            "image_tokens": num_visual,
            "visual_tokens": num_visual,
        },
        "completion_tokens_details": {"reasoning_tokens": sum(completed.thoughts for completed in written)},
        "media": [file.usage for prompt in prompts for file in prompt.files],
        "seconds_to_first_token": round(min(completed.answer.seconds_to_first_token for completed in written), 4),
        "seconds": round(max(completed.answer.seconds for completed in written), 4),
    }
    if notes := [note for prompt in prompts for note in prompt.notes]:
        usage["notes"] = notes
    return usage


def choices_of(answer: Answer) -> Sequence[TokenChoice]:
    """Log-probabilities without that of the end token, as in OpenAI's API."""
    return answer.log_probabilities[:-1] if answer.stopped_by == "end" else answer.log_probabilities


def logprobs_of(choices: Sequence[TokenChoice]) -> Fields | None:
    if not choices:
        return None
    return {
        "content": [
            {**_token(choice.taken), "top_logprobs": [_token(other) for other in choice.alternatives]}
            for choice in choices
        ],
        "refusal": None,
    }


def _token(found: TokenProbability) -> Fields:
    return {
        "token": found.content.decode(errors="replace"),
        "logprob": found.log_probability,
        "bytes": list(found.content),
    }
