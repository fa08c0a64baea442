"""The table of fields in docs/serving.md has every field that is taken, ignored or refused, and those of OpenAI."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from openai.resources.chat.completions import Completions as Chats
from openai.resources.completions import Completions
from openai.resources.responses import Responses

from demiglace.server import protocol
from demiglace.server.errors import ApiError
from demiglace.server.requests import check_fields

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
REQUESTS = (
    protocol.ChatRequest,
    protocol.CompletionRequest,
    protocol.ResponsesRequest,
    protocol.TokenizeRequest,
)


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            *(protocol.IGNORED | protocol.IGNORED_OF_MESSAGES | protocol.IGNORED_OF_TEXTS),
            *protocol.REFUSED,
            *(name for one in (*REQUESTS, protocol.ChatMessage) for name in one.model_fields),
        }
    ),
)
def test_the_page_has_every_field(name: str) -> None:
    table = PAGE.partition("## Fields")[2].partition("## Files")[0]
    assert re.search(rf"`{name}\b", table)


@pytest.mark.parametrize(
    ("name", "value", "is_nothing"),
    [
        ("best_of", 1, True),
        ("best_of", 2, False),
        ("best_of", 0, False),
        ("prompt_logprobs", 1, False),
        ("prompt_logprobs", 0, False),
        ("prompt_logprobs", None, True),
        ("echo", False, True),
        ("echo", True, False),
        ("echo", 1, False),
        ("tools", [], True),
        ("tool_choice", "auto", True),
        ("modalities", ["text"], True),
        ("modalities", ["text", "audio"], False),
    ],
)
def test_what_asks_for_nothing_is_told_by_its_type(name: str, value: object, is_nothing: bool) -> None:
    request = protocol.ChatRequest(messages=[{"role": "user", "content": "?"}], **{name: value})
    if is_nothing:
        check_fields(request)
        return
    with pytest.raises(ApiError, match=f"^{name}: ") as caught:
        check_fields(request)
    assert (caught.value.status, caught.value.param) == (400, name)


def test_no_field_is_taken_and_refused() -> None:
    declared = {name for one in (protocol.ChatRequest,) for name in one.model_fields}
    assert not protocol.IGNORED & protocol.REFUSED.keys()
    assert not declared & {*protocol.IGNORED, *protocol.REFUSED}


@pytest.mark.parametrize(
    ("create", "request_of"),
    [
        (Chats.create, protocol.ChatRequest),
        (Completions.create, protocol.CompletionRequest),
        (Responses.create, protocol.ResponsesRequest),
    ],
)
def test_every_parameter_of_openai_s_client_is_known(
    create: Callable[..., object], request_of: type[protocol.Request]
) -> None:
    parameters = {*inspect.signature(create).parameters} - {"self", "timeout"}
    sent = {name for name in parameters if not name.startswith("extra_")}
    assert sent - {*request_of.model_fields, *protocol.IGNORED, *protocol.REFUSED} == set()
    assert len(sent) > 15
