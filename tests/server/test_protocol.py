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
