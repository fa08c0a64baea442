"""What `demiglace read` has done in a folder: pages of unfinished texts, and the origin of finished ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

PageEntry = dict[str, Any]
About = Mapping[str, Any]  # everything that determines a text: file, size, time, pages, model, ...


_ENTRIES = 2  # what entries of pages have; records of other entries are started over


class PageRecord:
    """Pages of one file before `target` is written, each on disk as soon as it is added.

    They are in NAME.pages.jsonl beside the target: a first line with what determines the text, then a line for each
    page. A record with another first line is started over, and an incomplete last line is dropped. The target has the
    pages in the order, and as often, as they were added.
    """

    def __init__(self, target: Path, about: About) -> None:
        from demiglace.safe_files import write_whole

        self.target, self._about, self._path = target, about, _kept_beside(target)
        head = json_line({"entries": _ENTRIES, **about})
        self.pages = _whole_pages(self._path, head)
        self._written: list[int] = []
        write_whole(self._path, head + "".join(map(json_line, self.pages.values())))

    def add(self, page: PageEntry) -> None:
        """Make a page, already in the record or new, the next one of the target."""
        if page["page"] not in self.pages:
            _append(self._path, page)
            self.pages[page["page"]] = page
        self._written.append(page["page"])

    def finish(self, write: Callable[[Path, list[PageEntry]], None], is_whole: bool) -> None:
        """Write the target. If pages are missing, the record is kept: the target then counts as unfinished."""
        from demiglace.safe_files import atomic_path

        if self._written or is_whole:
            with atomic_path(self.target) as aside:
                write(aside, [self.pages[number] for number in self._written])
        if is_whole:
            _append(_journal_beside(self.target), {"text": self.target.name, "about": self._about})
        if is_whole or not self.pages:
            self._path.unlink(missing_ok=True)


def json_line(value: Mapping[str, Any]) -> str:
    """One line of JSON. Bytes of a file name that are not UTF-8 are escaped as in JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode() + "\n"


def changes_since(target: Path, about: About) -> list[str] | None:
    """What has changed since the text `target` was finished, [] if nothing has; None if it is not finished.

    Raises ValueError if there is such a text, but its origin is unknown or another file.
    """
    if not target.is_file() or _kept_beside(target).is_file():
        return None
    facts = [line.get("about") for line in _lines(_journal_beside(target)) if line.get("text") == target.name]
    if not facts or not isinstance(before := facts[-1], dict):
        raise ValueError(f"the origin of {target} is unknown: remove it, or choose another folder")
    if before.get("file") != about["file"] and Path(str(before.get("file"))).is_file():
        raise ValueError(f"{target} was read from {before['file']}: choose another folder for {about['file']}")
    now = json.loads(json.dumps(about))  # as read back from the file
    return [name for name in {**before, **now} if before.get(name) != now.get(name)]


def _kept_beside(target: Path) -> Path:
    return target.with_name(f"{target.name}.pages.jsonl")


def _journal_beside(target: Path) -> Path:
    """A line for each finished text of the folder; a text's last line counts."""
    return target.with_name(".demiglace-read.jsonl")


def _append(path: Path, line: Mapping[str, Any]) -> None:
    from demiglace.safe_files import disk_errors

    with disk_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(json_line(line))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects, one a line; other lines, such as an incomplete last one, are left out."""
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
    """Pages by number; empty if the first line is not `head`."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace") as file:
        if file.readline() != head:
            return {}
    return {line["page"]: line for line in _lines(path) if isinstance(line.get("page"), int) and "text" in line}
