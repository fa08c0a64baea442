"""A record that cannot be learned from."""

from __future__ import annotations


class BadRecord(ValueError):
    """A record that cannot be learned from. `where` is its place, such as "train.jsonl:17"; `why` is made one line."""

    def __init__(self, where: str, why: str) -> None:
        why = " ".join(why.split())  # libraries say some things in several lines
        super().__init__(where, why)  # both, so that it survives the way between processes
        self.where, self.why = where, why

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"
