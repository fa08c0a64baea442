"""Claims about a picture that are true or false, and questions made from them, balanced between true and false.

A question is asked only if both a true and a false claim of its kind exist, and a coin flip decides between them. So a
model that always says yes is right half of the time, in every kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demiglace.scoring.question import Question
from demiglace.simple_pictures.drawn_items import Item, plural
from demiglace.typography.words import pick

PICTURE = ("image", "picture")
NUMBERS = ("0", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_YES_NO_ENDS = ("", "", "", " Answer yes or no.", " Answer with yes or no.", " Answer with one word, yes or no.")
_TRUE_FALSE_ENDS = (
    " True or false?",
    " Answer true or false.",
    " Answer with true or false.",
    " Is this true or false?",
)


@dataclass(frozen=True)
class Claim:
    """statement: without initial capital and full stop; questions: the same as yes-or-no questions."""

    statement: str
    is_true: bool
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sort:
    """Items of a form, a colour or both; None stands for any."""

    form: str | None
    colour: str | None
    noun: str = "shape"

    def of(self, items: Sequence[Item]) -> list[Item]:
        return [item for item in items if self.form in (None, item.form) and self.colour in (None, item.colour)]

    @property
    def one(self) -> str:
        return " ".join(word for word in (self.colour, self.form or self.noun) if word)

    @property
    def many(self) -> str:
        return " ".join(word for word in (self.colour, plural(self.form or self.noun)) if word)

    @property
    def a(self) -> str:
        return with_article(self.one)


def with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def judge(rng: np.random.Generator, kind: str, claims: Sequence[Claim], seen: str) -> Question | None:
    """Asks whether a claim is true; None if all claims are true or all false. seen: the first step of reasoning."""
    wanted = bool(rng.random() < 0.5)
    if len({claim.is_true for claim in claims}) < 2:
        return None
    own = [claim for claim in claims if claim.is_true == wanted]
    claim = own[int(rng.integers(len(own)))]
    as_statement = not claim.questions or bool(rng.random() < 0.45)
    if as_statement and rng.random() < 0.7:
        asked, answer = _statement(rng, claim.statement), str(wanted).lower()
    else:
        question = pick(rng, claim.questions) if not as_statement else f"is it true that {claim.statement}"
        in_truth = not as_statement and rng.random() < 0.3
        asked = first_letter(rng, question) + "?" + pick(rng, _TRUE_FALSE_ENDS[1:3] if in_truth else _YES_NO_ENDS)
        answer = str(wanted).lower() if in_truth else "yes" if wanted else "no"
    verdict = "holds" if wanted else "does not hold"
    steps = (seen, f'Check: the claim "{claim.statement}" {verdict}, so the answer is {answer}.')
    spoken = f"{answer.capitalize()}, that {'is' if wanted else 'is not'} so."
    return Question(kind, asked, answer, spoken, steps)


def _statement(rng: np.random.Generator, statement: str) -> str:
    if rng.random() < 0.3:
        return f"True or false: {statement}."
    return first_letter(rng, statement) + "." + pick(rng, _TRUE_FALSE_ENDS)


def first_letter(rng: np.random.Generator, text: str) -> str:
    """The text, in half of the cases with a capital first letter."""
    return text[0].upper() + text[1:] if rng.random() < 0.5 else text


def ask_word(
    rng: np.random.Generator, kind: str, asked: Sequence[str], answer: str, spoken: str, seen: str,
    choices: Sequence[str] = (), ends: Sequence[str] = ("",),
) -> Question:  # fmt: skip
    """A question whose answer is one word or number. asked: wordings of it, without a question mark."""
    text = first_letter(rng, pick(rng, asked)) + "?" + pick(rng, ends)
    return Question(
        kind, text, answer, spoken, (seen, f"Check: {spoken.rstrip('.')}, so the answer is {answer}."), tuple(choices)
    )


def ask_count(rng: np.random.Generator, kind: str, many: str, number: int, seen: str) -> Question:
    asked = (
        f"how many {many} are there",
        f"how many {many} are in the {pick(rng, PICTURE)}",
        f"how many {many} do you see",
        f"what is the number of {many}",
        f"how many {many} does the {pick(rng, PICTURE)} show",
    )
    ends = ("", " Answer with a number.", " Answer with only the number.", " Answer with one number.")
    return ask_word(rng, kind, asked, str(number), f"The number of {many} is {number}.", seen, ends=ends)


def sort_by_number(rng: np.random.Generator, items: Sequence[Item], sorts: Sequence[Sort]) -> Sort:
    """Draws a number first, then a sort that occurs so often, so that not nearly all answers are 0 or 1."""
    by_number: dict[int, list[Sort]] = {}
    for sort in sorts:
        by_number.setdefault(len(sort.of(items)), []).append(sort)
    numbers = [number for number in by_number if number or len(by_number) == 1 or rng.random() < 0.4]
    same = by_number[numbers[int(rng.integers(len(numbers)))]]
    return same[int(rng.integers(len(same)))]


def present(rng: np.random.Generator, sort: Sort, number: int) -> list[Claim]:
    """Claims that something is in the picture, and that it is not."""
    where = f"in the {pick(rng, PICTURE)}"
    name = pick(rng, PICTURE)
    there = Claim(
        pick(rng, (f"there is {sort.a}", f"there is {sort.a} {where}", f"the {name} shows {sort.a}",
                   f"{sort.a} is present", f"the {name} contains {sort.a}")),
        number > 0,
        (f"is there {sort.a}", f"is there {sort.a} {where}", f"does the {name} contain {sort.a}",
         f"is {sort.a} present", f"do you see {sort.a}", f"does the {name} show {sort.a}",
         f"are there any {sort.many}", f"can you see {sort.a} here"),
    )  # fmt: skip
    missing = Claim(
        pick(rng, (f"there is no {sort.one}", f"there is no {sort.one} {where}", f"no {sort.one} is present",
                   f"the {name} contains no {sort.one}", f"there are no {sort.many}")),
        number == 0,
        (f"is there no {sort.one}", f"is there not {sort.a} {where}", f"is no {sort.one} present",
         f"does the {name} not contain {sort.a}", f"is there not {sort.a}", f"are there no {sort.many}"),
    )  # fmt: skip
    return [there, there, missing]


def how_many(rng: np.random.Generator, many: str, one: str, number: int) -> list[Claim]:
    """Claims that compare the number of things with numbers near it."""
    claimed = int(np.clip(number + rng.integers(-1, 2), 1, 10))
    word = str(claimed) if rng.random() < 0.5 else NUMBERS[claimed]
    things = one if claimed == 1 else many
    be = "is" if claimed == 1 else "are"
    forms = (
        (f"{be} exactly {word} {things}", number == claimed),
        (f"{be} {word} {things}", number == claimed),
        (f"{be} only {word} {things}", number == claimed),
        (f"{be} at least {word} {things}", number >= claimed),
        (f"{be} at most {word} {things}", number <= claimed),
        (f"{be} more than {word} {things}", number > claimed),
    )
    return [Claim(f"there {text}", truth, (_turned(text),)) for text, truth in forms]


def _turned(text: str) -> str:
    be, _, rest = text.partition(" ")
    return f"{be} there {rest}"


def listing(items: Sequence[Item]) -> str:
    """The reasoning step that lists what is in the picture, in order of the items."""
    return f"I see {', '.join(with_article(item.name) for item in items)}." if items else "I see nothing."
