"""The page sends a file once: turns name its upload, and where the server has it no longer, the file goes along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from chat_page import READ, ChatPage
from running_server import SAMPLES

from demiglace import Conversation, Demiglace, Image, Message, SamplingParams, Text

PICTURE = SAMPLES / "heading.png"
AGAIN = "And once more?"


class Requests:
    """What the page sends, in order."""

    def __init__(self, page: Any) -> None:
        self.all: list[Any] = []
        page.on("request", lambda request: self.all.append(request))

    def sent(self, path: str, method: str = "POST") -> list[Any]:
        return [one for one in self.all if one.url.endswith(path) and one.method == method]

    def sizes(self, path: str) -> list[int]:
        return [len(one.post_data_buffer) for one in self.sent(path)]

    def ids(self) -> set[str]:
        """Of the uploads that questions named."""
        bodies = [one.post_data_json for one in self.sent("/v1/chat/completions")]
        contents = [message["content"] for body in bodies for message in body["messages"]]
        parts = [part for content in contents if isinstance(content, list) for part in content]
        return {part["image_url"]["file_id"] for part in parts if "file_id" in part.get("image_url", {})}


@pytest.fixture
def requests(chat: ChatPage) -> Requests:
    return Requests(chat.page)


def expected(assistant: Demiglace) -> list[str]:
    """Two turns about the picture, whose file goes along whole."""
    first = (Message("user", (Image(PICTURE), Text(READ))),)
    told = assistant.answer(Conversation(first), SamplingParams.greedy()).text
    second = (*first, Message("assistant", (Text(told),)), Message("user", (Text(AGAIN),)))
    return [told, assistant.answer(Conversation(second), SamplingParams.greedy()).text]


def test_two_turns_send_a_file_once(chat: ChatPage, requests: Requests, assistant: Demiglace, address: str) -> None:
    chat.show(PICTURE)
    chat.choose(temperature=0)
    assert [chat.ask(), chat.ask(AGAIN)] == expected(assistant)
    (id_,) = requests.ids()
    assert httpx.get(f"{address}/v1/files/{id_}").json()["bytes"] == PICTURE.stat().st_size
    assert len(requests.sent("/v1/files")) == 1
    assert max(requests.sizes("/v1/preview") + requests.sizes("/v1/chat/completions")) < 1000
    assert "base64," in chat.copied("Copy as curl")  # whoever runs it has no upload


def test_a_file_that_the_server_has_no_longer_goes_along_and_is_uploaded_again(
    chat: ChatPage, requests: Requests, assistant: Demiglace, address: str
) -> None:
    chat.show(PICTURE)
    chat.choose(temperature=0)
    told = [chat.ask()]
    (gone,) = requests.ids()
    assert httpx.delete(f"{address}/v1/files/{gone}").status_code == 200
    told.append(chat.ask(AGAIN))
    assert told == expected(assistant)
    assert requests.sizes("/v1/chat/completions")[-1] > PICTURE.stat().st_size
    chat.ask(AGAIN)
    assert len(requests.sent("/v1/files")) == len(requests.ids()) == 2
    assert requests.sizes("/v1/chat/completions")[-1] < 1000
    assert {complaint for complaint in chat.complaints if "404" not in complaint} == set()
    chat.complaints.clear()


def test_a_server_that_takes_no_uploads_gets_the_file_with_each_turn(
    chat: ChatPage, requests: Requests, assistant: Demiglace
) -> None:
    chat.page.route("**/v1/files", lambda route: route.fulfill(status=413, json={"error": {"message": "too large"}}))
    chat.show(PICTURE)
    chat.choose(temperature=0)
    assert [chat.ask(), chat.ask(AGAIN)] == expected(assistant)
    assert min(requests.sizes("/v1/chat/completions")) > PICTURE.stat().st_size
    assert len(requests.sent("/v1/files")) == 1  # it is not asked again
    chat.complaints.clear()


def test_a_new_chat_and_a_closed_page_leave_nothing_behind(
    chat: ChatPage, requests: Requests, address: str, tmp_path: Path
) -> None:
    chat.show(PICTURE)
    chat.ask()
    (first,) = requests.ids()
    with chat.page.expect_response(f"**/v1/files/{first}") as answer:
        chat.page.click("#new-chat")
    assert answer.value.ok
    chat.show(PICTURE)
    chat.ask()
    (second,) = requests.ids() - {first}
    assert httpx.get(f"{address}/v1/files/{second}").status_code == 200
    chat.page.goto("about:blank")
    for _ in range(100):
        if (status := httpx.get(f"{address}/v1/files/{second}").status_code) == 404:
            break
        chat.page.wait_for_timeout(50)
    assert status == 404
