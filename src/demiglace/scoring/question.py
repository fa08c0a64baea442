"""A question whose answer can be checked by a rule, with its reasoning steps, and its conversion to a conversation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from demiglace.conversation import Conversation, Message, Part, Text
from demiglace.processing.chat_template import END_THINK, THINK
from demiglace.scoring.answer_match import is_right
from demiglace.scoring.constraints.constraint import Constraint
from demiglace.scoring.constraints.fulfilment import unmet

FORM = re.compile(r" (?:Answer|Name) [^?\"]*\.$")  # the last sentence of a question, if it asks for a form


@dataclass(frozen=True)
class Question:
    """A question about pictures, pages or clips.

    kind: such as "count" or "order"; metrics are reported by kind.
    text: the question, including the form of the answer.
    answer: as short as possible: a word, a number, a date, a few words.
    spoken: the answer in a sentence, if that is natural; may equal `answer`.
    steps: correct reasoning in order, a line each; the last checks. Empty if there is nothing to reason about.
    choices: all possible answers to choose from, including this one; empty if they cannot be listed.
    constraints: for an instruction: any response that meets all of them is right, and `answer` is an example.
    """

    kind: str
    text: str
    answer: str
    spoken: str
    steps: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        texts = (self.text, self.answer, self.spoken, *self.steps)
        if any(not text.strip() or THINK in text or END_THINK in text for text in texts):
            raise ValueError(f"a question of kind {self.kind!r} has an empty text, or one with a mark of reasoning")
        if self.choices and self.answer not in self.choices:
            raise ValueError(f"the answer {self.answer!r} is none of the choices: {', '.join(self.choices)}")

    def is_answered_by(self, response: str) -> bool:
        """Whether `response`, without reasoning, gives the answer and no other (`scoring.answer_match`).

        For an instruction, whether it meets all constraints: a share would reward meeting only the easy half.
        """
        if self.constraints:
            return not unmet(self.constraints, response)
        return is_right(response, self.answer, self.choices)

    @property
    def wanted(self) -> str:
        """The right answer as text: the answer, or the constraints."""
        return "; ".join(constraint.in_words for constraint in self.constraints) or self.answer


def in_a_sentence(question: Question) -> Question:
    """The same question, asking for an answer in a sentence instead of its own form."""
    return replace(question, text=FORM.sub("", question.text) + " Answer in a sentence.")


def conversation(question: Question, parts: Sequence[Part], long: bool, spoken: bool = False) -> Conversation:
    """`parts`, question and answer: short, or `long` with its steps; if `spoken`, asked and answered in a sentence.

    Raises ValueError for a long answer to a question without steps.
    """
    return dialogue([question], parts, long, [spoken])


def dialogue(questions: Sequence[Question], parts: Sequence[Part], long: bool, spoken: Sequence[bool]) -> Conversation:
    """Questions one after the other about `parts`, which are shown with the first.

    Only the last answer can be `long`: the template drops the reasoning of earlier turns, which would leave a short
    answer. Otherwise as `conversation`, with `spoken` for each question.
    """
    messages: list[Message] = []
    for number, (question, as_sentence) in enumerate(zip(questions, spoken, strict=True), start=1):
        asked = in_a_sentence(question) if as_sentence else question
        response = reply(question, long and number == len(questions), as_sentence)
        shown = parts if number == 1 else ()
        messages += [Message("user", (*shown, Text(asked.text))), Message("assistant", (Text(response),))]
    return Conversation(tuple(messages), thinking=long)


def reply(question: Question, long: bool, spoken: bool = False) -> str:
    """The assistant's answer; ValueError for a long answer to a question without steps."""
    answer = question.spoken if spoken else question.answer
    if not long:
        return answer
    if not question.steps:
        raise ValueError(f"a question of kind {question.kind!r} has no steps for a long answer")
    reasoning = "\n".join(question.steps)
    return f"{THINK}\n{reasoning}\n{END_THINK}\n\n{answer}"
