"""Reasoning and text apart while an answer is generated."""

from __future__ import annotations

from demiglace.inference.answer import thinking_and_text
from demiglace.processing.chat_template import END_THINK, THINK


class ThoughtSplitter:
    """Splits generated text into pieces of reasoning and of text, which add up to those of the whole answer."""

    def __init__(self, thinking: bool, is_guided: bool) -> None:
        self._thinking, self._is_guided = thinking, is_guided
        self._written = self._thoughts = self._text = ""

    def push(self, piece: str, is_last: bool = False) -> tuple[str, str]:
        """What a piece adds to reasoning and text. A possible beginning of a tag is held back until it is resolved."""
        self._written += piece
        whole = self._written if is_last else _without_begun_mark(self._written)
        thoughts, text = thinking_and_text(whole, self._thinking, self._is_guided)
        added = _added(self._thoughts, thoughts), _added(self._text, text)
        self._thoughts, self._text = thoughts, text
        return added


def _without_begun_mark(text: str) -> str:
    if text.endswith(END_THINK + "\n"):  # two line breaks after the reasoning are not text, one is
        return text[:-1]
    for length in range(len(END_THINK) - 1, 0, -1):
        if text.endswith((THINK[:length], END_THINK[:length])):
            return text[:-length]
    return text


def _added(before: str, now: str) -> str:
    """A model that closes reasoning it never opened restarts its answer: text already sent stays sent."""
    return now[len(before) :] if now.startswith(before) else now
