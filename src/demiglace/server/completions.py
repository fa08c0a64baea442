"""POST /v1/completions: text completion, and POST /tokenize, /detokenize: from text to tokens and back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from typing import Any

import torch

from demiglace.inference.token_choice import TokenChoice
from demiglace.processing.sample import Sample
from demiglace.processing.tokenizer import TextPiece
from demiglace.server.chat_completions import FINISH_REASONS, Head, choices_of, usage_of
from demiglace.server.engine_thread import Piece, Written
from demiglace.server.errors import encodable, refused
from demiglace.server.file_options import FileOptions
from demiglace.server.preparation import Prepared, check_length
from demiglace.server.protocol import CompletionRequest, DetokenizeRequest, TokenizeRequest
from demiglace.server.requests import by_param, check_fields, job_of, thinking_of
from demiglace.server.sampling_request import form_of, num_choices, sampling_of
from demiglace.server.service import Answers, Service
from demiglace.server.streaming import EventStream, event

Fields = dict[str, Any]
DEFAULT_MAX_TOKENS = 16  # OpenAI's
MOST_PROMPTS = 64  # ours


async def completion(request: CompletionRequest, service: Service) -> Fields | EventStream:
    """The response, or the stream of its chunks; ApiError for anything that fails before the first chunk."""
    check_fields(request)
    service.thinks_by_name(request.model)
    max_tokens = DEFAULT_MAX_TOKENS if request.max_tokens is None else request.max_tokens
    form = await form_of(request, None)
    sampling = sampling_of(request, service.assistant.sampling, max_tokens, request.logprobs, None, form)
    each = sampling.repeated(num_choices(request.n, service.limits.max_choices))
    prompts = [await asyncio.to_thread(_prepared, prompt, service) for prompt in _prompts(request.prompt)]
    head = Head(request.model or service.name, "cmpl")
    async with service.entered() as place:
        asked = [(prepared, each) for prepared in prompts]
        answers = service.answers(asked, False, place, in_pieces=bool(request.stream))
    if request.stream:
        with_usage = bool(request.stream_options and request.stream_options.include_usage)
        return EventStream(_chunks(head, prompts, answers, with_usage), answers.close)
    written = await answers.all()
    choices = [
        _choice(number, one.text, choices_of(one.answer), one.answer.stopped_by) for number, one in enumerate(written)
    ]
    return head.fields("text_completion", choices=choices, usage=usage_of(prompts, written))


def _prompts(given: str | list[str] | list[int] | list[list[int]]) -> Sequence[str | list[int]]:
    """The prompts, each a text or token ids."""
    if isinstance(given, str) or not given:
        return [given]  # type: ignore[list-item]
    if isinstance(given[0], int):
        return [given]
    if len(given) > MOST_PROMPTS:
        raise refused(f"{len(given)} prompts, at most {MOST_PROMPTS} are allowed", "prompt")
    return given


def _prepared(prompt: str | list[int], service: Service) -> Prepared:
    ids = _ids(prompt, service) if isinstance(prompt, str) else prompt
    known = service.assistant.model.config.llm.vocab_size
    if not ids:
        raise refused("a prompt needs at least one token", "prompt")
    if strange := [id_ for id_ in ids if not 0 <= id_ < known]:
        raise refused(f"the prompt has the unknown token {strange[0]}: the model has {known}", "prompt")
    if len(ids) > service.room:
        raise refused(f"the prompt has {len(ids)} tokens, but there is room for {service.room}", "prompt")
    return Prepared(Sample(torch.tensor(ids), torch.empty(0, dtype=torch.int64)))


def _ids(text: str, service: Service) -> list[int]:
    processor, text = service.assistant.processor, encodable(text)
    try:
        check_length(text, processor, service.room)
    except ValueError as error:
        raise refused(str(error), "prompt") from error
    return processor.tokenizer.encode_pieces([TextPiece(text)])


async def _chunks(head: Head, prompts: Sequence[Prepared], answers: Answers, with_usage: bool) -> AsyncIterator[str]:
    without_usage = {"usage": None} if with_usage else {}
    written: list[Written] = []
    num_characters: Counter[int] = Counter()  # characters of each answer's tokens so far
    async for number, news in answers.events():
        if isinstance(news, Piece):
            choice = _choice(number, news.text, news.choices, offset=num_characters[number])
            num_characters[number] += sum(map(len, _texts(news.choices)))
        else:
            written.append(news)
            choice = _choice(number, "", (), news.answer.stopped_by)
        if not isinstance(news, Piece) or news.text or news.choices:
            yield event(head.fields("text_completion", choices=[choice], **without_usage))
    if with_usage:
        yield event(head.fields("text_completion", choices=[], usage=usage_of(prompts, written)))


def _choice(
    number: int, text: str, choices: Sequence[TokenChoice], stopped_by: str | None = None, offset: int = 0
) -> Fields:
    finish = stopped_by and FINISH_REASONS[stopped_by]
    return {"index": number, "text": text, "logprobs": _logprobs(choices, offset), "finish_reason": finish}


def _logprobs(choices: Sequence[TokenChoice], offset: int) -> Fields | None:
    """Log-probabilities in the format of OpenAI's older route. offset: characters of the answer's earlier tokens."""
    if not choices:
        return None
    tokens = _texts(choices)
    return {
        "tokens": tokens,
        "token_logprobs": [choice.taken.log_probability for choice in choices],
        "top_logprobs": [
            {other.content.decode(errors="replace"): other.log_probability for other in choice.alternatives}
            for choice in choices
        ],
        "text_offset": list(accumulate(map(len, tokens[:-1]), initial=offset)),
    }


def _texts(choices: Sequence[TokenChoice]) -> list[str]:
    return [choice.taken.content.decode(errors="replace") for choice in choices]


async def tokenize(request: TokenizeRequest, service: Service) -> Fields:
    """Tokens of a plain text, or of the whole prompt of a conversation."""
    check_fields(request)
    thinking, _ = thinking_of(request, service.thinks_by_name(request.model))
    if (request.prompt is None) == (request.messages is None):
        raise refused("either a prompt or messages are needed", "prompt")
    if request.messages is None:
        ids = await asyncio.to_thread(_ids, request.prompt or "", service)
    else:
        async with service.held():
            job = await job_of(by_param(request.messages), FileOptions.of(request), thinking, service.sources)
            ids = (await service.prepare(job)).sample.tokens.tolist()
    return {"count": len(ids), "max_model_len": service.room + 1, "tokens": ids}


async def detokenize(request: DetokenizeRequest, service: Service) -> Fields:
    check_fields(request)
    if len(request.tokens) > service.room:
        raise refused(f"{len(request.tokens)} tokens, at most {service.room} are allowed", "tokens")
    tokenizer, known = service.assistant.processor.tokenizer, service.assistant.model.config.llm.vocab_size
    if strange := [id_ for id_ in request.tokens if not 0 <= id_ < known]:
        raise refused(f"unknown token {strange[0]}: the model has {known}", "tokens")
    return {"prompt": b"".join(map(tokenizer.bytes_of, request.tokens)).decode(errors="replace")}
