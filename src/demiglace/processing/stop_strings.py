"""Texts at which an answer ends, found while it is written."""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """What an answer shows of a text that comes in pieces, and whether a stop string is complete.

    The answer ends where the first of the strings is complete, before the longest one that ends there. That does not
    depend on how the text is cut into pieces.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self._strings = strings
        self._held = ""
        self.is_found = False

    def push(self, text: str) -> str:
        """What is now sure to be of the answer: an end that may begin a stop string is held back."""
        if self.is_found:
            return ""
        text = self._held + text
        found = [(start + len(one), start) for one in self._strings if (start := text.find(one)) >= 0]
        self.is_found = bool(found)
        shown = min(found)[1] if found else len(text) - self._num_open(text)
        self._held = "" if found else text[shown:]
        return text[:shown]

    def finish(self) -> str:
        """The rest of a text that ends without a stop string."""
        held, self._held = self._held, ""
        return held

    def _num_open(self, text: str) -> int:
        """Characters at the end of `text` that begin a stop string."""
        longest = min(max(map(len, self._strings), default=1) - 1, len(text))
        lengths = (n for n in range(longest, 0, -1) if any(one.startswith(text[-n:]) for one in self._strings))
        return next(lengths, 0)
