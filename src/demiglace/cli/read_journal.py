"""What has been read of files: pages kept as they come, and of finished texts what they were read from and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

PageEntry = dict[str, Any]
About = Mapping[str, Any]  # file, size, time, pages, model, ...: what decides a text


class PageRecord:
    """Pages of one file on their way to `target`, each safe on disk once it is added.

    They stand in NAME.pages.jsonl beside it: a line that tells what is read and by what, then a line for each page. A
    record of anything else is begun anew, a last line cut short by a crash is dropped. The target has the pages in the
    order, and as often, as they are added.
    """

    def __init__(self, target: Path, about: About) -> None:
        from demiglace.safe_files import write_whole

        self.target, self._about, self._path = target, about, _kept_beside(target)
        head = json_line(about)
        self.pages = _whole_pages(self._path, head)
        self._written: list[int] = []
        write_whole(self._path, head + "".join(map(json_line, self.pages.values())))

    def add(self, page: PageEntry) -> None:
        """A page that the record has, or has not yet, as the next of the target."""
        if page["page"] not in self.pages:
            _append(self._path, page)
            self.pages[page["page"]] = page
        self._written.append(page["page"])

    def finish(self, written: Callable[[list[PageEntry]], str], is_whole: bool) -> None:
        """Write the target. Where pages are missing the record stays, so that it is not taken for finished."""
        from demiglace.safe_files import write_whole

        if self._written or is_whole:
            write_whole(self.target, written([self.pages[number] for number in self._written]))
        if is_whole:
            _append(_journal_beside(self.target), {"text": self.target.name, "about": self._about})
        if is_whole or not self.pages:
            self._path.unlink(missing_ok=True)


def json_line(value: Mapping[str, Any]) -> str:
    """JSON on a line of its own. Bytes of a file's name that are no UTF-8 are escaped as JSON has them."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode() + "\n"


def changes_since(target: Path, about: About) -> list[str] | None:
    """What is not as it was when the text `target` was finished, [] where all is; None where it is not finished.

    Raises ValueError where there is such a text, and nothing tells what it was read from, or that is another file.
    """
    if not target.is_file() or _kept_beside(target).is_file():
        return None
    facts = [line.get("about") for line in _lines(_journal_beside(target)) if line.get("text") == target.name]
    if not facts or not isinstance(before := facts[-1], dict):
        raise ValueError(f"it is unknown what {target} was read from: remove it, or choose another folder")
    if before.get("file") != about["file"] and Path(str(before.get("file"))).is_file():
        raise ValueError(f"{target} was read from {before['file']}: choose another folder for {about['file']}")
    now = json.loads(json.dumps(about))  # as it would be read back
    return [name for name in {**before, **now} if before.get(name) != now.get(name)]


def _kept_beside(target: Path) -> Path:
    return target.with_name(f"{target.name}.pages.jsonl")


def _journal_beside(target: Path) -> Path:
    """A line for each text of the folder that was finished; the last one of a text counts."""
    return target.with_name(".demiglace-read.jsonl")


def _append(path: Path, line: Mapping[str, Any]) -> None:
    from demiglace.safe_files import disk_errors

    with disk_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(json_line(line))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects, one a line; what is none, as the end of a file that was being written, is left out."""
    if not path.is_file():
        return
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict):
            yield line


def _whole_pages(path: Path, head: str) -> dict[int, PageEntry]:
    """Pages by number; none at all under another first line."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace") as file:
        if file.readline() != head:
            return {}
    return {line["page"]: line for line in _lines(path) if isinstance(line.get("page"), int) and "text" in line}
