"""The choices of a row by letter, and the right one."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from demiglace.evaluation.dataset.row import Row

LISTS = ("options", "choices", "candidates")
NOTHING = "nan"  # lmms-lab's MMBench: text of empty cells of choices and hints (lmms-eval's mmbench_evals.py)
_LABEL = re.compile(r"^\s*\(?([A-Z])\s*[).:]\s*")
_LINE = re.compile(r"^[ \t]*\(?([A-Z])[).:][ \t]*(?=\S)", re.MULTILINE)


def choices_of(row: Row) -> dict[str, str]:
    """Letter -> text: from columns A, B, ..., else from a list, with or without letters before its items."""
    by_column = {letter: row.optional_text(letter) for letter in string.ascii_uppercase}
    by_column = {letter: text for letter, text in by_column.items() if text not in ("", NOTHING)}
    if by_column:
        return by_column
    return lettered(row.texts(*LISTS)) if row.get(*LISTS) is not None else {}


def lettered(texts: Sequence[str]) -> dict[str, str]:
    """ "A. red" and "B. blue", or "red" and "blue" -> A: red, B: blue."""
    letters = string.ascii_uppercase[: len(texts)]
    found = [_LABEL.match(text) for text in texts]
    if all(label and label[1] == letter for label, letter in zip(found, letters, strict=True)):
        return {letter: _LABEL.sub("", text, count=1) for letter, text in zip(letters, texts, strict=True)}
    return dict(zip(letters, texts, strict=True))


def split_question(text: str) -> tuple[str, dict[str, str]]:
    """Split a question from the choices below it, each on lines of its own (LVBench, MotionBench)."""
    found = list(_LINE.finditer(text))
    letters = "".join(label[1] for label in found)
    if not found or letters != string.ascii_uppercase[: len(found)]:
        return text.strip(), {}
    ends = [*(label.start() for label in found[1:]), len(text)]
    choices = {label[1]: text[label.end() : end].strip() for label, end in zip(found, ends, strict=True)}
    return text[: found[0].start()].strip(), choices


def right_letter(answer: str, choices: dict[str, str], place: str, numbered: bool = False, texts: bool = False) -> str:
    """The answer as a letter, from a letter or the text of its choice; if `numbered`, from its number from 0.

    texts: the text of a choice comes before a letter. ValueError if it is none of them.
    """
    answer = answer.strip()
    by_text = next((letter for letter, text in choices.items() if text.strip().casefold() == answer.casefold()), None)
    if by_text and texts:
        return by_text
    if numbered and answer.isdigit() and int(answer) < len(choices):
        return list(choices)[int(answer)]
    if (label := re.fullmatch(r"\(?([A-Za-z])\)?[.:]?", answer)) and label[1].upper() in choices:
        return label[1].upper()
    if by_text:
        return by_text
    raise ValueError(f"{place} has the answer {answer!r}, but its choices are {', '.join(choices) or 'none'}")
