"""Makes page_light.png, page_dark.png and page_phone.png: the page of `demiglace serve nano` as it answers.

    python docs/pictures/make_page.py

Needs the extras `serve` and `dev`, and a chromium.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import PIL.Image

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from chat_page import ChatPage, chromium
from running_server import SAMPLES, running

from demiglace import Demiglace
from demiglace.engine.engine import EngineConfig
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

SCREEN, PHONE = {"width": 1000, "height": 760}, {"width": 390, "height": 760}
FLASH, READ = "Some text flashes up. Read it.", "Read the text."


def save(chat: ChatPage, name: str) -> None:
    """With at most 256 colours, which these pages hardly exceed."""
    chat.page.wait_for_timeout(300)  # colours change slowly
    picture = PIL.Image.open(io.BytesIO(chat.page.screenshot())).convert("RGB")
    picture.quantize(256).save(Path(__file__).with_name(name), optimize=True)


def show_a_picture(chat: ChatPage, name: str) -> None:
    """Enlarged, so that it is cut into slices."""
    with tempfile.TemporaryDirectory() as folder:
        picture = PIL.Image.open(SAMPLES / "page.png")
        large = Path(folder) / "page.png"
        picture.resize((picture.width * 3, picture.height * 3), PIL.Image.Resampling.LANCZOS).save(large)
        chat.show(large)
    chat.choose(max_slices=4)
    chat.page.wait_for_selector(".sliced rect", state="attached")
    chat.page.click("#options-switch")
    chat.page.fill("#question", READ)
    save(chat, name)


def ask_about_a_clip(chat: ChatPage, name: str) -> None:
    chat.choose(temperature=0, fps=10, package_frames=6)
    chat.show(SAMPLES / "flash.mp4")
    chat.page.wait_for_selector(".package .frame:nth-child(6)")
    chat.ask(FLASH)
    chat.page.locator(".package").nth(3).evaluate("(one) => one.parentElement.scrollTo(one.offsetLeft - 40, 0)")
    save(chat, name)


def read_a_line(chat: ChatPage, name: str) -> None:
    chat.show(SAMPLES / "heading.png")
    chat.ask(READ)
    save(chat, name)


def main() -> None:
    limits = Limits()
    assistant = Demiglace.load("nano", "cpu", "float32")
    service = Service.of("nano", assistant, limits, MediaSources(limits), EngineConfig())
    with running(create_app(service)) as address, chromium() as browser:

        def opened(**settings: Any) -> ChatPage:
            return ChatPage(browser.new_context(**settings), address)

        show_a_picture(opened(viewport=SCREEN, color_scheme="light"), "page_light.png")
        ask_about_a_clip(opened(viewport=SCREEN, color_scheme="dark"), "page_dark.png")
        read_a_line(opened(viewport=PHONE, color_scheme="light"), "page_phone.png")


if __name__ == "__main__":
    main()
