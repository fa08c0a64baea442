"""The rules of VLMEvalKit (August 2026) without a judge model, unchanged.

`tests/scoring/rules` has their verdicts on given answers. The kit sends a response that no rule can read to a judge if
one is configured; without one it is wrong. Reasoning is not removed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from demiglace.scoring.rules.family import Family
from demiglace.scoring.rules.shared_by_kits import (
    agreement,
    anls,
    one_line,
    plain_words,
    relaxed,
    score_formula_contained,
    without_punctuation,
)
from demiglace.scoring.verdict import UNREADABLE, Expected, Scorer, Verdict

_FAILED = "Failed to obtain answer via API"
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_SPACED = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_FROM_THE_END = 5  # last words among which the letter must be
_COMMA, _POINT = re.compile(r"\d,\d"), re.compile(r"(?<!\d)\.(?!\d)")
# Two commas are missing in the kit's list, so four of its prefixes are merged into two that never occur.
_PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option isThe correct option is",
    "Best answer:Best option:",
    "Answer:",
    "Option:",
)


def score_choice(response: str, expected: Expected) -> Verdict:
    """The only letter that is a word, among the last words; else the only choice whose text is in a short response."""
    letter = _letter(response, expected.choices)
    return UNREADABLE if letter is None else Verdict(float(letter in expected.answers), letter)


def _letter(response: str, choices: Mapping[str, str]) -> str | None:
    if any(refusal in response for refusal in _REFUSALS) and _FAILED not in response:
        return None
    words = response.translate(_SPACED).split() if _FAILED not in response else []
    letters = [letter for letter in choices if letter in words]
    if len(letters) == 1 and words.index(letters[0]) > len(words) - _FROM_THE_END:
        return letters[0]
    if not letters and "Z" in words:
        return None
    text = response.lower()
    named = [letter for letter, choice in choices.items() if choice.lower() in text]
    is_short = len(text) <= 2 * sum(map(len, choices.values()))
    return named[0] if is_short and len(named) == 1 else None


def score_mmmu_open(response: str, expected: Expected) -> Verdict:
    """MMMU without choices becomes a choice between A, the answer, and B, "Other Answers"."""
    return score_choice(response, Expected(("A",), {"A": expected.answers[0], "B": "Other Answers"}))


def score_video_choice(response: str, expected: Expected) -> Verdict:
    """Video-MME: the first capital A to D anywhere, even in a word; without one as `score_choice`."""
    text = response
    for prefix in _PREFIXES:
        text = text.replace(prefix, "")
    letter = re.search("[A-D]", text)
    return Verdict(float(letter[0] in expected.answers), letter[0]) if letter else score_choice(response, expected)


def score_yes_no(response: str, expected: Expected) -> Verdict:
    """Exactly one of the words yes and no, anywhere."""
    words = _without_punctuation(response.lower()).split()
    verdicts = [word for word in ("yes", "no") if word in words]
    return Verdict(float(expected.answers[0].lower() == verdicts[0]), verdicts[0]) if len(verdicts) == 1 else UNREADABLE


def score_relaxed_number(response: str, expected: Expected) -> Verdict:
    """ChartQA: the best over the answers; a single answer written as a list counts as several."""
    given = response.strip()
    return Verdict(float(any(relaxed(answer, given) for answer in _answers(expected))), given)


def score_vqa(response: str, expected: Expected) -> Verdict:
    """TextVQA; points without a digit on either side are dropped."""
    answer = _normalised(response)
    return Verdict(agreement(answer, map(_normalised, expected.answers)), answer)


def _normalised(answer: str) -> str:
    return plain_words(_without_punctuation(answer.replace("\n", " ").replace("\t", " ").strip()))


def _without_punctuation(text: str) -> str:
    return without_punctuation(text, _COMMA, _POINT)


def score_contained(response: str, expected: Expected) -> Verdict:
    """OCRBench: right if an answer is any substring of the response, also inside a longer word."""
    written = one_line(response.lower())
    return Verdict(float(any(one_line(answer.lower()) in written for answer in expected.answers)), response)


def _answers(expected: Expected) -> tuple[str, ...]:
    """The answers; a single one that Python parses as a list is replaced by its items."""
    try:
        items = ast.literal_eval(expected.answers[0]) if len(expected.answers) == 1 else None
    except (ValueError, SyntaxError):
        items = None
    return tuple(map(str, items)) if isinstance(items, list) and items else expected.answers


VLMEVALKIT: Mapping[Family, Scorer] = {
    "choice": score_choice,
    "choice of MMMU": score_choice,
    "open question of MMMU": score_mmmu_open,
    "choice of a video": score_video_choice,
    "yes or no": score_yes_no,
    "yes or no of POPE": score_yes_no,
    "relaxed number": score_relaxed_number,
    "ANLS": anls,
    "VQA accuracy": score_vqa,
    "contained text": score_contained,
    "contained formula": score_formula_contained,
}
