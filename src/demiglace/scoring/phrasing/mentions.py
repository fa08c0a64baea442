"""What an answer says and what it rules out: "7, not 8" says only 7, "7 or 8" says two things, "not red" nothing."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_BREAK = re.compile(r"[.!?;:,](?=[\s\"']|$)|\n|\bbut\b|\b(?:and|or) (?=not\b)|--| - ", re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|cannot|without|except|excluding|instead of|rather than)\b|n't\b|\bno\b(?!\.? ?[\d#])",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\b(?:not|wrong|incorrect|excluded|ruled out|impossible)\b|n't\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?](?=[\s\"']|$)|\n")
_OR = re.compile(r"\bor\b(?! (?:so|not)\b)", re.IGNORECASE)
_NO_DOUBT = re.compile(r"\b(?:no|without|without a|without any) (?:doubt|question)\b", re.IGNORECASE)
_RETRACTION = re.compile(
    r"[\s\"'(]{0,5}(?:no|nope|wrong|incorrect|wait|sorry|correction"
    r"|not (?:really|quite|right|true|correct|it|that|sure))\b(?!\.? ?[\d#])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mention:
    """A possible answer, from `start` to `end` of a text; right: whether it is the reference."""

    start: int
    end: int
    right: bool


def agrees(text: str, mentions: Sequence[Mention]) -> bool:
    """Whether `text` gives the reference and nothing else; `mentions`: all possible answers in it, in order.

    Negated mentions do not count as given: "not 8", "8 is wrong". A negated reference is wrong, and so is an "or" in
    its sentence, whatever the alternative, and a "No, wait" after it.
    """
    clauses = _Clauses(_NO_DOUBT.sub(lambda found: " " * len(found.group()), text), mentions)
    asserted = [mention for mention in mentions if not clauses.denies(mention)]
    right = sum(mention.right for mention in mentions)
    if not asserted or not right == len(asserted) == sum(mention.right for mention in asserted):
        return False
    return not clauses.retracts(asserted[0]) and not any(clauses.offers_another(mention) for mention in asserted)


class _Clauses:
    """The clauses of a text, which limit the scope of negations, and the mentions in them."""

    def __init__(self, text: str, mentions: Sequence[Mention]) -> None:
        self.text = text
        self.starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        inside = _Places([(mention.start, mention.end) for mention in mentions])
        self.mentions = inside
        self.sentences = [0, *(found.end() for found in _SENTENCE.finditer(text))]
        self.negations = _Places(
            [found.span() for found in _NEGATION.finditer(text) if not inside.cover(found.start())]
        )
        self.denials = _Places([found.span() for found in _DENIAL.finditer(text) if not inside.cover(found.start())])

        ors = [found.start() for found in _OR.finditer(text) if not inside.cover(found.start())]
        self.sentences_with_or = {self._sentence(place) for place in ors if not self._is_negated(place)}

    def denies(self, mention: Mention) -> bool:
        """Whether a negation precedes it in its clause, or a denial follows with no other mention after that."""
        clause = self._clause(mention.start)
        if self._is_negated(mention.start):
            return True
        denial = self.denials.first_behind(mention.end)
        if denial is None or self._clause(denial) != clause:
            return False
        other = self.mentions.first_behind(denial)
        return other is None or self._clause(other) != clause

    def retracts(self, mention: Mention) -> bool:
        """Whether a later clause without mentions retracts the answer."""
        spans = zip(self.mentions.starts, self.mentions.ends, strict=True)
        taken = {clause for start, end in spans for clause in range(self._clause(start), self._clause(end - 1) + 1)}
        behind = range(self._clause(mention.start) + 1, len(self.starts))
        return any(_RETRACTION.match(self.text, self.starts[number]) for number in behind if number not in taken)

    def offers_another(self, mention: Mention) -> bool:
        """Whether its sentence has an "or" that is not negated."""
        return self._sentence(mention.start) in self.sentences_with_or

    def _is_negated(self, place: int) -> bool:
        """Whether a negation precedes it in its clause."""
        negation = self.negations.last_before(place)
        return negation is not None and self._clause(negation) == self._clause(place)

    def _sentence(self, place: int) -> int:
        return bisect_right(self.sentences, place) - 1

    def _clause(self, place: int) -> int:
        return bisect_right(self.starts, place) - 1


class _Places:
    """Spans of a text, in order."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self.starts = [start for start, _ in spans]
        self.ends = [end for _, end in spans]

    def cover(self, place: int) -> bool:
        number = bisect_right(self.starts, place) - 1
        return number >= 0 and place < self.ends[number]

    def last_before(self, place: int) -> int | None:
        number = bisect_right(self.ends, place) - 1
        return self.starts[number] if number >= 0 else None

    def first_behind(self, place: int) -> int | None:
        number = bisect_right(self.starts, place - 1)
        return self.starts[number] if number < len(self.starts) else None
