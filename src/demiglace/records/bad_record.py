"""The error for a record that cannot be used for training."""

from __future__ import annotations


class BadRecord(ValueError):
    """A record that cannot be used for training. `where` is its place, such as "train.jsonl:17"; `why` is one line."""

    def __init__(self, where: str, why: str) -> None:
        why = " ".join(why.split())  # some libraries' messages have several lines
        super().__init__(where, why)  # both arguments, so that it can be pickled between processes
        self.where, self.why = where, why

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"
