"""A question whose answer a rule can check, with the steps that lead there; and how it becomes a conversation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from demiglace.conversation import Conversation, Message, Part, Text
from demiglace.processing.template import END_THINK, THINK

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")


@dataclass(frozen=True)
class Question:
    """What is asked about pictures, pages or clips.

    kind: such as "count" or "order"; figures are kept by kind.
    text: the question, which says in what form the answer is wanted.
    answer: as short as it can be said: a word, a number, a date, a few words.
    spoken: the same in a sentence, where somebody would say it so; may equal `answer`.
    steps: correct reasoning in order, a line each; the last checks. Empty where there is nothing to reason about.
    """

    kind: str
    text: str
    answer: str
    spoken: str
    steps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        said = (self.text, self.answer, self.spoken, *self.steps)
        if not all(text.strip() for text in said) or any(mark in text for text in said for mark in (THINK, END_THINK)):
            raise ValueError(f"a question of kind {self.kind!r} has an empty text, or one with a mark of reasoning")


def conversation(question: Question, parts: Sequence[Part], long: bool, spoken: bool = False) -> Conversation:
    """`parts` and the question, and the answer: short, or after its steps; as a sentence where `spoken`.

    Raises ValueError on a long answer to a question without steps.
    """
    if long and not question.steps:
        raise ValueError(f"a question of kind {question.kind!r} has no steps for a long answer")
    said = question.spoken if spoken else question.answer
    if long:
        reasoning = "\n".join(question.steps)
        said = f"{THINK}\n{reasoning}\n{END_THINK}\n\n{said}"
    asked = Message("user", (*parts, Text(question.text)))
    return Conversation((asked, Message("assistant", (Text(said),))), thinking=long)


def is_right(said: str, answer: str) -> bool:
    """Whether what a model said is the short `answer`: alone, or as the one number or phrase that a sentence gives.

    Case, surrounding punctuation and thousands' commas do not count; numbers are compared as numbers.
    """
    wanted, given = _plain(answer), _plain(said)
    if wanted == given:
        return True
    if _NUMBER.fullmatch(wanted):
        return [float(number) for number in _NUMBER.findall(given)] == [float(wanted)]
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", given) is not None and len(given) <= 4 * len(wanted) + 80


def _plain(text: str) -> str:
    return " ".join(_GROUPED.sub("", text).lower().split()).strip(" .,:;!?\"'")
