"""From a request's fields to SamplingParams, including guides."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from demiglace.engine.guided import Guide
from demiglace.engine.sampling import SEEDS, SamplingParams
from demiglace.server.errors import ApiError, refused
from demiglace.server.protocol import SamplingFields

SAME_NAMES = (
    *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty"),
    *("ignore_eos", "num_beams", "length_penalty", "early_stopping"),
)
THEIR_NAMES = {  # of fields with other names here
    "max_new_tokens": "max_tokens",
    "min_new_tokens": "min_tokens",
    "thinking_budget": "thinking_token_budget",
}
MOST_STOPS = 16  # ours
MOST_STOP_CHARACTERS = 10_000  # ours: each step searches for all of them
MOST_FORM_CHARACTERS = 2**18  # ours: about a second of work, twice, once in the engine thread, where all answers wait


def sampling_of(
    request: SamplingFields,
    default: SamplingParams,
    max_new_tokens: int | None,
    logprobs: int | None,
    thinking_budget: int | None,
    form: Guide | None,
) -> SamplingParams:
    """The checkpoint's parameters, overridden by the request's; ApiError for numbers out of bounds."""
    chosen = {name: value for name in SAME_NAMES if (value := getattr(request, name)) is not None}
    others = {
        "max_new_tokens": max_new_tokens,
        "min_new_tokens": request.min_tokens,
        "seed": None if request.seed is None else request.seed % SEEDS,  # OpenAI's may be negative
        "stop": _stops(request.stop),
        "logit_bias": _bias(request.logit_bias),
        "logprobs": logprobs,
        "thinking_budget": thinking_budget,
        "guide": form,
    }
    chosen |= {name: value for name, value in others.items() if value is not None}
    if chosen.get("top_k") == -1:  # vLLM: sample from all
        chosen["top_k"] = 0
    try:
        return replace(default, **{"num_beams": 1, **chosen})  # a checkpoint's beams would exclude many options
    except ValueError as error:
        raise _in_their_words(str(error)) from error


def _in_their_words(message: str) -> ApiError:
    """An error about one of our parameters, under the name that the client used."""
    for ours, theirs in THEIR_NAMES.items():
        message = message.replace(ours, theirs)
    field = re.match(r"\w*", message)
    is_field = field is not None and field[0] in {*SamplingFields.model_fields, *THEIR_NAMES.values(), "logprobs"}
    return refused(message, field[0] if field and is_field else None)


async def form_of(request: SamplingFields, response_format: Mapping[str, Any] | None) -> Guide | None:
    """The guide, None if there is none; ApiError for several, and for one that cannot be enforced."""
    asked = {**_structured(request.structured_outputs or {})}
    for name, value in (("json", request.guided_json), ("regex", request.guided_regex)):
        if value is not None:
            asked[name] = value
    if request.guided_choice is not None:
        asked["choice"] = request.guided_choice
    asked |= _response_format(response_format or {})
    if len(asked) > 1:
        raise refused(f"{' and '.join(asked)} cannot be combined: an answer has one format", "response_format")
    try:
        for name, value in asked.items():
            return await asyncio.to_thread(_guide, name, value)  # a large schema takes seconds
        return None
    except ValueError as error:
        raise refused(str(error), "response_format") from error


def _guide(name: str, value: Any) -> Guide:
    if (size := _characters(value)) > MOST_FORM_CHARACTERS:
        raise ValueError(f"the answer format has {size} characters, at most {MOST_FORM_CHARACTERS} are allowed")
    if name == "json":
        if not isinstance(value, Mapping):
            raise ValueError(f"a JSON schema must be an object, got {type(value).__name__}")
        return Guide.json_schema(value)
    if name == "json_object":
        return Guide.json_object()
    return Guide.regex(value) if name == "regex" else Guide.choice(value)


def _characters(value: Any) -> int:
    try:
        return len(value) if isinstance(value, str) else len(json.dumps(value))
    except RecursionError as error:
        raise ValueError("the answer format is nested too deeply") from error


def _structured(given: Mapping[str, Any]) -> dict[str, Any]:
    """The guide in vLLM's `structured_outputs`."""
    asked = {name: value for name, value in given.items() if value not in (None, False)}
    for name in asked:
        if name not in ("json", "json_object", "regex", "choice"):
            param = f"structured_outputs.{name[:60]}"
            raise refused(f"{param} is not supported", param, "unsupported_parameter")
    return asked


def _response_format(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = given.get("type", "text")
    if kind == "text":
        return {}
    if kind == "json_object":
        return {"json_object": True}
    if kind != "json_schema":
        raise refused(
            f"response_format.type must be text, json_object or json_schema, got {str(kind)[:60]!r}",
            "response_format.type",
        )
    held = given.get("json_schema", given)  # the Responses API has the schema's fields here
    if not isinstance(held, Mapping) or not isinstance(held.get("schema"), Mapping):
        raise refused("response_format.json_schema needs a schema", "response_format.json_schema")
    return {"json": held["schema"]}


def _stops(given: str | list[str] | None) -> list[str] | None:
    if given is None:
        return None
    stops = [given] if isinstance(given, str) else given
    if len(stops) > MOST_STOPS:
        raise refused(f"stop has {len(stops)} texts, at most {MOST_STOPS} are allowed", "stop")
    if any(len(stop) > MOST_STOP_CHARACTERS for stop in stops):
        raise refused(f"a text of stop has at most {MOST_STOP_CHARACTERS} characters", "stop")
    return stops


def _bias(given: Mapping[str, Any] | None) -> dict[int, Any] | None:
    """The logit bias with int keys; its values are checked later."""
    if given is None:
        return None
    for token in given:
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            raise refused(f"logit_bias names tokens by number, got {token[:60]!r}", "logit_bias")
    return {int(token): value for token, value in given.items()}


def num_choices(n: int | None, most: int) -> int:
    """Number of answers to one prompt."""
    if n is not None and not 1 <= n <= most:
        raise refused(f"n must be a whole number from 1 to {most}, got {n}", "n")
    return n or 1


def num_logprobs(asked: bool | None, top: int | None) -> int | None:
    """Number of alternatives to return, None for no log-probabilities."""
    if top is not None and not asked:
        raise refused("top_logprobs needs logprobs: true", "top_logprobs")
    return (top or 0) if asked else None


def max_tokens_of(*given: int | None) -> int | None:
    """The first number that is given."""
    return next((number for number in given if number is not None), None)
