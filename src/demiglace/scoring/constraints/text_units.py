"""Words, sentences, lines, paragraphs and bullets of a text, as people count them. docs/scoring.md states the rules.

Texts are normalised first: composed characters (NFC), without combining marks such as vowel signs and without invisible
characters, so that one word is one word in every script with spaces. All rules take time linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Literal

Unit = Literal["words", "capital_words", "sentences", "lines", "paragraphs", "bullets", "letters", "characters"]

IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han, Hiragana and Katakana: each is a word
_RUN = rf"(?:(?![{IDEOGRAPH}])[^\W_])+"
_WORD = re.compile(rf"[{IDEOGRAPH}]|{_RUN}(?:['’_\-\u2010\u2011]{_RUN}|(?<=\d)[.,:/](?=\d){_RUN})*")
_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_BULLET = re.compile(r"[^\S\n]*[-*+•][^\S\n]+(?=\S)")
_ITEM = re.compile(rf"{_BULLET.pattern}|[^\S\n]*(?:\d{{1,3}}[.)]|#{{1,6}})[^\S\n]+")
_END = re.compile(r"[.!?…]+([\"'”’)\]»*_]*)(?=\s|$)|[。！？]+[」』）”’]*")
_BEFORE_NAMES = frozenset(("mr", "mrs", "ms", "dr", "prof", "st", "mt", "no", "fig", "vol"))
_SHORTENED = frozenset(
    (
        "jr",
        "sr",
        "vs",
        "etc",
        "e.g",
        "i.e",
        "cf",
        "approx",
        "dept",
        "inc",
        "ltd",
        "co",
        "p",
        "pp",
        "a.m",
        "p.m",
        "u.s",
        "ph.d",
    )
)


def plain(text: str) -> str:
    """`text` composed, without combining marks and without invisible characters."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    if composed.isascii():
        return composed
    return "".join(sign for sign in composed if unicodedata.category(sign) not in ("Mn", "Mc", "Me", "Cf"))


def words(text: str) -> list[str]:
    """Runs of letters and digits; inner apostrophes and hyphens belong to them, and points in numbers."""
    return _WORD.findall(plain(text))


def lines(text: str) -> list[str]:
    """Lines that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def paragraphs(text: str) -> list[str]:
    """Text between blank lines."""
    return [block for block in _BLANK_LINES.split(text.replace("\r\n", "\n").strip()) if block.strip()]


def bullets(text: str) -> list[str]:
    """Text after the bullets -, *, + and •; numbered lines do not count, and neither do lines without words."""
    items = [(line, mark) for line in text.splitlines() if (mark := _BULLET.match(line))]
    return [line[mark.end() :] for line, mark in items if words(line)]


def without_item_mark(line: str) -> str:
    """A line without the bullet, number or hashes of a list item or heading."""
    mark = _ITEM.match(line)
    return line[mark.end() :] if mark else line


def sentences(text: str) -> list[str]:
    """Sentences. A blank line, list item or heading ends a sentence too; a plain line break does not."""
    return [sentence for block in _blocks(text) for sentence in _of_block(block) if words(sentence)]


def count(unit: Unit, text: str) -> int:
    return _COUNTS[unit](text)


def _blocks(text: str) -> list[str]:
    """Blocks that sentences cannot cross: paragraphs, items and headings, without their markers."""
    found: list[list[str]] = []
    for paragraph in paragraphs(text):
        begins = True
        for line in paragraph.splitlines():
            unmarked = without_item_mark(line)
            if begins or unmarked != line:
                found.append([])
            found[-1].append(unmarked)
            begins = unmarked != line and line.lstrip().startswith("#")
    return [" ".join(block) for block in found]


def _of_block(block: str) -> list[str]:
    found, start = [], 0
    for mark in _END.finditer(block):
        if _ends(block, mark):
            found.append(block[start : mark.end()])
            start = mark.end()
    return [*found, block[start:]]


def _ends(block: str, mark: re.Match[str]) -> bool:
    """Whether a sentence ends there: not an abbreviation, an initial, or a quotation inside a sentence."""
    following = block[mark.end() : mark.end() + 2].strip()[:1]
    goes_on = following.islower()
    if mark.group().startswith(("…", "...")) or mark.group(1):
        return not goes_on
    if mark.group() != ".":
        return True
    before = block[max(0, mark.start() - 12) : mark.start()].split()[-1:] or [""]
    word = before[0].lstrip("(\"'“‘[")
    if word.casefold() in _BEFORE_NAMES or (len(word) == 1 and word.isupper() and word != "I"):
        return not following
    return not (word.casefold() in _SHORTENED and goes_on)


def _capital_words(text: str) -> int:
    return sum(word.isupper() for word in words(text))


def _letters(text: str) -> int:
    return sum(map(str.isalpha, plain(text)))


_COUNTS: Mapping[Unit, Callable[[str], int]] = {
    "words": lambda text: len(words(text)),
    "capital_words": _capital_words,
    "sentences": lambda text: len(sentences(text)),
    "lines": lambda text: len(lines(text)),
    "paragraphs": lambda text: len(paragraphs(text)),
    "bullets": lambda text: len(bullets(text)),
    "letters": _letters,
    "characters": lambda text: len(unicodedata.normalize("NFC", text.strip())),
}
