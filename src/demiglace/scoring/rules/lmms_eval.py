"""The rules of lmms-eval 0.7.3, unchanged. `tests/scoring/rules` has their verdicts on given answers.

Reasoning is not removed here; the kit's runner strips it earlier, depending on the model's settings.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping

from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.lmms_eval_open import is_open_answer
from demiglace.scoring.rules.shared_by_kits import (
    agreement,
    anls,
    latest,
    one_line,
    plain_words,
    relaxed,
    score_formula_contained,
    without_punctuation,
)
from demiglace.scoring.verdict import UNREADABLE, Expected, Scorer, Verdict

_LETTER_AND_POINT = re.compile(r"\s*([A-Z])\.")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_COMMA, _POINT = re.compile(r"(?<=\d),+(?=\d)"), re.compile(r"\.(?!\d)")
_FULL_WIDTH = str.maketrans({**{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}, "\u3000": " "})
_IS = [f"{good}{noun} is" for noun in ("answer", "option", "choice") for good in ("correct ", "best ", "")]
_PHRASES = (
    *[phrase for phrase in _IS if phrase not in ("option is", "best choice is")],
    *[f"the {phrase}" for phrase in _IS if phrase not in ("option is", "best choice is")],
    *("i choose", "i select", "i pick", "my answer is", "my choice is"),
    *("옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)


def score_choice(response: str, expected: Expected) -> Verdict:
    """AI2D: a leading "B." is B; otherwise the response must be just the letter, ignoring case and punctuation."""
    letter = _LETTER_AND_POINT.match(response)
    given = letter[1] if letter else response
    right = given.lower().translate(_NO_PUNCTUATION) == expected.answers[0].lower().translate(_NO_PUNCTUATION)
    return Verdict(float(right), given)


def score_mmmu_choice(response: str, expected: Expected) -> Verdict:
    """MMMU: a letter in brackets, before a space or a point, else a choice by its text; else one at random."""
    letter = _mmmu_letter(response, expected.choices)
    if letter is None:
        return Verdict(None, by_chance=1 / len(expected.choices))
    return Verdict(float(letter in expected.answers), letter)


def _mmmu_letter(response: str, choices: Mapping[str, str]) -> str | None:
    text = f" {_stripped(response, ',.!?;:' + chr(39))} "
    for form, last in (("({})", "({})"), ("{} ", " {} "), ("{}.", " {} ")):
        if found := [letter for letter in choices if form.format(letter) in text]:
            return latest(text, {letter: last.format(letter) for letter in found})
    lowered = text.lower()
    named = {letter: words.lower() for letter, words in choices.items() if words.lower() in lowered}
    return latest(lowered, named) if named and len(text.split()) > 5 else None


def score_video_choice(response: str, expected: Expected) -> Verdict:
    """Video-MME: occurrences of A to D are ranked by their form; a letter at the start or end ranks highest."""
    text = f" {_stripped(response.strip(), ',.!?;:' + chr(39) + chr(34))} "
    if not response.strip():
        return UNREADABLE
    places = list(_places(text)) or [(0, text.rfind(letter), letter) for letter in "ABCD" if letter in text]
    if not places:
        return UNREADABLE
    letter = max(places, key=lambda place: place[:2])[2]
    return Verdict(float(letter.lower() == expected.answers[0].lower()), letter)


def _places(text: str) -> Iterator[tuple[int, int, str]]:
    """Rank, place and letter of everything that looks like a choice."""
    bare = text.strip()
    for letter in "ABCD":
        for rank, form in ((6, "({})"), (5, "{}."), (4, "{}:"), (3, "{})"), (2, "{} ")):
            if (place := text.rfind(form.format(letter))) >= 0:
                yield rank, place, letter
        for end in _ends_of_phrases(text.lower()):
            if (place := text.find(letter, end)) >= 0:
                yield 7, place, letter
        if bare.startswith(letter) and not bare[1:2].isalpha():
            yield 10, 0, letter
        if bare.endswith(letter) and not bare[-2:-1].isalpha():
            yield 9, len(text) - 1, letter


def _ends_of_phrases(text: str) -> list[int]:
    """Ends of phrases that announce an answer, the first occurrence of each."""
    return [text.find(phrase) + len(phrase) for phrase in _PHRASES if phrase in text]


def score_mmmu_open(response: str, expected: Expected) -> Verdict:
    """MMMU without choices: right if any of the extracted numbers and texts matches."""
    return Verdict(float(is_open_answer(response, expected.answers)), response)


def score_relaxed_number(response: str, expected: Expected) -> Verdict:
    """ChartQA: the first answer, compared with the unchanged response, including spaces."""
    return Verdict(float(relaxed(expected.answers[0], response)), response)


def score_vqa(response: str, expected: Expected) -> Verdict:
    """TextVQA, with EvalAI's normalisation, which separates "'s" from words and drops points without a digit after."""
    answer = _normalised(response)
    return Verdict(agreement(answer, map(_normalised, expected.answers)), answer)


def _normalised(answer: str) -> str:
    text = answer.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    return plain_words(without_punctuation(text.replace("\n", " ").replace("\t", " ").strip(), _COMMA, _POINT))


def score_contained(response: str, expected: Expected) -> Verdict:
    """OCRBench: right if an answer is any substring of the response, also inside a longer word."""
    written = one_line(response.strip().translate(_FULL_WIDTH).lower())
    answers = [one_line(answer.translate(_FULL_WIDTH).lower()) for answer in expected.answers]
    return Verdict(float(any(answer in written for answer in answers)), response)


def score_yes_no(response: str, expected: Expected) -> Verdict:
    """MME: "yes" or "no" within the first four characters, also the "no" of "nothing"; or just "y" or "n"."""
    text = response.lower().strip().replace(".", "")
    words = {"y": "yes", "n": "no"} if len(text) == 1 else {"yes": "yes", "no": "no"}
    answer = next((word for mark, word in words.items() if mark in text[:4]), None)
    return UNREADABLE if answer is None else _said(answer, expected)


def score_pope(response: str, expected: Expected) -> Verdict:
    """POPE: only the word, without a full stop."""
    answer = response.lower().strip()
    return _said(answer, expected) if answer in ("yes", "no") else Verdict(None, answer)


def _said(word: str, expected: Expected) -> Verdict:
    return Verdict(float(word == expected.answers[0].lower().strip().replace(".", "")), word)


def _stripped(text: str, signs: str) -> str:
    """`text` with each sign stripped from both ends, one sign after the other: "B,." loses only the point."""
    for sign in signs:
        text = text.strip(sign)
    return text


LMMS_EVAL: Mapping[Family, Scorer] = {
    "choice": score_choice,
    "choice of MMMU": score_mmmu_choice,
    "open question of MMMU": score_mmmu_open,
    "choice of a video": score_video_choice,
    "yes or no": score_yes_no,
    "yes or no of POPE": score_pope,
    "relaxed number": score_relaxed_number,
    "ANLS": anls,
    "VQA accuracy": score_vqa,
    "contained text": score_contained,
    "contained formula": score_formula_contained,
}
