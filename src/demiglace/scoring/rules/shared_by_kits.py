"""Rules that lmms-eval and VLMEvalKit share, since both took them from the benchmarks' authors.

They are kept unchanged, including oddities: scores are only comparable if nothing is repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rapidfuzz.distance import Levenshtein

from demiglace.scoring.verdict import Expected, Verdict

TOLERANCE = 0.05
THRESHOLD = 0.5
ENOUGH = 3

_ARTICLES = ("a", "an", "the")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_MOST_POINTS = 32  # both pass the flag re.UNICODE, which is 32, to `sub` as the count
_CONTRACTED = """
'ow's'at 'twas ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've
must've mustn't needn't not've o'clock oughtn't shan't she'd've should've shouldn't shouldn't've somebody'd've
somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll
that's there'd there'd've there're there's they'd they'd've they'll they're they've wasn't we'd've we've weren't
what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're
why's won't would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're you've
"""
_CONTRACTIONS = {
    **{
        word[: mark.start()] + word[mark.end() :]: word
        for word in _CONTRACTED.split()
        for mark in re.finditer("'", word)
    },
    "somebody'd": "somebodyd",
}


def relaxed(wanted: str, given: str) -> bool:
    """ChartQA: numbers within 5 %, including years and percentages; other texts must be equal."""
    one, other = _number(wanted), _number(given)
    if other is None or not one:
        return given.lower() == wanted.lower()
    return abs(other - one) / abs(one) <= TOLERANCE


def anls(response: str, expected: Expected) -> Verdict:
    """ANLS with edits of single-spaced texts, divided by the length of the longer one before that."""
    best = max(_similarity(answer, response) for answer in expected.answers)
    return Verdict(best if best >= THRESHOLD else 0.0, response)


def agreement(answer: str, others: Iterable[str]) -> float:
    """VQA accuracy of normalised answers: averaged over leaving out each of them once."""
    equal = [other == answer for other in others]
    return sum(min(1.0, (sum(equal) - own) / ENOUGH) for own in equal) / len(equal)


def without_punctuation(text: str, comma: re.Pattern[str], point: re.Pattern[str]) -> str:
    """Each sign is dropped if it occurs next to a space, or if `comma` matches anywhere; else it becomes a space."""
    has_comma, kept = bool(comma.search(text)), text
    for sign in _PUNCTUATION:
        dropped = has_comma or f"{sign} " in text or f" {sign}" in text
        kept = kept.replace(sign, "" if dropped else " ")
    return point.sub("", kept, count=_MOST_POINTS)


def plain_words(text: str) -> str:
    """Lower case, number words as digits, without articles, with apostrophes in contractions."""
    words = [_DIGITS.get(word, word) for word in text.lower().split()]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def latest(text: str, forms: Mapping[str, str]) -> str:
    """The letter whose form occurs last in `text`, the first letter if none does; forms: letter -> text to find."""
    return max(forms, key=lambda letter: text.rfind(forms[letter]))


def _number(text: str) -> float | None:
    """A number as Python parses it, including "1_000" and "inf"; percentages as fractions."""
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def _similarity(answer: str, response: str) -> float:
    one, other = (" ".join(text.lower().split()) for text in (answer, response))
    length = max(len(answer.upper()), len(response.upper()))
    return 1 - (Levenshtein.distance(one, other) / length if length else 0.0)


def score_formula_contained(response: str, expected: Expected) -> Verdict:
    """OCRBench, handwritten mathematics: containment without spaces, and case matters."""
    written = one_line(response).replace(" ", "")
    return Verdict(float(any(one_line(answer).replace(" ", "") in written for answer in expected.answers)), response)


def one_line(text: str) -> str:
    return text.strip().replace("\n", " ")
