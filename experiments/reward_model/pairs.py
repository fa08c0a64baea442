"""Two answers to a question, of which a rule knows the better one; no picture is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from demiglace.scoring.question import Question, in_a_sentence
from demiglace.synthesis.clips.kinds import CLIP_KINDS, random_size
from demiglace.synthesis.questions.text_only import random_text_question
from demiglace.synthesis.questions.topics import TOPICS
from demiglace.typography.words import pick

CLIPS = ("count", "direction", "flashes", "flash_text")
PICTURES = ("colours", "scenes", "short_receipts", "receipts")
SPOKEN_SHARE = 0.2  # of the questions, asked for a sentence
SIDE = 140  # pixels of pictures that nobody sees
LEAST_CUT = 4  # letters
OTHERS, TRIES = 200, 8  # questions from which a wrong answer comes, and how many of them are looked at


@dataclass(frozen=True)
class Pair:
    """kind: of the rule, see `FAULTS`; better and worse: answers to the question."""

    kind: str
    question: str
    better: str
    worse: str


def random_question(rng: np.random.Generator) -> Question:
    """Some ask for a sentence, and their answer is one."""
    name = pick(rng, (*CLIPS, *PICTURES, "text"))
    if name in CLIPS:
        question = CLIP_KINDS[name](rng, random_size(rng, SIDE)).question
    elif name == "text":
        question = random_text_question(rng)
    else:
        question = pick(rng, TOPICS[name](rng, SIDE)[1])
    return in_a_sentence(question) if rng.random() < SPOKEN_SHARE else question


def right_answer(question: Question) -> str:
    return question.spoken if question.text.endswith("in a sentence.") else question.answer


def wrong(rng: np.random.Generator, question: Question, others: Sequence[Question]) -> str | None:
    """The right answer to another question of the same kind, whose words differ: a rule knows, from the picture."""
    same = [one for one in others if one.kind == question.kind]
    return _answer_of(rng, question, same)


def of_another_kind(rng: np.random.Generator, question: Question, others: Sequence[Question]) -> str | None:
    """The right answer to something else: a number where a colour is asked for."""
    return _answer_of(rng, question, [one for one in others if one.kind != question.kind])


def repeating(rng: np.random.Generator, question: Question, others: Sequence[Question]) -> str | None:
    """The right answer again and again."""
    return " ".join([right_answer(question)] * int(rng.integers(2, 6)))


def cut(rng: np.random.Generator, question: Question, others: Sequence[Question]) -> str | None:
    """The right answer without its end."""
    answer = right_answer(question)
    return answer[: int(rng.integers(1, len(answer) - 1))] if len(answer) >= LEAST_CUT else None


def with_reasons(rng: np.random.Generator, question: Question, others: Sequence[Question]) -> str | None:
    """Steps before the answer, where the answer alone is asked for."""
    return None if not question.steps else f"{pick(rng, question.steps)} {right_answer(question)}"


def misspelt(rng: np.random.Generator, question: Question, others: Sequence[Question]) -> str | None:
    """Two letters of the right answer have changed places."""
    answer = right_answer(question)
    places = [at for at in range(len(answer) - 1) if answer[at] != answer[at + 1] and answer[at : at + 2].isalpha()]
    if not places:
        return None
    at = pick(rng, places)
    return answer[:at] + answer[at + 1] + answer[at] + answer[at + 2 :]


FAULTS: dict[str, Callable[[np.random.Generator, Question, Sequence[Question]], str | None]] = {
    "wrong": wrong,
    "of another kind": of_another_kind,
    "repeating": repeating,
    "cut": cut,
    "with reasons": with_reasons,
    "misspelt": misspelt,
}


def draw_pairs(seed: int, count: int) -> list[Pair]:
    """`count` pairs, each of a random fault that its question allows; a function of the seed."""
    rng = np.random.default_rng(seed)
    questions = [random_question(rng) for _ in range(count)]
    found = []
    for question in questions:
        others = [questions[place] for place in rng.integers(count, size=OTHERS)]
        faults = {name: make(rng, question, others) for name, make in FAULTS.items()}
        possible = {name: worse for name, worse in faults.items() if worse not in (None, right_answer(question))}
        kind = pick(rng, list(possible))
        found.append(Pair(kind, question.text, right_answer(question), str(possible[kind])))
    return found


def _answer_of(rng: np.random.Generator, question: Question, others: Sequence[Question]) -> str | None:
    """Of the first of some others, in random order, that does not answer the question too."""
    for place in rng.permutation(len(others))[:TRIES]:
        answer = right_answer(others[place])
        if not question.is_answered_by(answer):
            return answer
    return None
