"""Questions without a picture: arithmetic, spelling, and the order and the letters of words."""

from __future__ import annotations

import numpy as np

from demiglace.scoring.question import Question
from demiglace.typography.words import pick, plain_words


def random_text_question(rng: np.random.Generator) -> Question:
    """A question of a random kind; without a dictionary, ValueError names the extra to install."""
    return _QUESTIONS[int(rng.integers(len(_QUESTIONS)))](rng)


def _sum(rng: np.random.Generator) -> Question:
    """Adds tens first, then ones; the check subtracts again."""
    one, other = (int(number) for number in rng.integers(2, 100, 2))
    total, tens = one + other, one + other // 10 * 10
    steps = (f"{one} + {other // 10 * 10} = {tens}", f"{tens} + {other % 10} = {total}")
    check = f"Check: {total} - {one} = {other}, so the answer is {total}."
    asked = pick(rng, (f"What is {one} + {other}?", f"Add {one} and {other}.", f"What is {one} plus {other}?"))
    return Question("text_sum", f"{asked} Answer with a number.", str(total), f"The sum is {total}.", (*steps, check))


def _difference(rng: np.random.Generator) -> Question:
    less, gap = (int(number) for number in rng.integers(2, 100, 2))
    more, left = less + gap, less + gap - less // 10 * 10
    steps = (f"{more} - {less // 10 * 10} = {left}", f"{left} - {less % 10} = {gap}")
    check = f"Check: {less} + {gap} = {more}, so the answer is {gap}."
    asked = pick(rng, (f"What is {more} - {less}?", f"Take {less} from {more}.", f"What is {more} minus {less}?"))
    spoken = f"The difference is {gap}."
    return Question("text_difference", f"{asked} Answer with a number.", str(gap), spoken, (*steps, check))


def _product(rng: np.random.Generator) -> Question:
    """A one-digit number times one of up to two digits, by tens and ones."""
    one, other = int(rng.integers(2, 10)), int(rng.integers(11, 30))
    tens, ones, product = one * 10 * (other // 10), one * (other % 10), one * other
    steps = (f"{one} * {other // 10 * 10} = {tens}", f"{one} * {other % 10} = {ones}", f"{tens} + {ones} = {product}")
    check = f"Check: {product} / {one} = {other}, so the answer is {product}."
    asked = pick(rng, (f"What is {one} * {other}?", f"Multiply {one} by {other}.", f"What is {one} times {other}?"))
    spoken = f"The product is {product}."
    return Question("text_product", f"{asked} Answer with a number.", str(product), spoken, (*steps, check))


def _spell(rng: np.random.Generator) -> Question:
    word = plain_words(rng, 1)[0]
    answer = "-".join(word)
    steps = (
        *(f"letter {number}: {letter}" for number, letter in enumerate(word, start=1)),
        f"Check: {answer} has {len(word)} letters and reads {word}.",
    )
    asked = f'Spell the word "{word}": write its letters with hyphens between them.'
    return Question("text_spell", asked, answer, f"It is spelled {answer}.", steps)


def _order(rng: np.random.Generator) -> Question:
    """Which of several words comes first in the alphabet."""
    listed = plain_words(rng, int(rng.integers(3, 6)))
    in_order = sorted(listed)
    steps = (
        "The first letters are " + ", ".join(f"{word[0]} in {word}" for word in listed) + ".",
        "In the order of the alphabet: " + ", ".join(in_order) + ".",
        f"Check: {in_order[0]} stands before {in_order[1]}, so the answer is {in_order[0]}.",
    )
    asked = f"Which of these words comes first in the alphabet: {', '.join(listed)}? Answer with the word."
    return Question("text_order", asked, in_order[0], f'It is "{in_order[0]}".', steps, tuple(listed))


def _word_at(rng: np.random.Generator) -> Question:
    """Which of several words is at a given position."""
    listed = plain_words(rng, int(rng.integers(3, 7)))
    place = int(rng.integers(len(listed)))
    answer = listed[place]
    steps = (
        *(f"{number}: {word}" for number, word in enumerate(listed, start=1)),
        f"Check: {place} before it and {len(listed) - place - 1} after it, so the answer is {answer}.",
    )
    asked = f"Which is word number {place + 1} of: {', '.join(listed)}? Answer with the word."
    return Question("text_place", asked, answer, f'It is "{answer}".', steps, tuple(listed))


def _letters(rng: np.random.Generator) -> Question:
    """How often a letter occurs in a word; usually a letter that does occur."""
    word = plain_words(rng, 1)[0]
    letter = pick(rng, word if rng.random() < 0.85 else "abcdefghijklmnopqrstuvwxyz")
    places = [str(number) for number, found in enumerate(word, start=1) if found == letter]
    steps = (
        f"The letters are {', '.join(word)}.",
        f'"{letter}" stands at ' + (f"{', '.join(places)}." if places else "no place."),
        f"Check: the other letters are {len(word) - len(places)}, and {len(word)} - {len(word) - len(places)} = "
        f"{len(places)}.",
    )
    asked = f'How many times does the letter "{letter}" occur in "{word}"? Answer with a number.'
    spoken = f"It occurs {len(places)} time{'' if len(places) == 1 else 's'}."
    return Question("text_letters", asked, str(len(places)), spoken, steps)


_QUESTIONS = (_sum, _difference, _product, _spell, _order, _word_at, _letters)
