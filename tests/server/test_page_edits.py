"""Turns of the page that are edited, drawn anew or given up, and what becomes of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
from chat_page import ChatPage
from running_server import SAMPLES

PICTURE, CLIP = SAMPLES / "line.png", SAMPLES / "flash.mp4"
CHAT, PREVIEW = "**/v1/chat/completions", "**/v1/preview"

# Files are read when a test says so.
READ_LATER = """() => {
  const { readAsDataURL } = FileReader.prototype;
  window.reads = [];
  FileReader.prototype.readAsDataURL = function (blob) { window.reads.push(() => readAsDataURL.call(this, blob)); };
}"""
READ_NOW = "() => window.reads.splice(0).forEach((read) => read())"


def test_an_answer_drawn_anew_sees_the_files_as_the_question_did(chat: ChatPage, tmp_path: Path) -> None:
    PIL.Image.new("RGB", (800, 600), "grey").save(tmp_path / "large.png")
    chat.choose(fps=2, max_slices=2, temperature=0)
    chat.show(CLIP, tmp_path / "large.png")
    first = _sent(chat, chat.ask)
    chat.choose(fps=5, max_slices=4, temperature=0.5)
    again = _sent(chat, lambda: _press(chat, "Regenerate"))
    assert again == {**first, "temperature": 0.5}
    chat.wait()


def test_a_file_read_after_a_new_chat_is_not_in_it(chat: ChatPage) -> None:
    chat.page.evaluate(READ_LATER)
    chat.page.set_input_files("#files", PICTURE)
    chat.page.wait_for_function("window.reads.length")
    assert chat.page.is_visible("#reading")
    chat.page.click("#new-chat")
    assert not chat.page.is_visible("#reading")
    chat.page.evaluate(READ_NOW)
    chat.page.wait_for_timeout(200)
    assert chat.page.locator("#tray .file").count() == 0
    assert _sent(chat, chat.ask)["messages"][0]["content"] == "Read the text."


def test_a_file_read_during_an_edit_belongs_to_the_draft_before_it(chat: ChatPage) -> None:
    chat.ask("Hello")
    chat.page.evaluate(READ_LATER)
    chat.page.set_input_files("#files", PICTURE)
    chat.page.wait_for_function("window.reads.length")
    _press(chat, "Edit")
    chat.page.evaluate(READ_NOW)
    chat.page.wait_for_timeout(200)
    assert chat.page.locator("#tray .file").count() == 0
    edited = _sent(chat, lambda: chat.send("Hello again"))
    chat.wait()
    assert edited["messages"] == [{"role": "user", "content": "Hello again"}]
    chat.page.wait_for_selector("#tray .costs")


def test_an_edited_turn_shows_its_files_as_they_will_be_sent(chat: ChatPage) -> None:
    chat.choose(fps=2, package_frames=1)
    chat.show(CLIP)
    chat.ask()
    told = chat.page.inner_text(".question summary")
    chat.choose(fps=10, package_frames=6)
    with chat.page.expect_response(PREVIEW):
        _press(chat, "Edit")
    chat.page.locator("#tray summary", has_text="28 frames").wait_for()
    assert chat.page.inner_text("#tray summary") != told


def test_an_answer_drawn_anew_ends_the_edit_of_a_later_turn(chat: ChatPage) -> None:
    chat.ask("One")
    chat.ask("Two")
    _press(chat, "Edit", last=True)
    sent = _sent(chat, lambda: _press(chat, "Regenerate"))
    assert [message["content"] for message in sent["messages"]] == ["One"]
    answer = chat.wait()
    assert not chat.page.is_visible("#editing")
    sent = _sent(chat, lambda: chat.ask("Three"))
    assert [message["content"] for message in sent["messages"]] == ["One", *([answer] if answer else []), "Three"]


@pytest.mark.parametrize("button", ["Regenerate", "New chat"])
def test_files_of_turns_that_go_are_deleted(chat: ChatPage, address: str, button: str) -> None:
    chat.ask("Hello")
    with chat.page.expect_response("**/v1/files") as uploaded:
        chat.show(PICTURE)
    file = f"{address}/v1/files/{uploaded.value.json()['id']}"
    if button == "New chat":
        _press(chat, "Edit")  # puts the draft with the file aside
    else:
        chat.ask()
    assert httpx.get(file).status_code == 200
    with chat.page.expect_response(file):
        _press(chat, button)
    assert httpx.get(file).status_code == 404
    if button == "Regenerate":
        chat.wait()


def _press(chat: ChatPage, name: str, last: bool = False) -> None:
    buttons = chat.page.get_by_role("button", name=name, exact=True)
    (buttons.last if last else buttons.first).click()


def _sent(chat: ChatPage, act: Any) -> Any:
    """The request that is sent to have an answer."""
    with chat.page.expect_request(CHAT) as request:
        act()
    return request.value.post_data_json
