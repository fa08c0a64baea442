"""Questions about the text of a page, and small documents with known contents."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import shorten, wrap

import numpy as np
from PIL import Image

from demiglace.documents.page import Page
from demiglace.scoring.question import Question
from demiglace.synthesis.pages.sheet import CAPS_OF_A_SIDE, Sheet, printed, set_block, sister_face
from demiglace.typography.corpus import passage
from demiglace.typography.fonts import sample_face
from demiglace.typography.words import pick, plain_words

_LINE_LENGTH, _PROSE_LENGTH = 24, 96  # characters
_CLEAN = re.compile(r"[^\"“”<>]*[A-Za-z][^\"“”<>]*")  # what can stand in quotation marks
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9'-]*")


@dataclass(frozen=True)
class Fact:
    """A sentence, a question that it answers, and the answer, which occurs in it verbatim."""

    sentence: str
    asked: str
    answer: str


@dataclass(frozen=True)
class Contents:
    """The text of a document. `facts` are its sentences, in order; without them its text is `prose`."""

    heading: str
    number: int
    facts: tuple[Fact, ...] = ()
    prose: str = ""

    @property
    def body(self) -> str:
        return " ".join(fact.sentence for fact in self.facts) or self.prose


def random_document(rng: np.random.Generator, side: int) -> tuple[Image.Image, list[Question]]:
    """A heading, a few lines and a page number, in a picture of about `side` by `side` pixels.

    If fonts or prose are missing, raises ValueError that names the extra to install.
    """
    contents = random_contents(rng)
    page = document_page(rng, contents, side / CAPS_OF_A_SIDE)
    return printed(page, rng), ask_document(rng, contents) + ask_lines(rng, page)


def random_contents(rng: np.random.Generator) -> Contents:
    heading = " ".join(plain_words(rng, int(rng.integers(1, 3)))).title()
    number = int(rng.integers(1, 400))
    prose = shorten(passage(rng, _PROSE_LENGTH), _PROSE_LENGTH, placeholder="") if rng.random() < 0.4 else ""
    if prose:
        return Contents(heading, number, prose=prose)
    names = [word.capitalize() for word in plain_words(rng, int(rng.integers(2, 5)), 6)]
    makers = rng.permutation(len(_FACTS))[: len(names)]
    return Contents(heading, number, tuple(_FACTS[i](rng, name) for i, name in zip(makers, names, strict=True)))


def document_page(rng: np.random.Generator, contents: Contents, cap: float) -> Page:
    """The document as a page, heading larger, page number below the text; `cap` is the cap height in pixels."""
    face, sheet = sample_face(rng), Sheet()
    top = sheet.put(set_block([contents.heading], sister_face(rng, face), 1.3 * cap), 0, 0) + cap
    body = set_block(wrap(contents.body, _LINE_LENGTH), face, cap, float(rng.uniform(1.8, 2.2)))
    top = sheet.put(body, 0, top) + cap
    sheet.put(set_block([str(contents.number)], face, cap), float(rng.uniform(0, 0.9)) * body.picture.shape[1], top)
    return sheet.page("document", rng)


def ask_document(rng: np.random.Generator, contents: Contents) -> list[Question]:
    """Questions about heading and page number; if its sentences are known, also about a fact and the next sentence."""
    first, number = contents.body.split()[0], str(contents.number)
    quoted_heading = f'Above the text stands in larger letters: "{contents.heading}".'
    asked = [
        Question(
            "page_heading",
            pick(rng, ("What is the heading of this page?", "Quote the heading.")),
            contents.heading,
            f'The heading is "{contents.heading}".',
            (quoted_heading, f'Check: the text itself begins below it, with "{first}".') if _is_clean(first) else (),
        ),
        Question(
            "page_number",
            pick(rng, ("What is the number of this page?", "Which page number does it have?"))
            + " Answer with a number.",
            number,
            f"The page number is {number}.",
            (f"Below the text stands {number}.", f"Check: {number} stands alone, so it is the number of the page."),
        ),
    ]
    if contents.facts:
        asked.append(_ask_fact(rng, contents.facts))
    if len(contents.facts) > 1:
        asked.append(_ask_next(rng, contents.facts))
    return asked


def ask_lines(rng: np.random.Generator, page: Page) -> list[Question]:
    """Questions that any page may allow: quote a line given its beginning, and name the word after two others."""
    asked = (ask(rng, [line.text for line in page.lines]) for ask in (_ask_line, _ask_word))
    return [question for question in asked if question]


def _is_clean(text: str) -> bool:
    return _CLEAN.fullmatch(text) is not None


def _ask_fact(rng: np.random.Generator, facts: tuple[Fact, ...]) -> Question:
    number = int(rng.integers(len(facts)))
    fact = facts[number]
    steps = (
        f'Sentence {number + 1} of {len(facts)} is about it: "{fact.sentence}"',
        f'Check: no other sentence tells it, so the answer is "{fact.answer}".',
    )
    return Question("page_answer", fact.asked, fact.answer, fact.sentence, steps)


def _ask_next(rng: np.random.Generator, facts: tuple[Fact, ...]) -> Question:
    number = int(rng.integers(len(facts) - 1))
    before, answer = facts[number].sentence, facts[number + 1].sentence
    steps = (
        f'"{before}" is sentence {number + 1} of {len(facts)}.',
        f'Sentence {number + 2} begins with "{answer.split()[0]}".',
        f'Check: nothing stands between "{before.split()[-1]}" and "{answer.split()[0]}".',
    )
    return Question("page_quote", f'Quote the sentence after "{before}"', answer, f'It says: "{answer}"', steps)


def _ask_line(rng: np.random.Generator, lines: list[str]) -> Question | None:
    """Asks for a line given its first two words, with which no other line starts."""
    for number in rng.permutation(len(lines)).tolist():
        line = lines[number]
        start = " ".join(line.split()[:2])
        if line != start and _is_clean(line) and sum(other.startswith(start) for other in lines) == 1:
            break
    else:
        return None
    steps = (
        f'The line that starts with "{start}" is line {number + 1} of {len(lines)}.',
        f'It ends with "{line.split()[-1]}".',
        f'Check: none of the other {len(lines) - 1} lines starts with "{start}".',
    )
    which = f'the line that starts with "{start}"'
    asked = pick(rng, (f"Quote {which}.", f"What does {which} say?"))
    return Question("page_line", asked, line, f'It says: "{line}"', steps)


def _ask_word(rng: np.random.Generator, lines: list[str]) -> Question | None:
    """Asks for the word after two words on a line; the pair occurs nowhere else."""
    triples = [
        (number, *words)
        for number, line in enumerate(lines)
        for words in zip(line.split(), line.split()[1:], line.split()[2:], strict=False)
        if all(_WORD.fullmatch(word) for word in words)
    ]
    everything = " ".join(lines)
    for place in rng.permutation(len(triples)).tolist():
        number, first, second, answer = triples[place]
        both = rf"(?<!\w){re.escape(first)}(?=\W+{re.escape(second)}(?!\w))"
        if len(re.findall(both, everything, re.IGNORECASE)) == 1:
            break
    else:
        return None
    steps = (
        f'"{first} {second}" stands on line {number + 1} of {len(lines)}: "{first} {second} {answer}".',
        f'Check: it stands nowhere else, so the answer is "{answer}".',
    )
    asked = f'Which word follows "{first} {second}"? Answer with the word.'
    return Question("page_word", asked, answer, f'The word is "{answer}".', steps)


def _lives(rng: np.random.Generator, name: str) -> Fact:
    city = pick(rng, ("Rome", "Oslo", "Bern", "Lima", "Cork", "Nice", "Bonn", "Riga", "Kiel", "York"))
    return Fact(f"{name} lives in {city}.", f"Where does {name} live?", city)


def _works(rng: np.random.Generator, name: str) -> Fact:
    work = pick(rng, ("baker", "nurse", "pilot", "farmer", "tailor", "judge", "painter", "cook", "diver"))
    return Fact(f"{name} works as a {work}.", f"What does {name} work as?", work)


def _owns(rng: np.random.Generator, name: str) -> Fact:
    number, things = int(rng.integers(2, 60)), plain_words(rng, 1, 6)[0]
    kind = pick(rng, ("boxes", "books", "boats", "lamps", "coins"))
    return Fact(f"{name} has {number} {things} {kind}.", f"How many {things} {kind} does {name} have?", str(number))


def _was_born(rng: np.random.Generator, name: str) -> Fact:
    year = str(rng.integers(1700, 2026))
    return Fact(f"{name} was born in {year}.", f"In which year was {name} born?", year)


def _paid(rng: np.random.Generator, name: str) -> Fact:
    price, thing = f"{rng.integers(1, 90)}.{rng.integers(10, 100)}", plain_words(rng, 1, 6)[0]
    return Fact(f"{name} paid {price} for the {thing}.", f"How much did {name} pay for the {thing}?", price)


def _likes(rng: np.random.Generator, name: str) -> Fact:
    thing = plain_words(rng, 1, 8)[0]
    return Fact(f"{name} likes the word {thing}.", f"Which word does {name} like?", thing)


_FACTS: tuple[Callable[[np.random.Generator, str], Fact], ...] = (_lives, _works, _owns, _was_born, _paid, _likes)
