"""Tokens of arithmetic in a text: numbers with units, signs, relations, brackets, and the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from demiglace.scoring.quantities import units
from demiglace.scoring.quantities.dates import Clock, Day, clock, numeric_day
from demiglace.scoring.quantities.exact import exact

TokenKind = Literal["number", "moment", "sign", "relation", "(", ")", "word", "break", "other"]

_SPACE = re.compile(r"[^\S\n]+")
_MOMENT = re.compile(r"\d{1,2}:[0-5]\d(?::[0-5]\d)?(?:\s?[aApP]\.?[mM]\b\.?)?(?![\w:])|\d{4}-\d\d-\d\d(?![\w-])")
_CODE = re.compile(r"\d+(?:[:.]\d+){2,}|\d+:\d+|\d+(?:/\d+){2,}|\d+(?:-\d+){2,}")
_MONEY = re.compile(r"([A-Za-z]{0,3}[$€£¥₹₩₱฿]|[A-Z]{3}|RM|Rs\.?)\s?(?=\.?\d)")
_DIGITS = re.compile(r"\d+(?:[.,']\d+)*(?:[eE][-+]?\d{1,4}(?!\w))?|\.\d+")
_PERCENT = re.compile(r"\s?(?:%|percent\b|per cent\b)(?!\s*[\d(])")
_ATTACHED = re.compile(r"(?![⁰¹²³⁴-⁹])[^\W\d_]+[²³]?(?:/[a-z]+)?|[€£¥°]\w?")
_UNIT = re.compile(r" ((?:°\s?)?[^\W\d_]+[²³]?(?:/[a-z]+)?|[€£¥$°])(?![\w(])")
_BETWEEN_NUMBERS = re.compile(
    r"\s*(?:[xX×](?=\s*(?:[A-Z]{1,3}[$ ]?|[$€£¥(])?\d)|(times|multiplied by|divided by|plus|minus)\b(?=\s*[$€£¥(-]?\d))"
)
_OF_A_NUMBER = re.compile(r"of\b(?=\s*[$€£¥(]?[A-Z]{0,3}\s?\d)")
_SIGNS = {
    **dict.fromkeys(("+", "plus"), "+"),
    **dict.fromkeys(("-", "minus"), "-"),
    **dict.fromkeys(("*", "×", "·", "∙", "⋅", "x", "X", "times", "multiplied by"), "*"),
    **dict.fromkeys(("/", "÷", "divided by"), "/"),
    **dict.fromkeys(("^", "**"), "^"),
}
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", range(10), strict=True))
_RELATIONS = {
    "==": "=",
    "=": "=",
    "<": "<",
    ">": ">",
    "≤": "≤",
    "<=": "≤",
    "≥": "≥",
    ">=": "≥",
    "≠": "≠",
    "!=": "≠",
    "≈": "≈",
}
_SYMBOL = re.compile(r"=>|->|<-|<=|>=|==|!=|\*\*|[-+*/×·∙⋅÷^=<>≤≥≠≈()]")
_WORD = re.compile(r"[^\W\d]\w*(?:['’]\w+)*")
_BREAK = re.compile(r"[.,;:!?\n|•→⇒]|--")
_ARROWS = ("=>", "->", "<-")
LONGEST_NUMBER = 40  # ours, in characters


@dataclass(frozen=True)
class Token:
    """A token from `start` to `end` of the text.

    value: of a number. moment: of a time or date, as a tuple for comparison.
    meanings: of the number's unit, currency or per cent sign. decimals: how many are written.
    text: a sign or relation in normalised form; a word in lower case.
    """

    kind: TokenKind
    start: int
    end: int
    text: str
    value: Fraction = Fraction(0)
    moment: tuple[int, ...] = ()
    meanings: frozenset[str] = frozenset()
    decimals: int = 0


def tokens(text: str) -> list[Token]:
    """Tokens of `text`, which is in normalised notation; every character except spaces belongs to one."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        if space := _SPACE.match(text, place):
            place = space.end()
            continue
        token = _next(text, place, found[-1] if found else None)
        found.append(token)
        place = token.end
    return found


