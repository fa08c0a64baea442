"""Words as references: given alone, or at the place of the answer in a sentence.

The answer of a sentence is its end: "The ball is red." So a list of guesses gives at most one of them, and one with
"or", "and", "/" or commas gives none.
"""

from __future__ import annotations

import re

from demiglace.scoring.phrasing.mentions import Mention, agrees
from demiglace.scoring.phrasing.notation import squeezed, without_markup

LONG_PHRASE = 3  # words, ours: so many words cannot be guessed by listing
_EDGES = " .,:;!?\"'*_()[]{}"
_PUNCTUATION = _EDGES + "<>"
_FIGURE_AHEAD = r"(?=[^\s\w<>=]{0,2}[a-z]{0,3}[^\s\w<>=]?\.?\d)"
_BOUNDS = {
    sign: re.compile(rf"(?:{sign}|{written}) ?{_FIGURE_AHEAD}", re.IGNORECASE)
    for sign, written in {
        "≤": r"<=|\bat most\b|\bup to\b",
        "≥": r">=|\bat least\b",
        "<": r"\b(?:less|fewer|lower|smaller) than\b|\b(?:under|below)\b",
        ">": r"\b(?:more|greater|higher|larger) than\b|\b(?:over|above)\b",
    }.items()
}
_BEGINS_WITH_A_FIGURE = re.compile(r"[^\s\w]{0,2}[a-z]{0,3}[^\s\w]?\.?\d")
_ARTICLE = re.compile(r"(?:the|an?) (?=\w)")
_SENTENCES = re.compile(r"[.!?;](?=[\s\"')]|$)|\n")
_PARTS = re.compile(r",(?=\s)|\bbut\b|--| - ")
_OPENING = re.compile(
    r"\W*(?:(?:yes|yeah|no|okay|ok|sure|well|so|then|thus|therefore|hence|hmm|of course|certainly|clearly|here|indeed"
    r"|i (?:think|believe|see|guess|say))\W*$|(?:in|on|at|from|based on|looking at|according to|judging by) )"
)
_RULED_OUT = re.compile(r"\b(?:not|neither|rather than|instead of)\b|n't\b")
_CLOSING = re.compile(
    r"\W*(?:i|it|he|she|they|we|which|who|where|that|as|of course|though|please|thanks?|indeed|if|when|while|not|rather"
    r"|instead)\b"
)
_JOINED = re.compile(r"(?:\b(?:and|or|nor)\b|[/|&+,(])\s*(?:[\w'-]+\s+){0,2}\W*$")
_IS_THE_ANSWER = re.compile(
    r"\W*\s(?:it is|it was|(?:is|was|would be) (?:my |the )?(?:right |correct |final )?answer)\W*$"
)
_BEFORE_A_NAME = "The|An?|In|At|It|Is|By|From|To|On|Of|And|Or|Not|Its|His|Her|My|Our|Their|This|That|Answer|Yes|No|So|I"
_ALTERNATIVE = re.compile(r"\bor\b|\beither\b")


def plain(text: str) -> str:
    """`text` without markup, case, surrounding punctuation and a leading article; "less than 5" becomes <5."""
    bare = _with_signs(squeezed(without_markup(text))).strip(_EDGES)
    return _ARTICLE.sub("", bare, count=1) if _ARTICLE.match(bare) else bare


def occurrence(phrases: list[str]) -> re.Pattern[str]:
    """A pattern for whole words: no part of a longer word, a longer number, "red-haired" or "left/right"."""
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return re.compile("|".join(_whole(phrase) for phrase in longest_first))


def longest_answer(reference: str) -> int:
    """Characters of the longest sentence that still counts as a short answer."""
    return 4 * len(reference) + 80


