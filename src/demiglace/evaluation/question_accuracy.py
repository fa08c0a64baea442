"""Accuracy on questions that a rule can check, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from demiglace.conversation import Conversation, Part
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.demiglace import Demiglace
from demiglace.scoring.question import Question

PartsAndQuestion = tuple[Sequence[Part], Question]


@dataclass(frozen=True)
class Score:
    """Counts for one kind of question.

    commonest: right answers if the most common answer of the kind is always given.
    unfinished: answers truncated at the limit of tokens.
    """

    asked: int
    right: int
    commonest: int
    unfinished: int


def answer_questions(
    assistant: Demiglace, asked: Sequence[PartsAndQuestion], thinking: bool = False, most_tokens: int = 64
) -> list[str]:
    """Greedy answers to questions about files, without reasoning; "" if truncated at `most_tokens`."""
    requests = [Conversation.ask(question.text, *parts, thinking=thinking) for parts, question in asked]
    answers = assistant.batch(requests, SamplingParams.greedy(most_tokens))
    return [answer.text if answer.stopped_by == "end" else "" for answer in answers]


def score(questions: Sequence[Question], responses: Sequence[str]) -> Score:
    """Count right answers; ValueError without questions, or unless there is one answer to each."""
    if not questions or len(questions) != len(responses):
        raise ValueError(f"{len(questions)} questions, but {len(responses)} answers; there must be as many, 1 at least")
    wanted = Counter(question.answer.casefold() for question in questions)
    return Score(
        asked=len(questions),
        right=sum(question.is_answered_by(answer) for question, answer in zip(questions, responses, strict=True)),
        commonest=max(wanted.values()),
        unfinished=sum(not answer for answer in responses),
    )


def score_by_kind(questions: Sequence[Question], responses: Sequence[str]) -> dict[str, Score]:
    """`score` of each kind of question, in alphabetical order."""
    kinds = sorted({question.kind for question in questions})
    pairs = list(zip(questions, responses, strict=True))
    own = {kind: [pair for pair in pairs if pair[0].kind == kind] for kind in kinds}
    return {
        kind: score([question for question, _ in found], [response for _, response in found])
        for kind, found in own.items()
    }
