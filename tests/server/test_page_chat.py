"""The page in Chromium, before a server of the nano model: files, answers, and what goes wrong."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from chat_page import READ, ChatPage, answered
from running_server import SAMPLES, running

from demiglace import Demiglace, SamplingParams
from demiglace.engine.engine import EngineConfig
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

KEY = "the right key"


@pytest.fixture(scope="module")
def guarded(assistant: Demiglace) -> Iterator[str]:
    """The address of a server that wants a key."""
    limits = Limits()
    service = Service.of("nano", assistant, limits, MediaSources(limits), EngineConfig(), [KEY])
    with running(create_app(service)) as address:
        yield address


def test_a_picture_is_shown_with_its_slices(chat: ChatPage, tmp_path: Path) -> None:
    PIL.Image.open(SAMPLES / "page.png").resize((800, 800)).save(tmp_path / "large.png")
    chat.show(tmp_path / "large.png")
    media = _previewed(chat, lambda: chat.choose(max_slices=4))["media"][0]
    assert media["slices"] == 1 + len(media["pages"][0]["boxes"]) == 5
    chat.page.wait_for_selector(".sliced rect >> nth=3", state="attached")
    assert chat.page.inner_text("#tray summary") == f"large.png 5 slices · {media['tokens']} visual tokens"
    costs = [str(media[name]) for name in ("tokens", "qwen2_5_vl_tokens", "qwen3_vl_tokens")]
    assert chat.page.locator("#tray dd").all_inner_texts() == costs
    shown = chat.page.locator(".sliced img").bounding_box()
    drawn = chat.page.locator(".sliced rect").nth(3).bounding_box()
    assert drawn["x"] + drawn["width"] == pytest.approx(shown["x"] + shown["width"], abs=3)
    assert drawn["y"] == pytest.approx(shown["y"] + shown["height"] / 2, abs=3)


def test_a_document_is_shown_page_by_page(chat: ChatPage, document: Path) -> None:
    chat.show(document)
    assert chat.page.locator("#tray figcaption").all_inner_texts()[1].startswith("Page 2: whole")
    assert _previewed(chat, lambda: chat.choose(pages="2"))["media"][0]["pictures"] == 1
    chat.page.wait_for_selector("#tray figure >> nth=1", state="detached")


def test_a_clip_is_shown_in_its_packages(chat: ChatPage) -> None:
    chat.show(SAMPLES / "flash.mp4")
    found = _previewed(chat, lambda: chat.choose(fps=5, package_frames=3))["media"][0]
    chat.page.locator(f".strip:has(.package:last-child:nth-child({len(found['packages'])}))").wait_for()
    assert [len(package["times"]) for package in found["packages"]][:2] == [3, 3]
    times = [f"{time:g}\N{NO-BREAK SPACE}s" for package in found["packages"] for time in package["times"]]
    assert chat.page.locator(".package .time").all_inner_texts() == times
    assert chat.page.locator(".package figcaption").first.inner_text() == "Package 1: 64 tokens"


def test_an_answer_is_the_models_own(chat: ChatPage, assistant: Demiglace) -> None:
    expected = assistant.ask(READ, SAMPLES / "heading.png", sampling=SamplingParams.greedy())
    chat.show(SAMPLES / "heading.png")
    chat.choose(temperature=0)
    assert chat.ask() == expected.text != ""
    assert chat.page.inner_text(".facts").startswith(f"64 visual + {expected.prompt_tokens - 64} other tokens in")
    assert chat.page.inner_text("#status") == expected.text  # read out when it is whole
    assert chat.page.locator(".question .costs").count() == 1


def test_files_sent_at_once_are_shown_in_their_turn(chat: ChatPage) -> None:
    chat.page.set_input_files("#files", SAMPLES / "line.png")
    chat.page.wait_for_selector("#tray .file")
    chat.ask()
    chat.page.wait_for_selector(".question .costs")


def test_a_question_waits_for_files_that_are_still_read(chat: ChatPage) -> None:
    chat.page.evaluate(
        """() => {
          const { readAsDataURL } = FileReader.prototype;
          const later = function (blob) { setTimeout(() => readAsDataURL.call(this, blob), 300); };
          FileReader.prototype.readAsDataURL = later;
        }"""
    )
    chat.page.set_input_files("#files", [SAMPLES / "line.png", SAMPLES / "heading.png"])
    sent = _sent(chat, chat.send)
    assert [part["type"] for part in sent["messages"][0]["content"]] == ["image_url", "image_url", "text"]
    assert chat.page.locator("#tray *").count() == 0
    chat.wait()


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_a_picture_that_moves_is_a_clip_and_a_still_one_has_slices(chat: ChatPage, tmp_path: Path, kind: str) -> None:
    frames = [PIL.Image.new("RGB", (800, 600), (level, 0, 0)) for level in (0, 80, 160)]
    frames[0].save(tmp_path / f"moves.{kind}", save_all=True, append_images=frames[1:], duration=500)
    frames[0].save(tmp_path / f"still.{kind}")
    chat.choose(max_slices=4)
    chat.show(tmp_path / f"moves.{kind}", tmp_path / f"still.{kind}")
    told = chat.page.locator("#tray summary").all_inner_texts()
    assert told[0].startswith(f"moves.{kind} 3 frames of 1.5")
    assert told[1].startswith(f"still.{kind} 5 slices")
    types = [part["type"] for part in _sent(chat, chat.ask)["messages"][0]["content"]]
    assert types == ["video_url", "image_url", "text"]


def test_files_may_be_dropped_and_pasted(chat: ChatPage) -> None:
    content = base64.b64encode((SAMPLES / "line.png").read_bytes()).decode()
    for event, holder in (("DragEvent", "dataTransfer"), ("ClipboardEvent", "clipboardData")):
        chat.page.evaluate(
            """([event, holder, content]) => {
              const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
              const transfer = new DataTransfer();
              transfer.items.add(new File([bytes], "line.png", { type: "image/png" }));
              const name = event === "DragEvent" ? "drop" : "paste";
              document.body.dispatchEvent(new window[event](name, { [holder]: transfer, bubbles: true }));
            }""",
            [event, holder, content],
        )
    chat.page.wait_for_selector("#tray .costs >> nth=1")
    chat.page.get_by_role("button", name="Remove line.png").first.click()
    assert chat.page.locator("#tray .file").count() == 1


def test_thoughts_stand_apart(chat: ChatPage) -> None:
    chat.add_fields(thinking_token_budget=8, guided_choice=["Forty-two."])
    chat.page.click("#think")
    assert chat.ask("Hello") == "Forty-two."
    assert not chat.page.is_visible(".thoughts")
    chat.page.click(".thinking summary")
    assert chat.page.inner_text(".thoughts")
    assert "Forty-two" not in chat.page.inner_text(".thoughts")


def test_an_answer_can_be_stopped(chat: ChatPage) -> None:
    chat.add_fields(ignore_eos=True, max_tokens=3000)
    chat.send()
    chat.page.locator(".answer .text", has_text=re.compile(r"[^$]{6}")).wait_for()
    chat.page.press("#question", "Escape")
    text = chat.wait()
    assert len(text) > 5
    assert chat.page.inner_text(".facts") == "stopped"
    chat.add_fields(guided_choice=["Next."])
    assert chat.ask("Go on.") == "Next."
    assert _sent(chat, lambda: chat.ask("And now?"))["messages"][1] == {"role": "assistant", "content": text}


def test_a_turn_can_be_edited_and_an_answer_drawn_anew(chat: ChatPage) -> None:
    chat.show(SAMPLES / "line.png")
    first = _sent(chat, lambda: chat.ask("Read it."))
    assert _sent(chat, lambda: chat.ask("Once more."))["messages"][0] == first["messages"][0]
    chat.page.fill("#question", "half written")
    chat.page.get_by_role("button", name="Edit").first.click()
    assert chat.page.input_value("#question") == "Read it."
    chat.page.press("#question", "Escape")
    assert chat.page.input_value("#question") == "half written"
    assert chat.page.locator(".question .file").count() == 1
    chat.page.get_by_role("button", name="Edit").first.click()
    chat.page.fill("#question", "Read it again.")
    edited = _sent(chat, lambda: chat.page.press("#question", "Enter"))
    assert [len(edited["messages"]), chat.page.locator("article").count()] == [1, 2]
    assert edited["messages"][0]["content"] == [
        first["messages"][0]["content"][0],
        {"type": "text", "text": "Read it again."},
    ]
    chat.wait()
    assert _sent(chat, lambda: chat.page.get_by_role("button", name="Regenerate").click()) == edited
    chat.wait()
    assert chat.focused() == "send"  # the button that was pressed is no more
    chat.page.click("#new-chat")
    assert chat.page.locator("article").count() == 0


def test_an_edit_in_vain_leaves_the_turn_as_it_was_seen(chat: ChatPage) -> None:
    chat.choose(fps=2, package_frames=1)
    chat.show(SAMPLES / "flash.mp4")
    first = _sent(chat, chat.ask)["messages"][0]
    told = chat.page.inner_text(".question summary")
    chat.page.get_by_role("button", name="Edit").click()
    _previewed(chat, lambda: chat.choose(fps=10, package_frames=6))
    chat.page.locator("#tray summary", has_text="28 frames").wait_for()
    chat.page.click("#cancel-edit")
    assert chat.page.inner_text(".question summary") == told
    assert '"fps": 2,' in chat.copied("Copy as curl")
    assert _sent(chat, lambda: chat.ask("Again."))["messages"][0] == first


def test_errors_stand_in_their_place(open_page: Callable[..., ChatPage], address: str) -> None:
    chat = open_page(address, may_complain=True)  # the browser itself does, of every 400
    chat.page.set_input_files("#files", [{"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"}])
    chat.page.wait_for_selector("#tray-error:not([hidden])")
    assert "\n" not in chat.page.inner_text("#tray-error")
    assert chat.page.inner_text("#tray summary") == "broken.png not seen yet"
    chat.page.get_by_role("button", name="Remove broken.png").click()
    chat.page.wait_for_selector("#tray-error", state="hidden")
    chat.choose(max_tokens=0)
    assert chat.ask() == ""
    assert re.fullmatch(r"max_.*tokens must .* 0", chat.page.inner_text(".answer .error"))
    chat.choose(max_tokens=8)
    chat.page.get_by_role("button", name="Regenerate").click()
    chat.page.wait_for_selector(".answer[aria-busy=false] .error", state="hidden")
    assert chat.wait()


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ({"error": {"message": "the answer could not be computed"}}, "the answer could not be computed"),
        (None, "The server ended the answer too early."),
    ],
)
def test_an_answer_that_fails_midway_keeps_what_there_is(chat: ChatPage, end: object, message: str) -> None:
    events = [{"choices": [{"delta": {"content": "Half an"}}]}, *([end] if end else [])]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    chat.page.route("**/v1/chat/completions", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    assert chat.ask() == "Half an"
    assert chat.page.inner_text(".answer .error") == message


def test_a_server_that_is_gone_is_told(open_page: Callable[..., ChatPage], address: str) -> None:
    chat = open_page(address, may_complain=True)
    chat.page.context.set_offline(True)
    assert chat.ask() == ""
    assert chat.page.inner_text(".answer .error") == "The server cannot be reached."


def test_a_key_is_asked_for_and_kept_in_the_tab(open_page: Callable[..., ChatPage], guarded: str) -> None:
    chat = open_page(guarded, may_complain=True)
    chat.page.wait_for_selector("#tray-error:not([hidden])")
    assert chat.focused() == "key"
    chat.page.fill("#key", "a wrong key")
    with chat.page.expect_response("**/v1/models") as refused:
        chat.page.press("#key", "Enter")
    assert refused.value.status == 401
    chat.page.wait_for_selector("#tray-error:not([hidden])")
    chat.page.fill("#key", KEY)
    chat.page.press("#key", "Enter")
    chat.page.wait_for_selector("#model:not(:empty)")
    chat.choose(temperature=0)
    answer = chat.ask()
    assert answer
    assert chat.page.evaluate("JSON.stringify(localStorage)") == "{}"
    command = chat.copied("Copy as curl")
    assert KEY not in command
    assert answered(command, OPENAI_API_KEY=KEY) == answer


def _sent(chat: ChatPage, act: Callable[[], Any]) -> dict[str, Any]:
    """The request for an answer that an act leads to."""
    with chat.page.expect_request("**/v1/chat/completions") as request:
        act()
    return request.value.post_data_json


def _previewed(chat: ChatPage, act: Callable[[], Any]) -> dict[str, Any]:
    """The preview that an act leads to."""
    with chat.page.expect_response("**/v1/preview") as response:
        act()
    return response.value.json()
