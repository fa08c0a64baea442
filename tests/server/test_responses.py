"""The Responses API by OpenAI's own client."""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx
import openai
import pydantic
import pytest
from running_server import data_url

QUESTION = [
    {
        "role": "user",
        "content": [
            {"type": "input_image", "image_url": data_url("heading.png", "image/png"), "detail": "auto"},
            {"type": "input_text", "text": "Read the text."},
        ],
    }
]
NO_FILE = {"type": "input_image"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}


def test_a_response_has_the_answer_of_a_chat(openai_client: openai.OpenAI) -> None:
    found = openai_client.responses.create(model="nano", input=QUESTION, temperature=0)
    chat = openai_client.chat.completions.create(
        model="nano",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": data_url("heading.png", "image/png")}},
                    {"type": "text", "text": "Read the text."},
                ],
            }
        ],
        temperature=0,
    )
    assert found.output_text == chat.choices[0].message.content != ""
    assert found.status == "completed"
    assert found.usage.input_tokens == chat.usage.prompt_tokens
    assert found.usage.output_tokens == chat.usage.completion_tokens


@pytest.mark.parametrize("model", ["nano", "nano:think"])
def test_events_come_in_order_and_end_with_the_whole(openai_client: openai.OpenAI, model: str) -> None:
    asked = {"model": model, "input": QUESTION, "temperature": 0, "max_output_tokens": 40}
    whole = openai_client.responses.create(**asked)
    events = list(openai_client.responses.create(**asked, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1].response
    assert events[-1].type == f"response.{last.status}"
    assert [item.model_dump(exclude={"id"}) for item in last.output] == [
        item.model_dump(exclude={"id"}) for item in whole.output
    ]
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert done == last.output
    for kind, text in (("output_text", last.output_text), ("reasoning_text", _thoughts(last))):
        assert "".join(event.delta for event in events if event.type == f"response.{kind}.delta") == text


def _thoughts(response: openai.types.responses.Response) -> str:
    return "".join(part.text for item in response.output if item.type == "reasoning" for part in item.content)


def test_the_streaming_helper_of_the_client_takes_the_events(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="nano", input="Hello", temperature=0, max_output_tokens=8) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert final.usage.output_tokens <= 8


def test_instructions_and_earlier_turns_are_shown(openai_client: openai.OpenAI) -> None:
    turns = [
        {"role": "user", "content": "Hello"},
        THOUGHT,
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]},
        {"role": "user", "content": "Bye"},
    ]
    alone = openai_client.responses.create(model="nano", input="Bye", max_output_tokens=1)
    more = openai_client.responses.create(model="nano", input=turns, instructions="Be brief.", max_output_tokens=1)
    assert more.usage.input_tokens > alone.usage.input_tokens + 10


def test_what_cannot_be_had_is_refused_by_name(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="previous_response_id: responses are not stored") as caught:
        openai_client.responses.create(model="nano", input="Hello", previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"
    with pytest.raises(openai.BadRequestError, match="items are not stored: send the items themselves"):
        openai_client.responses.create(model="nano", input=[{"type": "item_reference", "id": "msg_1"}])
    with pytest.raises(openai.BadRequestError, match="items are messages"):
        openai_client.responses.create(model="nano", input=[{"type": "function_call", "name": "f", "arguments": "{}"}])


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        ({"reasoning": {"effort": 5}}, "reasoning.effort", "valid string"),
        ({"reasoning": {"effort": "huge"}}, "reasoning_effort", "must be one of none"),
        ({"text": {"format": "json"}}, "text.format", "valid dictionary"),
        ({"input": [{"role": "user", "content": [5]}]}, "input.0.content.0", "valid dictionary"),
        ({"input": [{"content": "x"}]}, "input.0.role", "Field required"),
        ({"input": [{"role": "user", "content": [NO_FILE]}]}, "input.0.content.0", "needs an address"),
        ({"input": [THOUGHT, {"role": "user", "content": [NO_FILE]}]}, "input.1.content.0", "needs an address"),
        (
            {"input": [{"role": "user", "content": [NO_FILE]}], "instructions": "Be brief."},
            "input.0.content.0",
            "needs an address",
        ),
        ({"input": "x" * 20_000}, "input", "room for 4095"),
    ],
)
def test_a_fault_is_named_in_one_line(client: httpx.Client, fields: dict[str, Any], param: str, told: str) -> None:
    response = client.post("/v1/responses", json={"input": "Hello", **fields})
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert told in error["message"]


def test_what_is_repeated_of_a_request_may_be_no_text(client: httpx.Client) -> None:
    """Half of a surrogate pair, which JSON can carry."""
    fields = {"instructions": "\ud800", "metadata": {"\ud800": "\udc00"}, "max_output_tokens": 1}
    content = json.dumps({"input": "Hello", **fields})
    response = client.post("/v1/responses", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
    assert response.json()["metadata"] == {"?": "?"}


class Text(pydantic.BaseModel):
    text: Annotated[str, pydantic.Field(max_length=12)]


def test_a_schema_is_held_and_parsed_by_the_client(openai_client: openai.OpenAI) -> None:
    found = openai_client.responses.parse(
        model="nano", input=QUESTION, temperature=0, max_output_tokens=200, text_format=Text
    )
    assert found.output_parsed is not None
    assert Text.model_validate_json(found.output_text) == found.output_parsed
