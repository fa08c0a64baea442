"""Text that goes on, and text to tokens and back."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import openai
import pytest

from demiglace import Demiglace


def test_a_prompt_goes_on_the_same_whole_and_in_pieces(openai_client: openai.OpenAI) -> None:
    asked = {
        "model": "nano",
        "prompt": "The text is",
        "temperature": 0,
        "max_tokens": 12,
        "extra_body": {"min_tokens": 8},
    }
    whole = openai_client.completions.create(**asked)
    pieces = [chunk.choices[0].text for chunk in openai_client.completions.create(**asked, stream=True)]
    assert whole.choices[0].text == "".join(pieces) != ""
    assert whole.choices[0].finish_reason in ("stop", "length")


def test_token_ids_are_a_prompt_like_their_text(client: httpx.Client, openai_client: openai.OpenAI) -> None:
    tokens = client.post("/tokenize", json={"prompt": "The text is"}).json()["tokens"]
    assert client.post("/detokenize", json={"tokens": tokens}).json() == {"prompt": "The text is"}
    asked = {"model": "nano", "temperature": 0, "max_tokens": 8}
    by_text = openai_client.completions.create(prompt="The text is", **asked)
    by_ids = openai_client.completions.create(prompt=tokens, **asked)
    assert by_text.choices[0].text == by_ids.choices[0].text
    assert by_text.usage.prompt_tokens == len(tokens)


def test_several_prompts_and_choices_are_counted_through(openai_client: openai.OpenAI) -> None:
    found = openai_client.completions.create(
        model="nano", prompt=["One", "Two"], n=2, seed=3, temperature=1.0, max_tokens=4, logprobs=2
    )
    assert [choice.index for choice in found.choices] == [0, 1, 2, 3]
    assert found.usage.completion_tokens == sum(len(choice.logprobs.tokens) for choice in found.choices) > 8
    assert all(len(top) == 2 for choice in found.choices for top in choice.logprobs.top_logprobs)
    again = openai_client.completions.create(
        model="nano", prompt="Two", n=2, seed=3, temperature=1.0, max_tokens=4, logprobs=2
    )
    assert [choice.text for choice in again.choices] == [choice.text for choice in found.choices[2:]]


def test_log_probabilities_in_pieces_are_those_of_the_whole(openai_client: openai.OpenAI) -> None:
    asked = {"model": "nano", "prompt": ["One", "Two"], "n": 2, "seed": 3, "temperature": 1.0, "max_tokens": 150}
    asked |= {"logprobs": 1, "extra_body": {"ignore_eos": True}}  # so long that each comes in many pieces
    whole = openai_client.completions.create(**asked)
    found: dict[int, list[tuple[str, int]]] = {choice.index: [] for choice in whole.choices}
    for chunk in openai_client.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            if told := choice.logprobs:
                found[choice.index] += zip(told.tokens, told.text_offset, strict=True)
    for choice in whole.choices:
        assert found[choice.index] == list(zip(choice.logprobs.tokens, choice.logprobs.text_offset, strict=True))


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [("", "at least one token"), ([], "at least one token"), ([-1], "token -1"), ([10**9], "token 1000000000")],
)
def test_prompts_that_are_none_are_refused(client: httpx.Client, prompt: object, fault: str) -> None:
    response = client.post("/v1/completions", json={"prompt": prompt})
    assert response.status_code == 400
    assert fault in response.json()["error"]["message"]
    assert response.json()["error"]["param"] == "prompt"


def test_a_conversation_is_tokenized_as_it_is_asked(client: httpx.Client, assistant: Demiglace) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    counted = client.post("/tokenize", json={"messages": messages}).json()
    answered = client.post("/v1/chat/completions", json={"messages": messages, "max_tokens": 1}).json()
    assert counted["count"] == len(counted["tokens"]) == answered["usage"]["prompt_tokens"]
    assert counted["max_model_len"] == assistant.room + 1


def test_texts_are_tokenised_outside_the_event_loop(
    client: httpx.Client, assistant: Demiglace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long text takes long, and until it is tokenised no other request would be answered."""
    tokenizer, threads = assistant.processor.tokenizer, list[str]()
    encode = tokenizer.encode_pieces

    def watched(pieces: Any) -> list[int]:
        threads.append(threading.current_thread().name)
        return encode(pieces)

    monkeypatch.setattr(tokenizer, "encode_pieces", watched)
    client.post("/tokenize", json={"prompt": "The text is"})
    client.post("/v1/completions", json={"prompt": ["One", "Two"], "max_tokens": 1})
    assert [name.partition("_")[0] for name in threads] == ["requests"] * 3
