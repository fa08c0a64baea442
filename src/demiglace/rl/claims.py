"""From an answer to atomic claims, each with a question whose answer is yes if it holds (RLAIF-V, arXiv 2405.17220).

Sentences about the project's own pictures and clips are split by rule; real text by a prompted model.
Both are functions of questions and answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from demiglace.rl.claim_verdict import MOST_TOKENS
from demiglace.scoring.question import FORM
from demiglace.simple_pictures.claims import with_article

YES_OR_NO = " Answer yes or no."
MOST_CLAIMS = 64  # of an answer; ours
PROMPT = """Here is a question about a picture or a video, and an answer to it.

Question: {question}
Answer: {answer}

Write down every fact about what is shown that the answer states. Leave out opinions. Make of each fact a question \
that is answered by yes if the fact is true. Each question must be understood alone. Write one question on each line \
and nothing else."""  # ours; RLAIF-V asks for facts, and then for a question from each

# Sentences about drawn pictures and clips: `synthesis.questions.scenes`, `synthesis.clips`, `simple_pictures`.
_ROW = re.compile(r"(?:row by row, )?(top|middle|bottom): (.+)", re.IGNORECASE)
_SEEN = re.compile(r"(?:.*? )?i see (?:only )?(.+?)(?: too)?", re.IGNORECASE)
_HAPPENED = re.compile(r"((?:the|an?) .+?) (appeared|disappeared|flashed|flashes)( .+)?", re.IGNORECASE)
_BEING = re.compile(r"(.+?) (is|are|was|were) (.+)", re.IGNORECASE)
_PRESENT = {"appeared": "appear", "disappeared": "disappear", "flashed": "flash", "flashes": "flash"}
_BULLET = re.compile(r"^(?:[-•]\s*|\*\s+|\d+[.)、]\s*)")
_EMPHASISED = re.compile(r"[*_`\"'“]+(.+?)[*_`\"'”]+")  # also in quotation marks


@dataclass(frozen=True)
class AtomicClaim:
    """statement: for readers. question: the same as a yes-or-no question."""

    statement: str
    question: str


@dataclass(frozen=True)
class SplitAnswer:
    """problem: why there are no claims; "" if there are."""

    claims: tuple[AtomicClaim, ...] = ()
    problem: str = ""


Splitter = Callable[[Sequence[tuple[str, str]]], list[SplitAnswer]]  # input: pairs of question and answer
Writer = Callable[[Sequence[str]], list[str | None]]  # prompts -> a model's answers; None for one that was cut


def split_by_rule(asked: Sequence[tuple[str, str]]) -> list[SplitAnswer]:
    """A `Splitter` that uses rules."""
    return [_split(claims_by_rule, *one) for one in asked]


def split_by_model(write: Writer) -> Splitter:
    """A `Splitter` that prompts a model. A list that was cut lacks claims, so there are none."""

    def split(asked: Sequence[tuple[str, str]]) -> list[SplitAnswer]:
        written = write([PROMPT.format(question=question, answer=answer) for question, answer in asked])
        cut = SplitAnswer(problem=f"its list of claims is cut after {MOST_TOKENS} tokens")
        return [cut if text is None else _split(written_claims, text) for text in written]

    return split


def claims_by_rule(question: str, answer: str) -> list[AtomicClaim]:
    """The claims of all sentences, without duplicates. A sentence of unknown form is one claim, and an answer without a
    full stop, or of one word, is a claim about its question; ValueError if there are more than `MOST_CLAIMS`."""
    text = " ".join(answer.split())
    found = [claim for sentence in _sentences(text) for claim in _claims(question, sentence)]
    return _checked(list(dict.fromkeys(found)))


def written_claims(text: str) -> list[AtomicClaim]:
    """The questions in a model's list, without duplicates; ValueError for none, or more than `MOST_CLAIMS`."""
    lines = map(_listed, text.splitlines())
    asked = list(dict.fromkeys(line for line in lines if line.endswith(("?", "？"))))
    if not asked:
        raise ValueError(f"a list of questions was wanted of the model that splits answers, got {text!r:.120}")
    return _checked([AtomicClaim(line, line + YES_OR_NO) for line in asked])


def _listed(line: str) -> str:
    """A line of a list without its bullet, emphasis and quotation marks."""
    bare = _BULLET.sub("", line.strip())
    emphasised = _EMPHASISED.fullmatch(bare)
    return emphasised[1] if emphasised else bare


def _split(split: Callable[..., list[AtomicClaim]], *given: str) -> SplitAnswer:
    try:
        claims = split(*given)
    except ValueError as error:
        return SplitAnswer(problem=str(error))
    return SplitAnswer(tuple(claims), "" if claims else "makes no claim")


def _checked(claims: list[AtomicClaim]) -> list[AtomicClaim]:
    if len(claims) > MOST_CLAIMS:
        raise ValueError(f"an answer makes {len(claims)} claims, more than {MOST_CLAIMS}")
    return claims


def _sentences(text: str) -> Iterator[str]:
    """Sentences with their punctuation; rows of a picture, which semicolons separate, one by one."""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        if _ROW.fullmatch(sentence):
            yield from sentence.rstrip(".").split("; ")
        elif any(character.isalnum() for character in sentence):
            yield sentence


def _claims(question: str, sentence: str) -> Iterator[AtomicClaim]:
    said = sentence.rstrip(".!")
    if row := _ROW.fullmatch(said):
        yield from _of_a_row(row[1].lower(), row[2])
    elif seen := _SEEN.fullmatch(said):
        yield from (_there(name) for name in _names(seen[1]))
    elif happened := _HAPPENED.fullmatch(said):
        name, verb, rest = happened[1][0].lower() + happened[1][1:], happened[2].lower(), happened[3] or ""
        does = "Does" if verb == "flashes" else "Did"
        yield AtomicClaim(sentence, f"{does} {name} {_PRESENT[verb]}{rest}?{YES_OR_NO}")
    elif sentence == said or " " not in said:  # without a full stop, or a word or a number
        about = FORM.sub("", question)
        yield AtomicClaim(f"{about} {said}", f"{about} Is the answer {said}?{YES_OR_NO}")
    elif (being := _BEING.fullmatch(said)) and "," not in being[1]:
        name, verb, rest = being[1][0].lower() + being[1][1:], being[2].capitalize(), being[3]
        yield AtomicClaim(sentence, f"{verb} {name} {rest}?{YES_OR_NO}")
    else:
        yield AtomicClaim(sentence, f"Is it true that {said[0].lower()}{said[1:]}?{YES_OR_NO}")


def _of_a_row(row: str, listed: str) -> Iterator[AtomicClaim]:
    if listed.lower() == "nothing":
        yield AtomicClaim(f"There is nothing in the {row} row.", f"Is there nothing in the {row} row?{YES_OR_NO}")
        return
    for name in _names(listed):
        yield _there(name, f" in the {row} row")


def _names(listed: str) -> list[str]:
    """ "the red circle, a star and the cross" -> only the names."""
    parts = re.split(r", | and ", listed)
    return [name for part in parts if (name := re.sub(r"^(?:the|an?) ", "", part.strip()))]


def _there(name: str, place: str = "") -> AtomicClaim:
    if name.startswith("no "):
        return AtomicClaim(f"There is {name}{place}.", f"Is there {name}{place}?{YES_OR_NO}")
    if name == "nothing":
        return AtomicClaim(f"There is nothing{place}.", f"Is there nothing{place}?{YES_OR_NO}")
    thing = with_article(name)
    return AtomicClaim(f"There is {thing}{place}.", f"Is there {thing}{place}?{YES_OR_NO}")
