"""Exact values of the two sides of a claim, and whether a relation between them holds."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from demiglace.scoring.arithmetic.tokens import Token
from demiglace.scoring.quantities import units

MOST_POWER = 20  # ours
NEARLY = Fraction(1, 50)  # ours: largest relative difference of values that "≈" accepts

_HOLDS = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "≤": operator.le,
    "≥": operator.ge,
    "≠": operator.ne,
}


class UnreadableError(Exception):
    """Tokens that are not a valid expression."""


@dataclass(frozen=True)
class Amount:
    """The value of a side. value: without its per cent sign, 12 for 12%; None after a division by zero.

    is_plain: a single number, of which `decimals` are written. is_rounded: it contains a product, quotient or power.
    """

    value: Fraction | None
    meanings: frozenset[str] = frozenset()
    is_plain: bool = False
    decimals: int = 0
    is_rounded: bool = False

    @property
    def is_percent(self) -> bool:
        return units.PERCENT in self.meanings


TimeTuple = tuple[int, ...]  # a time, or a date as its numbers from year to day


def value_of(side: Sequence[Token]) -> Amount | TimeTuple | None:
    """The value of a side; None if it is not an expression that can be computed."""
    if len(side) == 1 and side[0].kind == "moment":
        return side[0].moment
    try:
        reader = _Reader(side)
        amount = reader.sum()
        return amount if reader.is_done else None
    except UnreadableError:
        return None


def holds(left: Amount | TimeTuple | None, relation: str, right: Amount | TimeTuple | None) -> bool | None:
    """Whether the relation holds; None if the two cannot be compared: metres with kilograms, a time with a number."""
    if isinstance(left, tuple) or isinstance(right, tuple):
        if not (isinstance(left, tuple) and isinstance(right, tuple)) or (left[0] > 99) != (right[0] > 99):
            return None
        return bool(_HOLDS["=" if relation == "≈" else relation](left, right))
    if left is None or right is None:
        return None
    if left.value is None or right.value is None:
        return False
    if left.meanings and right.meanings and not left.meanings & right.meanings:
        return None
    if left.is_percent != right.is_percent:
        return _holds_of_a_share(left, relation, right)
    if left.is_plain and right.is_plain and bool(left.meanings) != bool(right.meanings):
        return None
    return _compare(left, relation, right)


def _holds_of_a_share(left: Amount, relation: str, right: Amount) -> bool | None:
    """Relations with a per cent value: 0.5 = 50%, and also 3 / 25 * 100 = 12%, as many write."""
    if (left.meanings and not left.is_percent) or (right.meanings and not right.is_percent):
        return None
    shares = [
        replace(side, value=side.value / 100, decimals=side.decimals + 2)
        if side.is_percent and side.value is not None
        else side
        for side in (left, right)
    ]
    plain = [replace(side, meanings=frozenset()) for side in (left, right)]
    as_share = _compare(shares[0], relation, shares[1])
    return as_share or (relation in "=≈" and _compare(plain[0], relation, plain[1]))


def _compare(left: Amount, relation: str, right: Amount) -> bool:
    assert left.value is not None
    assert right.value is not None
    if relation not in "=≈":
        return bool(_HOLDS[relation](left.value, right.value))
    if left.value == right.value:
        return True
    for computed, written in ((left, right), (right, left)):
        if (
            written.is_plain
            and not computed.is_plain
            and computed.is_rounded
            and _is_written_of(computed.value, written)
        ):
            return True
    return relation == "≈" and abs(left.value - right.value) <= NEARLY * max(abs(left.value), abs(right.value))


def _is_written_of(value: Fraction | None, written: Amount) -> bool:
    """Whether the value, rounded or truncated, equals the written one; whole numbers are not rounded."""
    assert value is not None
    assert written.value is not None
    if not written.decimals:
        return False
    scaled, shown = value * 10**written.decimals, written.value * 10**written.decimals
    return abs(scaled - shown) <= Fraction(1, 2) or int(scaled) == shown


class _Reader:
    """Parses an expression from its tokens: brackets, powers, products, sums."""

    def __init__(self, side: Sequence[Token]) -> None:
        self._side = side
        self._place = 0

    @property
    def is_done(self) -> bool:
        return self._place == len(self._side)

    def sum(self) -> Amount:
        total = self._product()
        while sign := self._take_sign("+-"):
            total = _added(total, self._product(), 1 if sign == "+" else -1)
        return total

    def _product(self) -> Amount:
        product = self._power()
        while sign := self._take_sign("*/"):
            other = self._power()
            product = _multiplied(product, other) if sign == "*" else _divided(product, other)
        return product

    def _power(self) -> Amount:
        if self._take_sign("-"):
            amount = self._power()
            return replace(amount, value=-amount.value if amount.value is not None else None)
        base = self._atom()
        if self._next("sign") and self._side[self._place].text == "^raised":
            self._place += 1
            return _raised(base, self._side[self._place - 1].value)
        if self._take_sign("^"):
            power = self._power()
            if power.meanings or power.value is None:
                raise UnreadableError
            return _raised(base, power.value)
        return base

    def _atom(self) -> Amount:
        if self._next("number"):
            token = self._side[self._place]
            self._place += 1
            return Amount(token.value, token.meanings, True, token.decimals)
        if self._next("("):
            self._place += 1
            inside = self.sum()
            if not self._next(")"):
                raise UnreadableError
            self._place += 1
            return inside
        raise UnreadableError

    def _next(self, kind: str) -> bool:
        return self._place < len(self._side) and self._side[self._place].kind == kind

    def _take_sign(self, signs: str) -> str:
        if self._next("sign") and self._side[self._place].text in signs:
            self._place += 1
            return self._side[self._place - 1].text
        return ""


def _added(one: Amount, other: Amount, sign: int) -> Amount:
    """The sum, in one unit; a number without a unit takes the other's, but 100 + 10% is ambiguous."""
    if one.is_percent != other.is_percent or (one.meanings and other.meanings and not one.meanings & other.meanings):
        raise UnreadableError
    value = None if one.value is None or other.value is None else one.value + sign * other.value
    meanings = one.meanings & other.meanings or one.meanings | other.meanings
    return Amount(value, meanings, is_rounded=one.is_rounded or other.is_rounded)


def _multiplied(one: Amount, other: Amount) -> Amount:
    value = None if one.value is None or other.value is None else one.value * other.value
    if one.is_percent or other.is_percent:
        meanings = other.meanings if one.is_percent else one.meanings
        return Amount(None if value is None else value / 100, meanings, is_rounded=True)
    if one.meanings and other.meanings:
        raise UnreadableError
    return Amount(value, one.meanings | other.meanings, is_rounded=True)


def _divided(one: Amount, other: Amount) -> Amount:
    value = None if one.value is None or not other.value else one.value / other.value
    if one.meanings & other.meanings:
        return Amount(value, is_rounded=True)
    if other.is_percent:
        return Amount(None if value is None else value * 100, one.meanings, is_rounded=True)
    if other.meanings:
        raise UnreadableError
    return Amount(value, one.meanings, is_rounded=True)


def _raised(base: Amount, power: Fraction) -> Amount:
    if base.meanings or base.value is None or power.denominator > 1 or not 0 <= power <= MOST_POWER:
        raise UnreadableError
    return Amount(base.value**power.numerator, is_rounded=True)
