"""Arithmetic claims in a text, and which of them are wrong: "3 + 4 = 8", "13:00 < 12:30", "12% of 50 = 7". Text that
cannot be parsed as arithmetic is no claim: "Item 1 = 4.50", "x - 1 = 4", "√16 = 4", "1 m = 100 cm". After a
multiplication or division, a result may be rounded or truncated after its last written decimal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from demiglace.scoring.arithmetic.tokens import Token, tokens
from demiglace.scoring.arithmetic.values import Amount, TimeTuple, holds, value_of
from demiglace.scoring.phrasing.notation import without_markup

MOST_TOKENS = 60  # ours, on one side of a claim

_QUOTED = re.compile(r'"[^"\n]*"')  # quotations are no claims
# after these words a single number is no label: "so 3 = 4", but "Item 3 = 4.50"
_CONNECTIVES = """
    so and but then thus hence therefore that since because as check is are now again also while clearly have get gives
    we where when if or for
"""
# these words change the meaning of a number next to them
_UNREADABLE = """
    of and mod modulo log ln lg sqrt root half twice thrice double triple square squared cube cubed cubic factorial per
    to sum product difference average mean max min sin cos tan exp abs million thousand billion hundred dozen out than
    remainder rest r
"""
_CONNECTIVE_WORDS, _UNREADABLE_WORDS = frozenset(_CONNECTIVES.split()), frozenset(_UNREADABLE.split())
_REACHING_BACK = _UNREADABLE_WORDS - {"and", "than", "to"}
_PARTS = ("number", "moment", "sign", "(", ")")


@dataclass(frozen=True)
class Claim:
    """From `start` to `end` of a text. result: the number that all its sides should equal, as written, or ""."""

    start: int
    end: int
    is_true: bool
    result: str


def wrong_claims(text: str) -> list[str]:
    """The wrong claims, as written but without markup; quotations are not searched."""
    text = _QUOTED.sub(" ", without_markup(text))
    return [text[claim.start : claim.end] for claim in claims(text) if not claim.is_true]


def claims(text: str) -> list[Claim]:
    """All claims of `text`, which is in normalised notation, in order; a chain such as "1 + 1 = 2 = 3" is one."""
    found = tokens(text)
    relations = [number for number, token in enumerate(found) if token.kind == "relation"]
    chains: list[list[tuple[Sequence[Token], Token, Sequence[Token]]]] = []
    for number in relations:
        left, right = _side_before(found, number), _side_behind(found, number)
        if not left or not right:
            continue
        if chains and chains[-1][-1][2] == left:
            chains[-1].append((left, found[number], right))
        else:
            chains.append([(left, found[number], right)])
    return [claim for chain in chains if (claim := _claim(text, chain))]


def _claim(text: str, chain: Sequence[tuple[Sequence[Token], Token, Sequence[Token]]]) -> Claim | None:
    """The claim of a chain; None if no pair of sides can be compared."""
    verdicts, plain = [], []
    for left, relation, right in chain:
        sides = value_of(left), value_of(right)
        verdict = holds(sides[0], relation.text, sides[1])
        if verdict is not None:
            verdicts.append(verdict)
            plain += [side for side, value in zip((left, right), sides, strict=True) if _is_plain(value)]
    if not verdicts:
        return None
    is_equation = all(relation.text in "=≈" for _, relation, _ in chain)
    result = text[plain[-1][0].start : plain[-1][-1].end] if plain and is_equation else ""
    return Claim(chain[0][0][0].start, chain[-1][2][-1].end, all(verdicts), result)


def _is_plain(value: Amount | TimeTuple | None) -> bool:
    return isinstance(value, Amount) and value.is_plain


def _side_before(found: Sequence[Token], relation: int) -> Sequence[Token]:
    """The expression that ends before a relation; empty if it cannot be parsed."""
    first = relation
    while first > max(0, relation - MOST_TOKENS) and found[first - 1].kind in _PARTS:
        first -= 1
    side = _within_brackets(found[first:relation], from_end=True)
    if not side:
        return []
    first = relation - len(side)
    before, earlier = (found[place] if place >= 0 else None for place in (first - 1, first - 2))
    if _is_bullet(side, before):
        return side[1:]
    return side if _may_begin(side, before, earlier) else []


def _side_behind(found: Sequence[Token], relation: int) -> Sequence[Token]:
    """The expression that begins after a relation; empty if it cannot be parsed."""
    end = relation + 1
    while end < min(len(found), relation + 1 + MOST_TOKENS) and found[end].kind in _PARTS:
        end += 1
    side = _within_brackets(found[relation + 1 : end], from_end=False)
    behind = found[relation + 1 + len(side)] if relation + 1 + len(side) < len(found) else None
    if not side or behind is None:
        return side
    if behind.kind == "other" or (behind.kind == "word" and behind.text in _REACHING_BACK):
        return []
    return side if behind.kind != "word" or behind.start > side[-1].end else []


def _within_brackets(side: Sequence[Token], from_end: bool) -> Sequence[Token]:
    """The part of a side inside a bracket that opens or closes beyond the relation."""
    depth = 0
    opening, closing = (")", "(") if from_end else ("(", ")")
    order = range(len(side) - 1, -1, -1) if from_end else range(len(side))
    for number in order:
        depth += (side[number].kind == opening) - (side[number].kind == closing)
        if depth < 0:
            return side[number + 1 :] if from_end else side[:number]
    return side


def _is_bullet(side: Sequence[Token], before: Token | None) -> bool:
    """Whether a line begins with a sign and a space: "- 3 + 4 = 7"."""
    begins_line = before is None or before.text == "\n"
    return begins_line and len(side) > 1 and side[0].kind == "sign" and side[1].start > side[0].end


def _is_number_or_ratio(before: Token, earlier: Token) -> bool:
    """Whether a point belongs to "No. 5", or a colon to "6 : 2"."""
    is_ratio = before.text == ":" and earlier.kind == "number" and earlier.end < before.start
    return is_ratio or (before.text == "." and earlier.text in ("no", "nr"))


def _may_begin(side: Sequence[Token], before: Token | None, earlier: Token | None) -> bool:
    """Whether the text before a side allows reading it by itself: no label, no function, no unknown."""
    if before is None or before.kind in ("break", "relation", "("):
        return before is None or earlier is None or not _is_number_or_ratio(before, earlier)
    if before.kind != "word":
        return False
    touches = before.end == side[0].start
    minus = side[0].kind == "sign" and (side[0].text != "-" or (len(side) > 1 and side[1].start > side[0].end))
    if touches or minus:
        return False
    alone = not any(token.kind == "sign" for token in side[1:])
    counted = before.text == "and" and earlier is not None and earlier.kind == "number"
    if alone or side[0].kind == "sign":
        return before.text in _CONNECTIVE_WORDS and not counted
    return before.text not in _UNREADABLE_WORDS or (before.text == "and" and not counted)
