"""Normalised notation: signs, spaces, quotes, and markup for emphasis and simple LaTeX."""

from __future__ import annotations

import re
import unicodedata

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-")  # including the minus sign
_LONG_DASHES = dict.fromkeys("\u2014\u2015", " - ")
_SINGLE_QUOTES = dict.fromkeys("\u2018\u2019\u201b\u2032", "'")
_DOUBLE_QUOTES = dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
_SPACES = dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
_UNSEEN = dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufeff")
_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_FOLDED = str.maketrans(
    {
        **_DASHES,
        **_LONG_DASHES,
        **_SINGLE_QUOTES,
        **_DOUBLE_QUOTES,
        **_SPACES,
        **_UNSEEN,
        **_FULL_WIDTH,
        "\u2044": "/",
        "\u3002": ".",
        "\u2026": "...",
    }
)
_VULGAR = re.compile("(\\d?)([\u00bc-\u00be\u2150-\u215e])")
_EMPHASIS = re.compile(r"(?<![\w)])\*\*|\*\*(?![\w(])|`")  # 2**3 is a power
_DOLLARS = re.compile(r"\$([^$\s](?:[^$\n]{0,400}[^$\s])?)\$(?!\d)")  # "$5 and $7" is no formula
_DELIMITERS = re.compile(r"\\[()\[\]]|\\(?:left|right|displaystyle)(?![a-zA-Z])|\\[,;!]")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{([^{}]*)\}")
_FRACTION = re.compile(r"(\d?)\\[dt]?frac(?:\{(\d+)\}\{(\d+)\}|(\d)(\d))")
_SYMBOLS = {r"\%": "%", r"\$": "$", r"\times": "×", r"\cdot": "·", r"\div": "÷", "{,}": ",", "^\\circ": "°"}


def one_notation(text: str) -> str:
    """`text` with ASCII digits, dashes, quotes and spaces, narrow letters, "½" as "1/2", nothing invisible."""
    if text.isascii():
        return text
    digits = "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)
    return _VULGAR.sub(_written_out, digits.translate(_FOLDED))


def without_markup(text: str) -> str:
    r"""`text` in normalised notation without `**`, backticks, the delimiters of formulas, `\text` and `\%`."""
    text = _DOLLARS.sub(r"\1", _EMPHASIS.sub("", one_notation(text)))
    for command, sign in _SYMBOLS.items():
        text = text.replace(command, sign)
    text = _TEXT.sub(r"\1", _DELIMITERS.sub("", text))
    return _FRACTION.sub(_set_in_line, text)


def squeezed(text: str) -> str:
    """`text` case-folded, stripped and single-spaced."""
    return " ".join(text.casefold().split())


def _set_in_line(found: re.Match[str]) -> str:
    whole, *parts = found.groups()
    return (f"{whole} " if whole else "") + "/".join(part for part in parts if part)


def _written_out(found: re.Match[str]) -> str:
    digit, fraction = found.groups()
    return (f"{digit} " if digit else "") + unicodedata.normalize("NFKC", fraction).replace("\u2044", "/")
