"""The page in Chromium as its readers meet it: phone, dark and light, keyboard, text that is no more than text."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import PIL.Image
import pytest
from chat_page import CONTRASTS, ChatPage, answered, output_of
from running_server import SAMPLES

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
TABLE = "| a | b |\n|---|---|\n| 1 | <b>2</b> |"
MARKDOWN = f"# Title\n\nTwo **bold** words, `code`.\n\n1. one\n2. two\n   - inner\n\n{TABLE}\n\n```\nlet x = '**';\n```"
PHONE = {"width": 360, "height": 740}


def test_nothing_comes_from_elsewhere(chat: ChatPage, address: str, client: httpx.Client) -> None:
    loaded = chat.page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert len(loaded) > 10
    assert all(name.startswith(address) for name in loaded)
    for path in ("/", "/page/page.js", "/page/page.css"):
        headers = client.get(path).headers
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert [client.get(path).status_code for path in ("/page/..%2fapp.py", "/page/__init__.py", "/page/")] == [404] * 3


@pytest.mark.slow
def test_copied_requests_run(chat: ChatPage, tmp_path: Path) -> None:
    """Small files stand in the text, large ones are read by name; a shell reads nothing into either."""
    chat.choose(temperature=0, max_slices=2)
    chat.show(SAMPLES / "heading.png")
    answer = chat.ask("Read \\the\\ 'text'\n`date` $HOME \"now\"! \\\\ é 漢")
    assert answered(chat.copied("Copy as curl")) == answer
    assert output_of([sys.executable, "-"], chat.copied("Copy as Python")) == answer
    name = "it's large.png"
    shutil.copy(SAMPLES / "heading.png", tmp_path)
    PIL.Image.effect_noise((800, 600), 80).save(tmp_path / name)
    chat.show(tmp_path / name)
    answer = chat.ask()
    command = chat.copied("Copy as curl")
    assert len(command) < 20_000
    assert answered(command, cwd=tmp_path) == answer
    assert output_of([sys.executable, "-"], chat.copied("Copy as Python"), cwd=tmp_path) == answer


def test_an_answer_is_copied_where_the_browser_lends_no_clipboard(
    open_page: Callable[..., ChatPage], address: str
) -> None:
    chat = open_page(address)
    chat.add_fields(guided_choice=["To be copied."])
    chat.ask()
    chat.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    chat.page.get_by_role("button", name="Copy", exact=True).click()
    chat.page.get_by_role("button", name="Copied").wait_for()
    chat.page.focus("#question")
    chat.page.keyboard.press("Control+V")
    assert chat.page.input_value("#question") == "To be copied."


def test_what_a_model_writes_stays_text(chat: ChatPage) -> None:
    chat.add_fields(guided_choice=[HOSTILE])
    assert chat.ask(HOSTILE) == HOSTILE
    assert chat.page.inner_text(".said") == HOSTILE
    assert chat.page.locator("#transcript :is(img, script)").count() == 0
    assert chat.page.title() == "Demiglace"


def test_markdown_is_laid_out(chat: ChatPage) -> None:
    chat.add_fields(guided_choice=[MARKDOWN])
    chat.ask()
    found = {
        tag: chat.page.locator(f".answer .text {tag}").all_inner_texts()
        for tag in ("h3", "strong", "p code", "ol > li > ul > li", "th", "td", "pre")
    }
    assert found == {
        "h3": ["Title"],
        "strong": ["bold"],
        "p code": ["code"],
        "ol > li > ul > li": ["inner"],
        "th": ["a", "b"],
        "td": ["1", "<b>2</b>"],
        "pre": ["let x = '**';"],
    }


def test_a_phone_scrolls_in_one_direction(open_page: Callable[..., ChatPage], address: str, document: Path) -> None:
    chat = open_page(address, viewport=PHONE)
    assert not chat.is_wider_than_its_window()
    chat.show(SAMPLES / "page.png", SAMPLES / "flash.mp4", document)
    assert not chat.is_wider_than_its_window()
    chat.add_fields(guided_choice=["x" * 60 + "\n\n```\n" + "y" * 60 + "\n```\n\n|" + "z|" * 20 + "\n|" + "-|" * 20])
    chat.ask("w" * 300)
    assert not chat.is_wider_than_its_window()
    chat.choose(temperature=0)
    assert not chat.is_wider_than_its_window()
    assert chat.page.locator("#send").bounding_box()["x"] < PHONE["width"] - 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_and_light_by_system_and_by_switch(open_page: Callable[..., ChatPage], address: str, scheme: str) -> None:
    chat = open_page(address, color_scheme=scheme, reduced_motion="reduce")
    chat.choose(temperature=0)
    chat.show(SAMPLES / "flash.mp4")
    chat.add_fields(thinking_token_budget=8, guided_choice=[MARKDOWN])
    chat.page.click("#think")
    chat.ask()
    chat.page.click(".thinking summary")
    assert chat.page.evaluate("document.documentElement.dataset.theme") == scheme
    for _ in range(2):
        found = chat.page.evaluate(CONTRASTS)
        assert len(found) > 40
        assert [one for one in found if one[1] < 4.5] == []
        chat.page.click("#theme-switch")
    chat.page.click("#theme-switch")
    chat.page.reload()
    other = "dark" if scheme == "light" else "light"
    assert chat.page.evaluate("document.documentElement.dataset.theme") == other


def test_the_keyboard_is_enough(chat: ChatPage) -> None:
    chat.page.keyboard.press("Tab")
    assert chat.focused() == "Skip to the question"
    chat.page.keyboard.press("Enter")
    assert chat.focused() == "question"
    chat.add_fields(guided_choice=["Yes."])
    chat.page.keyboard.type("Is it?")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("Or not?")
    chat.page.keyboard.press("Enter")
    chat.wait()
    assert chat.page.inner_text(".said") == "Is it?\nOr not?"
    assert chat.focused() == "question"
    passed = []
    for _ in range(6):
        chat.page.keyboard.press("Shift+Tab")
        passed.append(chat.focused())
        outline = chat.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", passed
    assert passed == ["Copy as Python", "Copy as curl", "Regenerate", "Copy", "Edit", "theme-switch"]
    chat.page.keyboard.press("Shift+Tab")
    chat.page.keyboard.press("Enter")
    assert chat.page.is_visible("#options")


@pytest.mark.parametrize(("wanted", "seconds"), [("reduce", "0s"), ("no-preference", "0.15s, 0.15s")])
def test_nothing_moves_where_that_is_not_wanted(
    open_page: Callable[..., ChatPage], address: str, wanted: str, seconds: str
) -> None:
    chat = open_page(address, reduced_motion=wanted)
    assert chat.page.evaluate("getComputedStyle(document.getElementById('send')).transitionDuration") == seconds
    chat.add_fields(ignore_eos=True, max_tokens=3000)
    chat.send()
    animation = chat.page.evaluate("getComputedStyle(document.querySelector('.waiting')).animationName")
    assert animation == ("none" if wanted == "reduce" else "breathe")
    chat.page.click("#stop")
    chat.wait()


def test_everything_has_a_name(chat: ChatPage) -> None:
    chat.choose(temperature=0)
    chat.show(SAMPLES / "flash.mp4")
    chat.ask()
    unnamed = """[...document.querySelectorAll('button, input, textarea, img, [role=group], article, aside, section')]
      .filter((one) => one.checkVisibility())
      .filter((one) => !(one.ariaLabel || one.alt || one.labels?.length || one.textContent.trim()))
      .map((one) => one.outerHTML)"""
    assert chat.page.evaluate(unnamed) == []
    assert chat.page.get_attribute("#status", "role") == "status"
