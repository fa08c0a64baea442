"""The format of a long answer: reasoning between one pair of tags, then the answer."""

from __future__ import annotations

from demiglace.processing.chat_template import END_THINK, THINK


def reasoning_and_answer(said: str) -> tuple[str, str] | None:
    """Both, if there is exactly one pair of tags, in order, with text between and after them; else None."""
    if said.count(THINK) != 1 or said.count(END_THINK) != 1 or not said.startswith(THINK):
        return None
    reasoning, _, answer = said.removeprefix(THINK).partition(END_THINK)
    return (reasoning, answer.strip()) if reasoning.strip() and answer.strip() else None
