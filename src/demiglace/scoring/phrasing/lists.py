"""Lists as references: equally many items, in the same order, each right by its own type."""

from __future__ import annotations

import re

MOST_ITEMS, LONGEST_ITEM = 30, 40  # ours: anything longer is a text

_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_SEPARATOR = re.compile(r"\s*(?:;|,(?!\d{3}(?!\d))|,(?=\s))\s*(?:and\s+|or\s+)?|\s+and\s+|\s*&\s*|\n+", re.IGNORECASE)


def items(text: str) -> list[str]:
    """The items of a list with commas, semicolons, "and" or line breaks between them; without surrounding brackets."""
    text = text.strip().rstrip(".")
    if brackets(text):
        text = text[1:-1]
    return [item for item in map(str.strip, _SEPARATOR.split(text)) if item]


def brackets(text: str) -> str:
    """The pair of brackets that surrounds `text`, or ""."""
    text = text.strip().rstrip(".")
    return text[0] + text[-1] if len(text) > 1 and _BRACKETS.get(text[0]) == text[-1] else ""


def is_list(reference: str) -> bool:
    """Whether it has two items or more, all short, with commas or semicolons between them."""
    found = items(reference)
    return (
        2 <= len(found) <= MOST_ITEMS
        and bool(re.search("[,;]", reference))
        and "\n" not in reference
        and all(len(item) <= LONGEST_ITEM for item in found)
    )
