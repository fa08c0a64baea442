"""Exact values of written numbers, however long: no floating point."""

from __future__ import annotations

import re
from fractions import Fraction

MOST_DIGITS = 200  # ours: a longer number is compared digit by digit and never used in computations

Exact = Fraction | tuple[bool, str, int]  # a long number: whether it is negative, its digits, and a power of ten

_NUMBER = re.compile(r"([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,9}))?")
_PLAIN = re.compile(r"\d+\.?\d*|\.\d+")
_GROUPED = re.compile(
    r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"  # 1,234,567.5
    r"|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d*)?"  # 12,34,567: lakhs
    r"|[1-9]\d{0,2}(?:'\d{3})+(?:\.\d*)?"  # 1'234
)
_DECIMAL_COMMA = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|\d+,\d{1,2}|0,\d+")  # 1.234,50 or 12,5: never 1,234
_POWER = re.compile(r"[eE][-+]?\d{1,9}")


def exact(written: str) -> Exact | None:
    """The value of digits with a sign, grouped by commas, with a decimal point or comma, or with a power ("1e3").

    None if they are not a number, or ambiguous.
    """
    sign, rest = (written[0], written[1:]) if written[:1] in ("-", "+") else ("", written)
    power = next((found.group() for found in _POWER.finditer(rest) if found.end() == len(rest)), "")
    digits = rest[: len(rest) - len(power)]
    if _DECIMAL_COMMA.fullmatch(digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif _GROUPED.fullmatch(digits):
        digits = digits.replace(",", "").replace("'", "")
    elif not _PLAIN.fullmatch(digits):
        return None
    return _value(sign + digits + power)


def _value(number: str) -> Exact:
    found = _NUMBER.fullmatch(number)
    assert found is not None, number
    sign, whole, part, power = found.groups()
    part = (part or "").rstrip("0")
    digits, exponent = (whole + part).lstrip("0"), int(power or 0) - len(part)
    if not digits:
        return Fraction(0)
    short = digits.rstrip("0")
    exponent += len(digits) - len(short)
    if len(short) + abs(exponent) > MOST_DIGITS:
        return sign == "-", short, exponent
    return Fraction(int(f"{sign}{short}")) * Fraction(10) ** exponent
