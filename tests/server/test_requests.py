"""What messages hold beside their content: files there are refused by name, what clients send back is taken."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pydantic
import pytest
from running_server import data_url

PICTURE = data_url("heading.png", "image/png")
ROUTES = {"/v1/chat/completions": "messages", "/v1/preview": "messages", "/v1/responses": "input"}
TEXT = {"type": "text", "text": "Read the text."}


@pytest.mark.parametrize(("route", "field"), ROUTES.items())
@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({"content": "?", "images": [PICTURE]}, "images"),
        ({"content": "?", "image_url": {"url": PICTURE}}, "image_url"),
        ({"content": "?", "files": [{"type": "image", "url": PICTURE}]}, "files"),
        ({"content": "?", "experimental_attachments": [{"url": PICTURE}]}, "experimental_attachments"),
        ({"content": "?", "audio": {"id": "audio_1"}}, "audio"),
        ({"content": [{**TEXT, "image_url": {"url": PICTURE}}]}, "content.0.image_url"),
        ({"content": [{"text": "?", "image": PICTURE}]}, "content.0.image"),
        ({"content": [{"type": "input_text", "text": "?", "max_slices": 2}]}, "content.0.max_slices"),
    ],
)
def test_what_stands_in_the_place_of_a_part_is_refused(
    client: httpx.Client, route: str, field: str, message: dict[str, Any], place: str
) -> None:
    response = client.post(route, json={field: [{"role": "user", **message}]})
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, f"{field}.0.{place}")
    assert error["message"] == f"Unknown parameter: '{field}.0.{place}'. A file is a part of its own."


LITELLM = {"provider_specific_fields": {"refusal": None}, "thinking_blocks": [{"type": "thinking", "thinking": "Hm"}]}
CITATION = {"type": "url_citation", "url_citation": {"url": "a", "title": "b", "start_index": 0, "end_index": 1}}


@pytest.mark.parametrize(
    ("role", "more"),
    [
        ("user", {"name": "Ada", "images": [], "files": None, "experimental_attachments": []}),
        ("system", {"name": "s", "cache_control": {"type": "ephemeral"}}),
        ("assistant", {"refusal": None, "annotations": [CITATION], "audio": None, "function_call": None}),
        ("assistant", {"tool_calls": [], "tool_call_id": "1", "id": "msg_1", "prefix": True, "parsed": {"a": 1}}),
        ("assistant", {"type": "message", "status": "completed", "phase": "final_answer", "logprobs": {"content": []}}),
        ("assistant", {"reasoning": "Hm", "reasoning_content": "Hm", "thinking": "Hm", "refusal": "no"}),
        ("assistant", {"reasoning_details": [{"text": "Hm"}], "reasoning_items": [{"id": "1"}], "images": []}),
        ("assistant", LITELLM),
    ],
)
def test_what_clients_send_back_is_taken(client: httpx.Client, role: str, more: dict[str, Any]) -> None:
    def tokens(told: dict[str, Any], part: dict[str, Any]) -> list[int]:
        content = [{"type": "text", "text": "Hi.", **part}]
        messages = [{"role": role, "content": content, **told}, {"role": "user", "content": [TEXT]}]
        response = client.post("/tokenize", json={"messages": messages})
        assert response.status_code == 200, response.text
        found: list[int] = response.json()["tokens"]
        return found

    part = {"annotations": [CITATION], "logprobs": [{"token": "Hi"}], "id": "msg_1", "index": 1, "phase": "commentary"}
    cached = {
        "cache_control": {"type": "ephemeral"},
        "prompt_cache_breakpoint": {"mode": "explicit"},
        "image_url": None,
    }
    assert tokens(more, part) == tokens({}, cached) == tokens({}, {})


class Word(pydantic.BaseModel):
    word: str


def test_our_own_answers_are_taken_back(openai_client: openai.OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "Say a word."}]
    settings: dict[str, Any] = {"model": "nano:think", "temperature": 0}
    answer = openai_client.chat.completions.parse(
        messages=asked, logprobs=True, response_format=Word, max_tokens=300, **settings
    )
    for is_short in (True, False):  # as the client sends the message itself, and as it writes it out
        message = answer.choices[0].message.model_dump(exclude_unset=is_short, warnings=False)
        openai_client.chat.completions.create(messages=[*asked, message, *asked], max_tokens=1, **settings)
    found = openai_client.responses.create(input=asked, top_logprobs=1, max_output_tokens=300, **settings)
    assert [item.type for item in found.output] == ["reasoning", "message"]
    openai_client.responses.create(input=[*asked, *found.output, *asked], max_output_tokens=1, **settings)
