"""Chats by OpenAI's own client: the answers are those of `ask`, whole and in pieces."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import openai
import pydantic
import pytest
from pdf_writer import Sheet, show, write_pdf
from running_server import SAMPLES, data_url

from demiglace import Demiglace, Document, SamplingParams, Video, VideoSampling

READ = "Read the text."


def asked(name: str = "heading.png", question: str = READ) -> list[dict[str, Any]]:
    picture = {"type": "image_url", "image_url": {"url": data_url(name, "image/png"), "detail": "low"}}
    return [{"role": "user", "content": [picture, {"type": "text", "text": question}]}]


@pytest.mark.parametrize("name", ["heading.png", "line.png"])
def test_an_answer_is_the_one_of_ask(openai_client: openai.OpenAI, assistant: Demiglace, name: str) -> None:
    expected = assistant.ask(READ, SAMPLES / name, sampling=SamplingParams.greedy())
    found = openai_client.chat.completions.create(model="nano", messages=asked(name), temperature=0)
    assert found.choices[0].message.content == expected.text != ""
    assert found.choices[0].finish_reason == "stop"
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (expected.prompt_tokens, expected.new_tokens)


def test_a_clip_and_pages_are_answered_as_by_ask(client: httpx.Client, assistant: Demiglace, tmp_path: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", Sheet(show("First", 50, 100)), Sheet(show("Second", 50, 100)))
    parts = [Video(SAMPLES / "flash.mp4", VideoSampling(package_frames=4, force_package_frames=True)), Document(pdf)]
    expected = assistant.ask(READ, *parts, sampling=SamplingParams.greedy(30))
    clip = {"type": "video_url", "video_url": {"url": data_url("flash.mp4", "video/mp4"), "package_frames": 4}}
    pages = {"type": "file", "file": {"file_data": data_url(pdf.read_bytes(), "application/pdf")}}
    content = [clip, pages, {"type": "text", "text": READ}]
    body = {"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 30}
    told = client.post("/v1/chat/completions", json=body).json()
    assert told["choices"][0]["message"]["content"] == expected.text
    assert told["usage"]["prompt_tokens"] == expected.prompt_tokens
    assert told["usage"]["prompt_tokens_details"]["visual_tokens"] == expected.visual_tokens
    assert [one["tokens"] for one in told["usage"]["media"]] == [128, expected.visual_tokens - 128]


def test_a_stream_is_the_same_answer(openai_client: openai.OpenAI) -> None:
    whole = openai_client.chat.completions.create(model="nano", messages=asked(), temperature=0)
    chunks = list(
        openai_client.chat.completions.create(
            model="nano", messages=asked(), temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    pieces = [chunk.choices[0].delta.content for chunk in chunks[1:-2]]
    assert all(pieces)
    assert "".join(pieces) == whole.choices[0].message.content
    assert [choice.finish_reason for choice in chunks[-2].choices] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_the_content_of_thoughts_alone_is_an_empty_text_in_a_stream_too(openai_client: openai.OpenAI) -> None:
    body: Any = {"model": "nano:think", "messages": asked(), "temperature": 0, "max_tokens": 4}
    assert openai_client.chat.completions.create(**body).choices[0].message.content == ""
    deltas = [chunk.choices[0].delta for chunk in openai_client.chat.completions.create(**body, stream=True)]
    assert [delta.content for delta in deltas if delta.content is not None] == [""]


def test_a_long_answer_comes_in_pieces(client: httpx.Client) -> None:
    """Pieces that wait come as one, and on a busy machine a short answer may be whole before any is sent."""
    body = {"messages": asked(), "temperature": 0, "max_tokens": 300, "ignore_eos": True, "stream": True}
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        told = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {")]
    assert len([one for one in told if one["choices"][0]["delta"].get("content")]) > 5
    assert told[-1]["choices"][0]["finish_reason"] == "length"


def test_visual_tokens_stand_apart_and_by_file(openai_client: openai.OpenAI) -> None:
    found = openai_client.chat.completions.create(model="nano", messages=asked(), temperature=0, max_tokens=1)
    assert found.choices[0].finish_reason == "length"
    assert found.usage.prompt_tokens_details.visual_tokens == 64
    assert found.usage.media == [
        {
            "type": "image",
            "pictures": 1,
            "slices": 1,
            "tokens": 64,
            "qwen2_5_vl_tokens": 11,
            "qwen3_vl_tokens": 75,
        }
    ]


class Text(pydantic.BaseModel):
    text: Annotated[str, pydantic.Field(max_length=12)]
    language: Literal["en", "de"]


def test_a_schema_is_held_and_parsed_by_the_client(openai_client: openai.OpenAI) -> None:
    found = openai_client.chat.completions.parse(
        model="nano", messages=asked(), temperature=0, max_tokens=200, response_format=Text
    )
    parsed = found.choices[0].message.parsed
    assert parsed is not None
    assert json.loads(found.choices[0].message.content) == parsed.model_dump()


@pytest.mark.parametrize(
    ("fields", "pattern"),
    [
        ({"response_format": {"type": "json_object"}, "max_tokens": 300}, r"\s*\{.*"),
        ({"guided_regex": "[0-9]{4}"}, r"[0-9]{4}"),
        ({"guided_choice": ["yes", "no"]}, r"yes|no"),
        ({"guided_json": {"type": "boolean"}}, r"\s*(true|false)\s*"),
        ({"structured_outputs": {"choice": ["left", "right"]}}, r"left|right"),
    ],
)
def test_forms_in_every_dialect(client: httpx.Client, fields: dict[str, Any], pattern: str) -> None:
    body = {"messages": asked(), "temperature": 0, **fields}
    message = client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert re.fullmatch(pattern, message["content"], re.DOTALL)


def test_log_probabilities_are_those_of_ask_whole_and_in_pieces(
    openai_client: openai.OpenAI, assistant: Demiglace
) -> None:
    sampling = replace(SamplingParams.greedy(), logprobs=2)
    expected = assistant.ask(READ, SAMPLES / "line.png", sampling=sampling).log_probabilities[:-1]
    settings = {"model": "nano", "messages": asked("line.png"), "temperature": 0, "logprobs": True, "top_logprobs": 2}
    whole = openai_client.chat.completions.create(**settings)
    content = whole.choices[0].logprobs.content
    assert [token.bytes for token in content] == [list(choice.taken.content) for choice in expected]
    assert [token.logprob for token in content] == pytest.approx([choice.taken.log_probability for choice in expected])
    assert all(len(token.top_logprobs) == 2 for token in content)
    pieces = [
        token
        for chunk in openai_client.chat.completions.create(**settings, stream=True)
        for token in (chunk.choices[0].logprobs.content if chunk.choices[0].logprobs else [])
    ]
    assert [token.bytes for token in pieces] == [token.bytes for token in content]


def test_choices_are_those_of_their_seeds(openai_client: openai.OpenAI, assistant: Demiglace) -> None:
    params = replace(assistant.sampling, temperature=1.5, top_p=1.0, top_k=0, seed=5, max_new_tokens=6)
    expected = [one.text for one in assistant.batch([("Hello", ())] * 3, params.repeated(3))]
    settings: dict[str, Any] = {
        "model": "nano",
        "messages": [{"role": "user", "content": "Hello"}],
        "n": 3,
        "seed": 5,
        "temperature": 1.5,
        "top_p": 1.0,
        "max_tokens": 6,
        "extra_body": {"top_k": -1},
    }
    found = openai_client.chat.completions.create(**settings)
    assert [choice.message.content for choice in found.choices] == expected
    texts = ["", "", ""]
    for chunk in openai_client.chat.completions.create(**settings, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == expected


def test_an_answer_ends_before_its_stop_string(openai_client: openai.OpenAI) -> None:
    found = openai_client.chat.completions.create(model="nano", messages=asked(), temperature=0, stop=["based", "x"])
    assert found.choices[0].message.content == "Region-"
    assert found.choices[0].finish_reason == "stop"


THINKING = [
    ({"model": "nano:think"}, True),
    ({"chat_template_kwargs": {"enable_thinking": True}}, True),
    ({"enable_thinking": True}, True),
    ({"reasoning_effort": "high"}, True),
    ({"reasoning_effort": "none"}, False),
    ({"model": "nano:think", "chat_template_kwargs": {"enable_thinking": False}}, False),
    ({"model": "nano:think", "reasoning_effort": "none"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("fields", "thinks"), THINKING)
def test_thinking_is_asked_for_in_every_dialect(client: httpx.Client, fields: dict[str, Any], thinks: bool) -> None:
    body = {"messages": asked(), "temperature": 0, "max_tokens": 20, **fields}
    told = client.post("/v1/chat/completions", json=body).json()
    message = told["choices"][0]["message"]
    assert message.get("reasoning") == message.get("reasoning_content")
    assert ("reasoning" in message) is thinks
    assert (told["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0) is thinks


def test_thoughts_are_closed_at_their_budget_and_stream_apart(client: httpx.Client, assistant: Demiglace) -> None:
    sampling = replace(SamplingParams.greedy(), thinking_budget=3, max_new_tokens=60)
    expected = assistant.ask(READ, SAMPLES / "heading.png", thinking=True, sampling=sampling)
    assert expected.thinking
    assert expected.text
    body = {"messages": asked(), "model": "nano:think", "temperature": 0, "max_tokens": 60, "thinking_token_budget": 3}
    message = client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert (message["reasoning"], message["content"]) == (expected.thinking, expected.text)
    lines = client.post("/v1/chat/completions", json={**body, "stream": True}).text.split("\n\n")
    deltas = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"] for line in lines[:-2]]
    assert "".join(delta.get("reasoning", "") for delta in deltas) == expected.thinking
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == expected.thinking
    assert "".join(delta.get("content", "") for delta in deltas) == expected.text
    assert all(value for delta in deltas[1:] for value in delta.values())


def test_many_clients_at_once_have_their_own_answers(client: httpx.Client, address: str) -> None:
    names = ["heading.png", "line.png", "page.png"]
    alone = {name: _content(client, name) for name in names}
    with ThreadPoolExecutor(12) as threads, httpx.Client(base_url=address, timeout=60) as shared:
        found = list(threads.map(lambda number: _content(shared, names[number % 3]), range(24)))
    assert found == [alone[names[number % 3]] for number in range(24)]


def _content(client: httpx.Client, name: str) -> str:
    response = client.post("/v1/chat/completions", json={"messages": asked(name), "temperature": 0, "max_tokens": 40})
    content: str = response.json()["choices"][0]["message"]["content"]
    return content


@pytest.mark.parametrize("stop", [None, "based"])
def test_beams_find_what_ask_finds(client: httpx.Client, assistant: Demiglace, stop: str | None) -> None:
    sampling = replace(SamplingParams.greedy(30), num_beams=3, length_penalty=0.5, stop=[stop] if stop else [])
    expected = assistant.ask(READ, SAMPLES / "heading.png", sampling=sampling).text
    beams = {"num_beams": 3, "length_penalty": 0.5, "stop": stop}
    body = {"messages": asked(), "temperature": 0, "max_tokens": 30, **beams}
    told = client.post("/v1/chat/completions", json=body).json()
    assert told["choices"][0]["message"]["content"] == expected != ""


def test_thoughts_that_end_at_a_stop_string_are_no_more_than_all_tokens(client: httpx.Client) -> None:
    messages = [{"role": "user", "content": "Say a word."}]
    body = {"model": "nano:think", "messages": messages, "temperature": 0, "max_tokens": 200, "num_beams": 3}
    whole = client.post("/v1/chat/completions", json=body).json()
    assert whole["choices"][0]["message"]["content"]
    body["stop"] = whole["choices"][0]["message"]["reasoning"][3:6]
    cut = client.post("/v1/chat/completions", json=body).json()["usage"]
    thoughts = cut["completion_tokens_details"]["reasoning_tokens"]
    assert thoughts == cut["completion_tokens"] < whole["usage"]["completion_tokens_details"]["reasoning_tokens"]


def test_the_streaming_helper_of_the_client_parses_too(openai_client: openai.OpenAI) -> None:
    settings = {"model": "nano", "messages": asked(), "temperature": 0, "max_tokens": 200, "response_format": Text}
    with openai_client.chat.completions.stream(**settings) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert final.choices[0].message.parsed == Text.model_validate_json(final.choices[0].message.content)


def test_tokens_are_told_where_they_are_asked_for(client: httpx.Client, assistant: Demiglace) -> None:
    body = {"messages": [{"role": "user", "content": "Hi."}], "max_tokens": 400, "temperature": 0, "logprobs": True}
    plain = client.post("/v1/chat/completions", json=body).json()
    told = client.post("/v1/chat/completions", json=body | {"return_token_ids": True}).json()
    (choice,), (other,) = told["choices"], plain["choices"]
    ends = {assistant.processor.tokenizer.special[name] for name in ("im_end", "end_of_text")}
    assert choice["finish_reason"] == "stop"
    assert choice["token_ids"][-1] in ends
    assert len(choice["token_ids"]) == len(choice["logprobs"]["content"]) == len(other["logprobs"]["content"]) + 1
    assert assistant.processor.tokenizer.decode(choice["token_ids"][:-1]) == choice["message"]["content"]
    assert len(told["prompt_token_ids"]) == told["usage"]["prompt_tokens"]
    assert "token_ids" not in other
    for wrong in ({"stream": True}, {"logprobs": False}):
        refused = client.post("/v1/chat/completions", json=body | {"return_token_ids": True} | wrong)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "return_token_ids"