def _next(text: str, place: int, before: Token | None) -> Token:
    readers: tuple[Callable[[str, int, Token | None], Token | None], ...]
    readers = (_moment, _number, _power, _sign_in_words, _symbol, _word)
    for read in readers:
        if token := read(text, place, before):
            return token
    return Token("break" if _BREAK.match(text, place) else "other", place, place + 1, text[place])


def _moment(text: str, place: int, before: Token | None) -> Token | None:
    if found := _MOMENT.match(text, place):
        time, day = clock(found.group()), numeric_day(found.group())
        if isinstance(time, Clock):
            return Token("moment", place, found.end(), "", moment=(time.hour, time.minute, time.second or 0))
        if isinstance(day, Day) and len(day.numbers) == 3:
            return Token("moment", place, found.end(), "", moment=day.numbers)
    found = _CODE.match(text, place)
    return Token("other", place, found.end(), found.group()) if found else None


def _number(text: str, place: int, before: Token | None) -> Token | None:
    """A number with its currency before it, or its per cent sign or unit after it."""
    money = _MONEY.match(text, place)
    meanings = units.currency(money[1].rstrip(".")) if money else frozenset[str]()
    found = _DIGITS.match(text, money.end() if money and meanings else place)
    if not found:
        return None
    value = exact(found.group()) if len(found.group()) <= LONGEST_NUMBER else None
    if not isinstance(value, Fraction):
        return Token("other", place, found.end(), found.group())
    decimals = _decimals(found.group(), value)
    return _with_unit(text, Token("number", place, found.end(), "", value, meanings=meanings, decimals=decimals))


def _decimals(written: str, value: Fraction) -> int:
    """Digits after the point or comma of a number that is not written with a power of ten."""
    *groups, last = re.split("[.,']", written)
    return len(last) if groups and last.isdigit() and value != int("".join((*groups, last))) else 0


def _with_unit(text: str, token: Token) -> Token:
    if percent := _PERCENT.match(text, token.end):
        return replace(token, end=percent.end(), meanings=frozenset({units.PERCENT}))
    if _BETWEEN_NUMBERS.match(text, token.end):
        return token
    if attached := _ATTACHED.match(text, token.end):
        known = units.unit(attached.group())
        return (
            replace(token, end=attached.end(), meanings=known)
            if known
            else replace(token, kind="other", end=attached.end())
        )
    if text[token.end : token.end + 1] == "%" or text[token.end : token.end + 2] == " %":
        return replace(token, kind="other", end=token.end + 1 + (text[token.end] == " "))  # 10 % 3: a remainder
    word = _UNIT.match(text, token.end)
    if word and (known := units.unit(word[1])):
        return replace(token, end=word.end(), meanings=token.meanings or known)
    return token


def _power(text: str, place: int, before: Token | None) -> Token | None:
    """The ³ of 2³, as one token after the number."""
    if before is None or before.end != place or text[place] not in _RAISED:
        return None
    return Token("sign", place, place + 1, "^raised", Fraction(_RAISED[text[place]]))


def _sign_in_words(text: str, place: int, before: Token | None) -> Token | None:
    if before is None or before.kind not in ("number", ")"):
        return None
    if found := _BETWEEN_NUMBERS.match(text, place):
        return Token("sign", place, found.end(), _SIGNS[found.group().strip()])
    share = units.PERCENT in before.meanings
    found = _OF_A_NUMBER.match(text, place)
    return Token("sign", place, found.end(), "*") if found and share else None


def _symbol(text: str, place: int, before: Token | None) -> Token | None:
    found = _SYMBOL.match(text, place)
    if not found:
        return None
    written, end = found.group(), found.end()
    if written in _RELATIONS:
        return Token("relation", place, end, _RELATIONS[written])
    if written in _SIGNS:
        return Token("sign", place, end, _SIGNS[written])
    if written in "()":
        return Token("(" if written == "(" else ")", place, end, written)
    return Token("break" if written in _ARROWS else "other", place, end, written)


def _word(text: str, place: int, before: Token | None) -> Token | None:
    found = _WORD.match(text, place)
    if not found:
        return None
    plain = not any(letter.isdigit() for letter in found.group())
    return Token("word" if plain else "other", place, found.end(), found.group().casefold())
