"""What has been read of one file: pages kept as they come, and the whole written when the last is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Page = dict[str, Any]


class PageRecord:
    """Pages of one file on their way to `target`, each safe on disk once it is added.

    They stand in NAME.pages.jsonl beside it: a line that tells what is read and by what, then a line for each page. A
    record of anything else is begun anew, a last line cut short by a crash is dropped.
    """

    def __init__(self, target: Path, about: Mapping[str, Any]) -> None:
        from demiglace.safe_files import write_whole

        self.target, self._path = target, _kept_beside(target)
        head = json.dumps(about, ensure_ascii=False)
        self.pages = _whole_pages(self._path, head)
        kept = [head, *(json.dumps(page, ensure_ascii=False) for page in self.pages.values())]
        write_whole(self._path, "\n".join(kept) + "\n")

    def add(self, page: Page) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(page, ensure_ascii=False) + "\n")
        self.pages[page["page"]] = page

    def finish(self, written: Callable[[list[Page]], str], is_whole: bool) -> None:
        """Write the target. Where pages are missing the record stays, so that `is_finished` says no."""
        from demiglace.safe_files import write_whole

        if self.pages or is_whole:
            write_whole(self.target, written([self.pages[number] for number in sorted(self.pages)]))
        if is_whole or not self.pages:
            self._path.unlink()


def is_finished(target: Path) -> bool:
    return target.is_file() and not _kept_beside(target).is_file()


def _kept_beside(target: Path) -> Path:
    return target.with_name(f"{target.name}.pages.jsonl")


def _whole_pages(path: Path, head: str) -> dict[int, Page]:
    """Pages by number, up to the first line that is none; none at all under another first line."""
    if not path.is_file():
        return {}
    first, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    pages: dict[int, Page] = {}
    for line in lines if first == head else []:
        try:
            page = json.loads(line)
        except ValueError:
            break
        pages[page["page"]] = page
    return pages
