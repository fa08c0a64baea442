"""Generated text-only instructions whose fulfilment a rule can check: lists, counts, case, JSON and the like.

An answer is drawn first, and the instruction then asks for properties of this answer. So every instruction can be
followed, whatever constraints are combined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from demiglace.fields import Words
from demiglace.scoring.constraints.constraint import Bounds, Constraint
from demiglace.scoring.constraints.counted import ItemCount, KeywordCount, LetterCount, UnitCount
from demiglace.scoring.constraints.fulfilment import unmet
from demiglace.scoring.constraints.text_units import count
from demiglace.scoring.constraints.written_form import (
    Case,
    EndsWith,
    JsonObject,
    LetterCase,
    Quoted,
    Repeated,
    StartsWith,
)
from demiglace.scoring.question import Question
from demiglace.synthesis.questions.instruction_words import ADJECTIVES, ENDINGS, LISTS, NUMBERS, OPENINGS, TOPICS
from demiglace.typography.words import LETTERS, pick

HELD_OUT = 0x496E7374  # no seed of a training run begins with it
MOST_EXTRAS = 2  # constraints beside those of the kind (ours)
_NEVER = Bounds.exactly(0)


@dataclass(frozen=True)
class Instruction:
    """An instruction, an answer that follows it, and the constraints that are checked."""

    asked: str
    answer: str
    constraints: tuple[Constraint, ...]

    def with_extra(self, asked: str, constraint: Constraint) -> Instruction:
        return replace(self, asked=f"{self.asked} {asked}", constraints=(*self.constraints, constraint))


def random_instruction(rng: np.random.Generator, kind: str, most_extras: int = MOST_EXTRAS) -> Question:
    """An instruction of a kind in `INSTRUCTION_KINDS`, with up to `most_extras` further constraints."""
    drawn = INSTRUCTION_KINDS[kind](rng)
    for extra in rng.permutation(len(_EXTRAS))[: rng.integers(most_extras + 1)]:
        drawn = _EXTRAS[extra](rng, drawn)
    assert not unmet(drawn.constraints, drawn.answer), drawn
    wanted = [f"{one.in_words[:1].upper()}{one.in_words[1:]}." for one in drawn.constraints]
    steps = (*wanted, f"Check: this is so in: {' / '.join(drawn.answer.splitlines())}")
    return Question(f"instruction_{kind}", drawn.asked, drawn.answer, drawn.answer, steps, (), drawn.constraints)


def held_out_instruction(kind: str, number: int, seed: int = 0) -> Question:
    """Held-out instruction `number` of a kind; ValueError if there is no such kind."""
    Words(tuple(INSTRUCTION_KINDS)).check("kind", kind)
    return random_instruction(
        np.random.default_rng((HELD_OUT, seed, list(INSTRUCTION_KINDS).index(kind), number)), kind
    )


def _some(rng: np.random.Generator, options: Sequence[str], number: int) -> list[str]:
    return [options[place] for place in rng.permutation(len(options))[:number]]


def _statement(rng: np.random.Generator, topic: str, num_words: int) -> str:
    """A statement of exactly `num_words` words, without a full stop: "the moon is very bright and old"."""
    adjectives = iter(_some(rng, ADJECTIVES, len(ADJECTIVES)))
    if num_words < 4:
        return " ".join(["the", next(adjectives), topic][3 - num_words :])
    words = ["the", topic, "is", next(adjectives)]
    while len(words) + 2 <= num_words:
        words += ["and", next(adjectives)]
    if len(words) < num_words:
        words.insert(3, "very")
    return " ".join(words)


def _sentence(rng: np.random.Generator, topic: str) -> str:
    return _statement(rng, topic, int(rng.integers(4, 9))).capitalize() + "."


def _about(rng: np.random.Generator) -> tuple[str, str]:
    """A topic, and a request to say something about it."""
    topic = pick(rng, TOPICS)
    return topic, pick(
        rng, (f"Say something about the {topic}.", f"Describe the {topic}.", f"Write about the {topic}.")
    )


def _one_of(rng: np.random.Generator) -> Instruction:
    _, one, known = LISTS[int(rng.integers(len(LISTS)))]
    among = ItemCount(",", Bounds.exactly(1), known)
    return Instruction(f"Name {one}. Answer with the name alone.", pick(rng, known), (among,))


def _lines(rng: np.random.Generator) -> Instruction:
    many, _, known = LISTS[int(rng.integers(len(LISTS)))]
    number = int(rng.integers(2, 5))
    asked = f"{pick(rng, ('List', 'Name'))} {NUMBERS[number]} {many}, one per line."
    return Instruction(asked, "\n".join(_some(rng, known, number)), (ItemCount("\n", Bounds.exactly(number), known),))


def _commas(rng: np.random.Generator) -> Instruction:
    many, _, known = LISTS[int(rng.integers(len(LISTS)))]
    number = int(rng.integers(2, 5))
    asked = f"{pick(rng, ('List', 'Name'))} {NUMBERS[number]} {many}, separated by commas, and nothing else."
    return Instruction(asked, ", ".join(_some(rng, known, number)), (ItemCount(",", Bounds.exactly(number), known),))


def _bullets(rng: np.random.Generator) -> Instruction:
    many, _, known = LISTS[int(rng.integers(len(LISTS)))]
    number = int(rng.integers(2, 5))
    asked = f"List {NUMBERS[number]} {many} as a Markdown list with a bullet before each, and nothing else."
    wanted = UnitCount("bullets", Bounds.exactly(number)), ItemCount("\n", Bounds.exactly(number), known)
    return Instruction(asked, "\n".join(f"- {item}" for item in _some(rng, known, number)), wanted)


def _words(rng: np.random.Generator) -> Instruction:
    topic, asked = _about(rng)
    number, form = int(rng.integers(1, 9)), int(rng.integers(3))
    bounds = (Bounds.exactly(number), Bounds(number + 1), Bounds(0, number))[form]
    said = number + 2 * (form == 1) - int(rng.integers(number)) * (form == 2)
    return Instruction(f"{asked} Use {bounds.of('word')}.", _statement(rng, topic, said), (UnitCount("words", bounds),))


def _letters(rng: np.random.Generator) -> Instruction:
    word = pick(rng, (*TOPICS, *ADJECTIVES))
    wanted = UnitCount("words", Bounds.exactly(1)), UnitCount("letters", Bounds.exactly(len(word)))
    return Instruction(f"Answer with one word of exactly {len(word)} letters.", word, wanted)


def _repeat(rng: np.random.Generator) -> Instruction:
    word, number = pick(rng, TOPICS), int(rng.integers(1, 5))
    often = ("once", "twice", "three times", "four times")[number - 1]
    asked = f'Write the word "{word}" {often} and nothing else.'
    return Instruction(asked, " ".join([word] * number), (Repeated(word, number),))


def _json(rng: np.random.Generator) -> Instruction:
    keys = _some(rng, TOPICS, int(rng.integers(1, 4)))
    named = " and ".join(f'"{key}"' for key in keys)
    asked = f"Answer with a JSON object that has {'the key' if len(keys) == 1 else 'the keys'} {named} and no other."
    held = ", ".join(f'"{key}": {int(rng.integers(10))}' for key in keys)
    return Instruction(asked, f"{{{held}}}", (JsonObject(tuple(keys)),))


def _keyword(rng: np.random.Generator) -> Instruction:
    topic, word = pick(rng, TOPICS), pick(rng, ADJECTIVES)
    asked = f'Write one sentence about the {topic} with the word "{word}" in it.'
    wanted = UnitCount("sentences", Bounds.exactly(1)), KeywordCount(word, Bounds(1))
    return Instruction(asked, f"The {topic} is {word}.", wanted)


def _without_word(rng: np.random.Generator) -> Instruction:
    topic, asked = _about(rng)
    answer = _statement(rng, pick(rng, ("one", "thing")), int(rng.integers(3, 7)))
    return Instruction(f'{asked} Do not use the word "{topic}".', answer, (KeywordCount(topic, _NEVER),))


def _without_letter(rng: np.random.Generator) -> Instruction:
    topic, asked = _about(rng)
    answer = _statement(rng, topic, int(rng.integers(1, 5)))
    letter = _absent(rng, answer, "etaoinshr") or _absent(rng, answer, LETTERS)
    return Instruction(f'{asked} Do not use the letter "{letter}".', answer, (LetterCount(letter, _NEVER),))


def _letter_often(rng: np.random.Generator) -> Instruction:
    topic, asked = _about(rng)
    answer = _statement(rng, topic, int(rng.integers(4, 9)))
    letter = pick(rng, sorted(set(answer) - {" "}))
    bounds = Bounds(int(rng.integers(1, answer.count(letter) + 1)))
    how = f'Use the letter "{letter}" {bounds.of("time")}.'
    return Instruction(f"{asked} {how}", answer, (LetterCount(letter, bounds),))


def _begin_end(rng: np.random.Generator) -> Instruction:
    topic, first, last = pick(rng, TOPICS), pick(rng, OPENINGS), pick(rng, ENDINGS)
    answer = f"{first} the {topic} is {pick(rng, ADJECTIVES)} {last}"
    both = int(rng.integers(3))
    asked = (f'Begin with "{first}".', f'End with "{last}"', f'Begin with "{first}" and end with "{last}"')[both]
    wanted = ((StartsWith(first),), (EndsWith(last),), (StartsWith(first), EndsWith(last)))[both]
    return Instruction(f"Write a sentence about the {topic}. {asked}", answer, wanted)


def _case(rng: np.random.Generator) -> Instruction:
    topic, asked = _about(rng)
    return _in_case(rng, Instruction(asked, _sentence(rng, topic), ()))


def _quoted(rng: np.random.Generator) -> Instruction:
    topic, asked = _about(rng)
    how = "Put your whole answer in double quotation marks."
    return Instruction(f"{asked} {how}", f'"{_sentence(rng, topic)}"', (Quoted(),))


def _sentences(rng: np.random.Generator) -> Instruction:
    topic, number = pick(rng, TOPICS), int(rng.integers(1, 4))
    answer = " ".join(_sentence(rng, topic) for _ in range(number))
    asked = f"Write exactly {NUMBERS[number]} {'sentence' if number == 1 else 'sentences'} about the {topic}."
    return Instruction(asked, answer, (UnitCount("sentences", Bounds.exactly(number)),))


def _paragraphs(rng: np.random.Generator) -> Instruction:
    topic, number = pick(rng, TOPICS), int(rng.integers(2, 4))
    answer = "\n\n".join(_sentence(rng, topic) for _ in range(number))
    asked = f"Write {NUMBERS[number]} paragraphs about the {topic}, with a blank line between them."
    return Instruction(asked, answer, (UnitCount("paragraphs", Bounds.exactly(number)),))


INSTRUCTION_KINDS: Mapping[str, Callable[[np.random.Generator], Instruction]] = {
    "one_of": _one_of,
    "lines": _lines,
    "commas": _commas,
    "bullets": _bullets,
    "words": _words,
    "letters": _letters,
    "repeat": _repeat,
    "json": _json,
    "keyword": _keyword,
    "without_word": _without_word,
    "without_letter": _without_letter,
    "letter_often": _letter_often,
    "begin_end": _begin_end,
    "case": _case,
    "quoted": _quoted,
    "sentences": _sentences,
    "paragraphs": _paragraphs,
}


def _absent(rng: np.random.Generator, answer: str, letters: str) -> str:
    """One of `letters` that the answer does not contain; "" if it contains all."""
    left = [letter for letter in letters if letter not in answer.lower()]
    return pick(rng, left) if left else ""


def _in_case(rng: np.random.Generator, drawn: Instruction) -> Instruction:
    """Adds "all in one case", unless the answer needs letters of the other case, or its case is already asked for."""
    case: Case = "upper_case" if rng.random() < 0.5 else "lower_case"
    if any(isinstance(one, LetterCase) for one in drawn.constraints):
        return drawn
    answer = drawn.answer.upper() if case == "upper_case" else drawn.answer.lower()
    if unmet(drawn.constraints, answer):
        return drawn
    how = "Use capital letters only." if case == "upper_case" else "Use small letters only."
    return replace(drawn, answer=answer).with_extra(how, LetterCase(case))


def _few_words(rng: np.random.Generator, drawn: Instruction) -> Instruction:
    """Adds a maximum number of words, unless words are already counted."""
    if any(isinstance(one, UnitCount) and one.unit == "words" for one in drawn.constraints):
        return drawn
    bounds = Bounds(0, count("words", drawn.answer) + int(rng.integers(1, 4)))
    return drawn.with_extra(f"Use {bounds.of('word')}.", UnitCount("words", bounds))


def _no_letter(rng: np.random.Generator, drawn: Instruction) -> Instruction:
    if any(isinstance(one, LetterCount) for one in drawn.constraints):
        return drawn
    letter = _absent(rng, drawn.answer, LETTERS)
    return drawn.with_extra(f'Do not use the letter "{letter}".', LetterCount(letter, _NEVER)) if letter else drawn


def _no_word(rng: np.random.Generator, drawn: Instruction) -> Instruction:
    if any(isinstance(one, KeywordCount) for one in drawn.constraints):
        return drawn
    word = pick(rng, [word for word in ADJECTIVES if word not in drawn.answer.lower()])
    return drawn.with_extra(f'Do not use the word "{word}".', KeywordCount(word, _NEVER))


_EXTRAS = (_in_case, _few_words, _no_letter, _no_word)
