"""The page in a real browser: what a reader does, and what is then to be seen."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

READ = "Read the text."
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# Of every text that shows: itself, and its contrast by WCAG 2.2 against the colour behind it.
CONTRASTS = """() => {
  const level = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * level(r) + 0.7152 * level(g) + 0.0722 * level(b);
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = channels(getComputedStyle(element).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    const [dark, bright] = [light(channels(getComputedStyle(element).color)), light(behind(element))].sort();
    found.push([walker.currentNode.data.trim(), (bright + 0.05) / (dark + 0.05)]);
  }
  return found;
}"""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that was installed beside Python; skips where there is none."""
    if BROWSER is None:
        pytest.skip("no chromium is installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER)
        yield browser
        browser.close()


class ChatPage:
    """`page` is Playwright's. What scripts print_error about is in `complaints`."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.complaints.append(line.text))
        self.page.goto(address)

    def show(self, *files: Path | str | dict[str, Any]) -> None:
        """Choose files and wait until they are seen."""
        self.page.set_input_files("#files", list(files))
        self.page.wait_for_selector(f"#tray .costs >> nth={len(files) - 1}")

    def send(self, question: str = READ) -> None:
        self.page.fill("#question", question)
        self.page.press("#question", "Enter")

    def wait(self, number: int = 1) -> str:
        """The text of an answer, once it is whole."""
        self.page.wait_for_selector(f".answer[aria-busy=false] >> nth={number - 1}")
        return self.text(number)

    def text(self, number: int = 1) -> str:
        return self.page.locator(".answer .text").nth(number - 1).inner_text()

    def ask(self, question: str = READ) -> str:
        number = self.page.locator(".answer").count() + 1
        self.send(question)
        return self.wait(number)

    def choose(self, **options: Any) -> None:
        """Numbers of the panel of options."""
        if not self.page.is_visible("#options"):
            self.page.click("#options-switch")
        for name, value in options.items():
            self.page.fill(f"#{name}", str(value))

    def add_fields(self, **fields: Any) -> None:
        """To the requests that the page sends from now on, which no reader can choose."""

        def with_fields(route: Any) -> None:
            route.continue_(post_data=json.dumps({**route.request.post_data_json, **fields}))

        self.page.unroute_all()
        self.page.route("**/v1/chat/completions", with_fields)

    def copied(self, name: str) -> str:
        self.page.get_by_role("button", name=name, exact=True).last.click()
        self.page.locator("#status", has_text=re.compile("copied$")).wait_for(state="attached")
        return self.page.evaluate("navigator.clipboard.readText()")

    def is_wider_than_its_window(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.id || document.activeElement.textContent")


def output_of(command: list[str], text: str, cwd: Path | None = None, **environment: str) -> str:
    """Of a program that is given a text, as it is by pasting."""
    done = subprocess.run(
        command, input=text, cwd=cwd, capture_output=True, text=True, timeout=100, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def answered(command: str, **settings: Any) -> str:
    """By a request that is copied into a shell."""
    return json.loads(output_of(["bash"], command, **settings))["choices"][0]["message"]["content"]
