"""The format of a long answer: reasoning between one pair of tags, then the answer."""

from __future__ import annotations

from demiglace.processing.chat_template import END_THINK, THINK


def reasoning_and_answer(response: str) -> tuple[str, str] | None:
    """Both, if there is exactly one pair of tags, in order, with text between and after them; else None."""
    if response.count(THINK) != 1 or response.count(END_THINK) != 1 or not response.startswith(THINK):
        return None
    reasoning, _, answer = response.removeprefix(THINK).partition(END_THINK)
    return (reasoning, answer.strip()) if reasoning.strip() and answer.strip() else None
