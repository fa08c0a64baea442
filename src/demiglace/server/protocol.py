"""Schemas of requests. The meaning of fields is in `requests`; which are ignored or refused is listed here.

Null is accepted for every optional field. Unknown fields are refused by name, as OpenAI does.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic accepts Python's own from 3.12 on

Json = dict[str, Any]
# Validation stops at the first invalid item of a list: a body may have millions.
Texts = Annotated[list[str], Field(fail_fast=True)]
Numbers = Annotated[list[int], Field(fail_fast=True)]
Objects = Annotated[list[Json], Field(fail_fast=True)]

# Fields of OpenAI's and other servers that change nothing here.
IGNORED = frozenset({
    *("user", "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
    *("prompt_cache_options", "max_tool_calls", "background_options", "access_programs"),
    *("parallel_tool_calls", "verbosity", "separate_reasoning", "stream_reasoning", "include_reasoning"),
    *("skip_special_tokens", "spaces_between_special_tokens", "add_generation_prompt", "add_special_tokens"),
    *("priority", "request_id", "cache_salt", "include", "truncation"),
})  # fmt: skip
# Fields of messages and their texts that clients send back from earlier answers. They are not shown to the model.
IGNORED_OF_MESSAGES = frozenset({
    *("type", "id", "status", "phase", "name", "refusal", "annotations", "parsed", "logprobs", "tool_call_id"),
    *("thinking", "thinking_blocks", "reasoning_details", "reasoning_items", "provider_specific_fields"),
    *("prefix", "cache_control"),
})  # fmt: skip
IGNORED_OF_TEXTS = frozenset({
    *("type", "id", "status", "phase", "index", "annotations", "parsed", "logprobs", "extras"),
    *("cache_control", "prompt_cache_breakpoint"),
})  # fmt: skip
# Fields that would change the answer and are not supported: refused unless their value has no effect.
REFUSED = {
    "tools": "calls of tools are not supported",
    "tool_choice": "calls of tools are not supported",
    "functions": "calls of functions are not supported",
    "function_call": "calls of functions are not supported",
    "audio": "answers are text alone",
    "modalities": "answers are text alone",
    "prediction": "predicted outputs are not supported",
    "web_search_options": "there is no web search",
    "best_of": "answers are not ranked; use n",
    "use_beam_search": "use num_beams",
    "echo": "the prompt is not repeated",
    "suffix": "text is not inserted before a suffix",
    "continue_final_message": "answers begin a turn of their own",
    "previous_response_id": "responses are not stored: send the whole conversation",
    "conversation": "conversations are not stored: send the whole conversation",
    "background": "responses are not stored: stream them",
    "prompt": "prompts are not stored",
    "prompt_logprobs": "log-probabilities of the prompt are not returned",
    "moderation": "requests and answers are not moderated",
    "context_management": "conversations are not compacted: send what fits",
}
ASKS_NOTHING: tuple[Any, ...] = (None, False, [], {}, "", "none", "auto", ["text"])


def asks_nothing(name: str, value: Any) -> bool:
    """Whether the value of a field in `REFUSED` has no effect. The only such number is 1 for `best_of`."""
    if name == "best_of" and type(value) is int:
        return value == 1
    return any(type(value) is type(nothing) and value == nothing for nothing in ASKS_NOTHING)


class Request(BaseModel):
    """Base of all requests. Types are strict: a string that looks like a number is not accepted as one."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str | None = None

    @property
    def unknown(self) -> Json:
        """Undeclared fields that are not ignored."""
        return {name: value for name, value in (self.model_extra or {}).items() if name not in IGNORED}


class SamplingFields(Request):
    """Sampling parameters; see docs/sampling.md for bounds and meaning."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Json | None = None
    seed: int | None = None
    stop: str | Texts | None = None
    min_tokens: int | None = None
    ignore_eos: bool | None = None
    num_beams: int | None = None
    length_penalty: float | None = None
    early_stopping: bool | Literal["never"] | None = None
    guided_regex: str | None = None
    guided_choice: Texts | None = None
    guided_json: Json | None = None
    structured_outputs: Json | None = None


class FileFields(Request):
    """Options for files; each may also be given in a part, where it takes precedence."""

    fps: float | None = None
    num_frames: int | None = None
    max_frames: int | None = None
    package_frames: int | None = None
    force_package_frames: bool | None = None
    max_packages: int | None = None
    start: float | None = None
    end: float | None = None
    max_slices: int | None = None
    pages: str | None = None
    media_io_kwargs: Json | None = None
    mm_processor_kwargs: Json | None = None


class ThinkingFields(Request):
    """Whether, and for how many tokens, the model reasons before it answers."""

    chat_template_kwargs: Json | None = None
    reasoning_effort: str | None = None
    thinking_token_budget: int | None = None
    enable_thinking: bool | None = None


class FaultDetails(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class Fault(BaseModel):
    """The format of all errors."""

    error: FaultDetails


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = None


class ChatMessage(BaseModel):
    """A message; parts of its content are parsed by `requests`, which knows all formats."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Objects | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


Messages = Annotated[list[ChatMessage], Field(min_length=1, fail_fast=True)]


class ConversationRequest(FileFields, ThinkingFields):
    messages: Messages


class ChatRequest(ConversationRequest, SamplingFields):
    """POST /v1/chat/completions"""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: Json | None = None
    return_token_ids: bool | None = None


class PreviewRequest(ConversationRequest):
    """POST /v1/preview: what the model sees of a conversation.

    pictures: whether to show it too, as JPEG in data URLs.
    """

    pictures: bool | None = None


class CompletionRequest(SamplingFields):
    """POST /v1/completions: text completion, without the chat template.

    prompt: texts or token ids, one or many.
    """

    prompt: str | Texts | Numbers | Annotated[list[Numbers], Field(fail_fast=True)]
    max_tokens: int | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: int | None = None


class TokenizeRequest(FileFields, ThinkingFields):
    """POST /tokenize: tokens of a text, or of a conversation with its files."""

    prompt: str | None = None
    messages: Messages | None = None


class DetokenizeRequest(Request):
    """POST /detokenize"""

    tokens: Numbers


@with_config(ConfigDict(extra="allow"))
class Effort(TypedDict, total=False):
    """Reasoning options of the Responses API. Only `effort` has an effect."""

    effort: str | None


@with_config(ConfigDict(extra="allow"))
class TextForm(TypedDict, total=False):
    """Text options of the Responses API."""

    format: Json | None


class ResponsesRequest(FileFields, ThinkingFields, SamplingFields):
    """POST /v1/responses

    image, stream_options: options of OpenAI for compression and padding; they have no effect here.
    """

    input: str | Annotated[list[Json], Field(min_length=1, fail_fast=True)]
    instructions: str | None = None
    max_output_tokens: int | None = None
    stream: bool | None = None
    stream_options: Json | None = None
    image: Json | None = None
    text: TextForm | None = None
    reasoning: Effort | None = None
    top_logprobs: int | None = None
    include: Texts | None = None
    metadata: Json | None = None
