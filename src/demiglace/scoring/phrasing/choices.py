"""Answers that are choices: letters with or without their text, yes or no, and choices by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from demiglace.scoring.phrasing.mentions import Mention, agrees
from demiglace.scoring.phrasing.phrases import longest_answer, occurrence, plain, says_phrase

_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")
_LETTERED = re.compile(r"\(([A-Za-z])\)\s*(\S.*)|([A-Z])[):]\s+(\S.*)|([A-Z])\.\s+(\S.*)", re.DOTALL)
_QUOTED = re.compile(r"(?<![\w'])'(\(?[A-Za-z](?:[).:]+(?:\s[^'\n]*)?)?)'(?![\w'])")  # 'B' or 'B. red'
_CAPITAL = re.compile(r"(?<![\w.'&+-])([A-Z])(?![\w'&+]|-\w|\.\w)")
_SMALL = re.compile(r"\(([a-z])\)|(?<![\w(.'-])([a-z])\)|\b(?:option|choice|letter) \(?([a-z])\b")
_BEFORE_A_LETTER = re.compile(r"(?:\b(?:option|choice|answer|letter)s?|\bis|:)\s*\(?$", re.IGNORECASE)
_IS_NO_WORD = re.compile(  # after "A" or "I", which are not choices before other words
    r"[^\S\n]*(?:$|[^\w ]|[A-Z]\b"
    r"|(?:is|are|was|were|because|since|and|or|as|has|fits|matches|shows?|seems|looks)\b)"
)
_YES_OR_NO = {"yes": ("yes", "no"), "no": ("yes", "no"), "true": ("true", "false"), "false": ("true", "false")}
_NO_IT_IS_NOT = re.compile(r"\bno\b[^.,;:!?\n]*")
_NO_ANSWER = re.compile(r"\s(?!(?:it|they|he|she|there|the|this|that|these|those|i|we|you|and|or|not|is|was)\b)\w")


def letter_of(reference: str, choices: Sequence[str] = ()) -> tuple[str, str] | None:
    """The letter of a `reference`, in upper case, and its text or ""; None if it is not a letter.

    A lower-case letter is a word, unless it is in brackets or other choices are letters too. "B. Smith" is a name,
    unless other choices have letters too or the following text is no name.
    """
    text = reference.strip()
    if found := _LETTER.fullmatch(text):
        is_word = found[1].islower() and len(text) == 1 and sum(len(choice.strip()) == 1 for choice in choices) < 2
        return None if is_word else (found[1].upper(), "")
    if not (found := _LETTERED.fullmatch(text)):
        return None
    letter, words = (part for part in found.groups() if part)
    others = sum(bool(_LETTERED.fullmatch(choice.strip())) for choice in choices)
    return (letter.upper(), words) if not found[5] or words[0].islower() or others > 1 else None


def says_letter(answer: str, letter: str, words: str, choices: Sequence[str] = ()) -> bool:
    """Whether an answer names this letter and no other of the choices, or gives the text of its choice."""
    known = {named[0] for choice in choices if (named := letter_of(choice, choices))}
    text = _QUOTED.sub(r"\1", answer.strip())
    if found := _LETTER.fullmatch(text):
        return found[1].upper() == letter
    if alone := letter_of(text, choices):
        other_words = words and alone[1] and not says_phrase(alone[1], words)
        return alone[0] == letter and not other_words
    mentions = _letters(text, letter, known)
    if not mentions and words:
        return says_phrase(text, words)
    return agrees(text, mentions)


def yes_or_no(reference: str) -> str | None:
    """The word, if it is yes, no, true or false, else None."""
    word = plain(reference)
    return word if word in _YES_OR_NO else None


def says_yes_or_no(answer: str, word: str) -> bool:
    """Whether the word is given as an answer, and its opposite is not: "no cat" is no answer."""
    text = answer.casefold()
    found = re.finditer(rf"(?<![\w-])(?:{'|'.join(_YES_OR_NO[word])})(?![\w-])", text)
    words = [place for place in found if place.group() != "no" or not _NO_ANSWER.match(text, place.end())]
    return agrees(_without_no(text), [Mention(*place.span(), place.group() == word) for place in words])


def says_choice(answer: str, reference: str, choices: Sequence[str]) -> bool:
    """Whether an answer names this choice and no other; a choice inside a longer one does not count."""
    wanted, given = plain(reference), plain(answer)
    if wanted == given:
        return True
    named = occurrence(sorted({wanted, *map(plain, choices)} - {""})).finditer(given)
    mentions = [Mention(*place.span(), place.group() == wanted) for place in named]
    return len(given) <= longest_answer(wanted) and agrees(given, mentions)


def _letters(text: str, letter: str, known: set[str]) -> list[Mention]:
    """All letters that could be a choice, without articles and "I"."""
    found: list[tuple[int, int, str]] = []
    for place in _CAPITAL.finditer(text):
        if (
            place[1] not in "AI"
            or _IS_NO_WORD.match(text, place.end())
            or _BEFORE_A_LETTER.search(text[max(0, place.start() - 12) : place.start()])
        ):
            found.append((place.start(1), place.end(1), place[1]))
    for place in _SMALL.finditer(text):
        found.append((*place.span(), next(part for part in place.groups() if part).upper()))
    chosen = [mention for mention in sorted(found) if not known or mention[2] in known or mention[2] == letter]
    return [Mention(start, end, name == letter) for start, end, name in chosen]


def _without_no(text: str) -> str:
    """`text` with "no" hidden, as an answer and not a negation, and with the "not" that repeats it: "No it is not"."""
    return _NO_IT_IS_NOT.sub(lambda found: re.sub(r"\b(?:no|not)\b|n't\b", _hidden, found.group()), text)


def _hidden(found: re.Match[str]) -> str:
    return "#" * len(found.group())