def says_phrase(answer: str, reference: str) -> bool:
    """Whether an answer, without markup, is the reference or a sentence that gives it and nothing else."""
    wanted, given = plain(reference), plain(answer)
    if not wanted or wanted == given:
        return wanted == given != ""
    if len(given) > longest_answer(wanted):
        return False
    ends = len(wanted.split()) >= LONG_PHRASE and _ends_with(given, wanted)
    return ends or _answers_with(_with_signs(answer), wanted)


def _with_signs(text: str) -> str:
    """`text` with <, >, ≤ or ≥ before numbers in place of the equivalent words and spellings."""
    for sign, bound in _BOUNDS.items():
        text = bound.sub(sign, text)
    return text


def _ends_with(given: str, wanted: str) -> bool:
    found = list(occurrence([wanted]).finditer(given))
    at_end = bool(found) and found[-1].end() == len(given)
    return at_end and agrees(given, [Mention(*found[-1].span(), True)])


def _answers_with(answer: str, wanted: str) -> bool:
    """Whether `wanted` is at the place of the answer in the only sentence that may contain it."""
    written = "\n".join(" ".join(line.split()) for line in answer.splitlines())
    text = written.casefold()
    found = list(occurrence([wanted]).finditer(text))
    sentences = [sentence for sentence in _SENTENCES.split(text) if _answers(sentence, wanted)]
    parts = _parts(sentences[0], wanted) if len(sentences) == 1 else []
    named = len(parts) == 1 and _stands_for_answer(parts[0], wanted) and not _belongs_to_a_name(written, wanted)
    return named and agrees(text, [Mention(*place.span(), True) for place in found])


def _belongs_to_a_name(answer: str, wanted: str) -> bool:
    """Whether a capitalised word directly precedes it: New York is not York."""
    before = rf"(?<!\w)(?!(?:{_BEFORE_A_NAME})\s)[A-Z][\w'-]*\.?\s+(?={re.escape(wanted[0].upper())})"
    return any(plain(answer[found.end() :]).startswith(wanted) for found in re.finditer(before, answer))


def _whole(phrase: str) -> str:
    before = r"(?<![\w])(?<!\w[-'/.,&+])" if phrase[0].isalnum() else ""
    behind = r"(?!\w)(?![-'/.,&+:]\w)" if phrase[-1].isalnum() else ""
    if phrase[0].isdigit():
        before += r"(?<![-+.,/:#$€£¥±])(?<![-+±] )"
    if _BEGINS_WITH_A_FIGURE.match(phrase):
        before += r"(?<![<>≤≥])(?<![<>≤≥] )"
    if phrase[-1].isdigit():
        behind += r"(?![%°])"
    return f"{before}{re.escape(phrase)}{behind}"


def _answers(text: str, wanted: str) -> bool:
    """Whether a piece of text may contain an answer: it is not empty, and not just "Sure!" or "Not blue."."""
    rules_out = _RULED_OUT.search(text) and not occurrence([wanted]).search(text)
    return bool(text.strip(_PUNCTUATION)) and not _OPENING.fullmatch(text) and not rules_out


def _parts(sentence: str, wanted: str) -> list[str]:
    """The parts of a sentence without openings ("Well, "), ruled-out answers and closings (", I think")."""
    parts = [part for part in _PARTS.split(sentence) if _answers(part, wanted)]
    while len(parts) > 1 and _OPENING.match(parts[0]):
        parts = parts[1:]
    return [part for number, part in enumerate(parts) if number == 0 or not _CLOSING.match(part)]


def _stands_for_answer(part: str, wanted: str) -> bool:
    """Whether it is at the end of the part, or followed by "is the answer", and not joined to anything."""
    found = list(occurrence([wanted]).finditer(part))
    if not found or _ALTERNATIVE.search(part[: found[0].start()] + part[found[-1].end() :]):
        return False
    if not part[found[-1].end() :].strip(_PUNCTUATION):
        return not _JOINED.search(part[: found[-1].start()])
    before = part[: found[0].start()].strip(_PUNCTUATION)
    return before in ("", "the", "a", "an") and bool(_IS_THE_ANSWER.match(part, found[0].end()))
