"""VQA accuracy (VQAv2, TextVQA, VizWiz): agreement of an answer with those of ten people.

An answer that three of the others gave scores 1, that two gave 2/3; averaged over leaving out each person once.
"""

from __future__ import annotations

import re

from demiglace.scoring.families.response import bare, only_answer
from demiglace.scoring.phrasing.notation import one_notation
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

ENOUGH = 3  # paper (VQA): an answer is right if so many people gave it
_ARTICLES = {"a", "an", "the"}
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_WORDS)}}
_IN_NUMBERS = re.compile(r"(?<=\d),(?=\d)")
_POINT = re.compile(r"\.(?!\d)")
_PUNCTUATION = re.compile(r"[;/\[\]\"{}()=+\\_\-><@`,?!]")


def score_vqa(response: str, expected: Expected) -> Verdict:
    """With ten answers 0, 0.3, 0.6, 0.9 or 1; unreadable if there is no answer, or two.

    Raises ValueError for too few people to make any answer right.
    """
    if len(expected.answers) <= ENOUGH:
        raise ValueError(f"VQA accuracy takes {ENOUGH + 1} answers at least, here are {len(expected.answers)}")
    given = only_answer(response)
    if given is None:
        return UNREADABLE
    agreeing = [normalised(bare(answer)) == normalised(given) for answer in expected.answers]
    return Verdict(agreement(agreeing), given)


def agreement(agreeing: list[bool]) -> float:
    """People who agree / `ENOUGH`, at most 1, averaged over leaving out each person once."""
    count = sum(agreeing)
    return sum(min(1.0, (count - own) / ENOUGH) for own in agreeing) / len(agreeing)


def normalised(answer: str) -> str:
    """Without case, articles, apostrophes and most punctuation, number words as digits: "The two dogs." is "2 dogs"."""
    text = _IN_NUMBERS.sub("", one_notation(answer).casefold().replace("'", ""))
    words = _PUNCTUATION.sub(" ", _POINT.sub("", text)).split()
    kept = [_DIGITS.get(word, word) for word in words if word not in _ARTICLES]
    return " ".join(kept or words)
