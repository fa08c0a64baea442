"""Joining numbers that are written with spaces, and expanding quote signs as units."""

from __future__ import annotations

import re

_SPACED_GROUPS = re.compile(r"(?<![\w.,:/'])(?<!\w-)[1-9]\d{0,2}(?: \d{3}){1,6}(?:\.\d+)?(?![\w/:'-]|[.,]\d| \d)")
_QUOTED = r"(?<!\w)(?P<quote>[\"'])(?:(?!(?P=quote)).)*(?P=quote)"
_FEET_OR_INCHES = re.compile(
    rf"{_QUOTED}|(?<![\w:/.,'-])(?P<number>[-+]?(?!0\d)\d[\d.,]*(?:/\d+)?)(?P<unit>\"|''?)(?![\w\"'])"
)
_SPACED_FRACTION = re.compile(r"(?<=\d) / (?=\d)")
_TEN_TO = re.compile(r"\s?[×x*·]\s?10\^\{?([-+]?\d{1,4})\}?(?!\d)")


def spread_out(text: str) -> str:
    """`text` with numbers joined that are spaced only for readability: 1 234, 3 / 4, 1.5 × 10^3.

    A quote directly after a number that does not end a quotation is expanded: 5' to 5ft, 5" and 5'' to 5in.
    """
    if "'" in text or '"' in text:
        text = _FEET_OR_INCHES.sub(_written_out, text)
    text = _SPACED_GROUPS.sub(lambda found: found.group().replace(" ", ""), text)
    return _TEN_TO.sub(r"e\1", _SPACED_FRACTION.sub("/", text))


def _written_out(found: re.Match[str]) -> str:
    if not found["number"]:
        return found.group()
    return found["number"] + ("ft" if found["unit"] == "'" else "in")
