"""Stop strings, found while an answer is generated."""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Truncates a text that comes in pieces at the first stop string.

    Generation stops as soon as any stop string is complete; the answer ends before the longest one that ends there.
    The result does not depend on how the text is split into pieces.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self._strings = strings
        self._held = ""
        self.is_found = False

    def push(self, text: str) -> str:
        """The text that now certainly belongs to the answer; an end that may begin a stop string is held back."""
        if self.is_found:
            return ""
        text = self._held + text
        found = [(start + len(string), start) for string in self._strings if (start := text.find(string)) >= 0]
        self.is_found = bool(found)
        shown = min(found)[1] if found else len(text) - self._num_open(text)
        self._held = "" if found else text[shown:]
        return text[:shown]

    def finish(self) -> str:
        """The text held back, when the text ends without a stop string."""
        held, self._held = self._held, ""
        return held

    def _num_open(self, text: str) -> int:
        """Characters at the end of `text` that begin a stop string."""
        longest = min(max(map(len, self._strings), default=1) - 1, len(text))
        lengths = (n for n in range(longest, 0, -1) if any(string.startswith(text[-n:]) for string in self._strings))
        return next(lengths, 0)
