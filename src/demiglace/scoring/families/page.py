"""A page in Markdown against the reference page (OmniDocBench): paragraphs, their order, tables and formulas.

All are matched first, so that wrong order only lowers the order score. OmniDocBench searches for split or joined
paragraphs; here neighbours are joined if that brings them nearer to the other page. For formulas on their own lines it
reports edits of the source and CDM, which compares rendered formulas and needs LaTeX: here are only the edits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from demiglace.scoring.families.table_tree import TableTree, tables
from demiglace.scoring.families.tables import table_similarity
from demiglace.scoring.text_distance import single_spaced
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

FARTHEST = 0.7  # ours: paragraphs with a larger normalised edit distance do not match

_LEFT_OUT = re.compile(
    r"<table\b.*?(?:</table>|\Z)|\$\$.*?\$\$|\\\[.*?\\\]|!\[[^\]\n]*\]\([^)\n]*\)|^[ \t]*(?:```\w*|[-*_]{3,})[ \t]*$"
    r"|^[^\n|]*\|[^\n]*\n[ \t|]*:?-[-|: \t]*\n(?:[^\n|]*\|[^\n]*(?:\n|\Z))*",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_MARK = re.compile(r"^\s*(?:#{1,6}|[-*+>])\s+", re.MULTILINE)
_BOLD = re.compile(r"\*\*|__")
_FORMULA = re.compile(r"\$\$(.*?)\$\$|\\\[(.*?)\\\]", re.DOTALL)
_NO_SIGN = re.compile(  # in LaTeX: fonts, spaces, equation numbers; OmniDocBench removes them too
    r"\\(?:math(?:bf|rm|normal|it|bb|cal|scr|frak|sf|tt)|text(?:bf|it|rm)?|boldsymbol|bm|operatorname|notag)(?![a-zA-Z])"
    r"|\\(?:tag|label)\*?\{[^{}]*\}|\\(?:q?quad|(?:thin|thick|med)?space)(?![a-zA-Z])|\\[,;:! ]|\s+"
)


@dataclass(frozen=True)
class _Page:
    paragraphs: tuple[str, ...]
    tables: tuple[TableTree, ...]

    @classmethod
    def of(cls, text: str) -> _Page:
        prose = _BOLD.sub("", _MARK.sub("", _LEFT_OUT.sub("\n\n", text)))
        pieces = (single_spaced(piece) for piece in re.split(r"\n\s*\n", prose))
        return cls(tuple(piece for piece in pieces if piece), tuple(tables(text)))


def score_page_text(response: str, expected: Expected) -> Verdict:
    """1 - edits / characters of the paragraphs, in any order; paragraphs without counterpart count as edits in full.

    Unreadable if there is no text after the reasoning.
    """
    if not (written := _written(response)):
        return UNREADABLE
    wanted, given = _paragraphs(written, expected)
    pairs = _matched(wanted, given)
    edits = sum(Levenshtein.distance(wanted[one], given[other]) for one, other in pairs)
    length = sum(max(len(wanted[one]), len(given[other])) for one, other in pairs)
    alone = sum(len(text) for number, text in enumerate(wanted) if number not in {one for one, _ in pairs})
    alone += sum(len(text) for number, text in enumerate(given) if number not in {other for _, other in pairs})
    whole = length + alone
    return Verdict(1.0 - (edits + alone) / whole if whole else 1.0, f"{len(pairs)} paragraphs")


def score_page_order(response: str, expected: Expected) -> Verdict:
    """1 - normalised edit distance of the order of the page's paragraphs; a missing paragraph is one edit.

    Unreadable if there is no text after the reasoning.
    """
    if not (written := _written(response)):
        return UNREADABLE
    wanted, given = _paragraphs(written, expected)
    order = [one for one, _ in sorted(_matched(wanted, given), key=lambda pair: pair[1])]
    return Verdict(1.0 - Levenshtein.normalized_distance(range(len(wanted)), order), f"{len(order)} paragraphs")


def score_page_tables(response: str, expected: Expected) -> Verdict:
    """The mean TEDS of the tables of the page; missing and additional tables count as 0.

    Unreadable if there is no text after the reasoning. Raises ValueError if the page has no table.
    """
    wanted = _Page.of(expected.answers[0]).tables
    if not wanted:
        raise ValueError("the page has 0 tables, in HTML or Markdown; there must be at least 1")
    if not (written := _written(response)):
        return UNREADABLE
    given = _Page.of(written).tables
    far = np.array([[1.0 - table_similarity(one, other) for other in given] for one in wanted]).reshape(len(wanted), -1)
    pairs = _nearest_pairs(far, 1.0)
    score = sum(1.0 - far[pair] for pair in pairs) / max(len(wanted), len(given))
    return Verdict(float(score), f"{len(given)} tables")


def score_page_formulas(response: str, expected: Expected) -> Verdict:
    """1 - edits / characters of the formulas on their own lines, without commands for layout.

    A missing formula counts as edits in full; an additional one does not count (OmniDocBench). Unreadable if there is
    no text after the reasoning. Raises ValueError if the page has no formula.
    """
    wanted = _formulas(expected.answers[0])
    if not wanted:
        raise ValueError("the page has 0 formulas between $$ and $$ or \\[ and \\]; there must be at least 1")
    if not (written := _written(response)):
        return UNREADABLE
    given = _formulas(written)
    pairs = dict(_nearest_pairs(_far(wanted, given), 1.0)) if given else {}
    nearest = [given[pairs[number]] if number in pairs else "" for number in range(len(wanted))]
    edits = sum(map(Levenshtein.distance, wanted, nearest))
    return Verdict(
        1.0 - edits / sum(max(len(one), len(other)) for one, other in zip(wanted, nearest, strict=True)),
        f"{len(pairs)} formulas",
    )


def _formulas(text: str) -> list[str]:
    found = (_NO_SIGN.sub("", one or other) for one, other in _FORMULA.findall(text))
    return [formula for formula in found if formula]


def _written(response: str) -> str:
    behind = response.rpartition("</think>")[2]
    return "" if "<think>" in behind else behind.strip()


def _paragraphs(written: str, expected: Expected) -> tuple[list[str], list[str]]:
    """Paragraphs of the page and of the response, joined where the other has them in one."""
    wanted, given = list(_Page.of(expected.answers[0]).paragraphs), list(_Page.of(written).paragraphs)
    given = _joined(given, wanted)
    return _joined(wanted, given), given


def _joined(pieces: Sequence[str], others: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for piece in pieces if others else ():
        both = f"{joined[-1]} {piece}" if joined else piece
        nearest = _far([both, piece, *joined[-1:]], others).min(axis=1)
        if joined and nearest[0] < nearest[1:].min():
            joined[-1] = both
        else:
            joined.append(piece)
    return joined or list(pieces)


def _matched(wanted: Sequence[str], given: Sequence[str]) -> list[tuple[int, int]]:
    return _nearest_pairs(_far(wanted, given), FARTHEST) if wanted and given else []


def _far(some: Sequence[str], others: Sequence[str]) -> np.ndarray:
    return cdist(some, others, scorer=Levenshtein.normalized_distance, dtype=np.float64)


def _nearest_pairs(far: np.ndarray, farthest: float) -> list[tuple[int, int]]:
    """Greedy matching: each row and column once, nearest pairs first, all nearer than `farthest`."""
    pairs: list[tuple[int, int]] = []
    left = far.copy()
    while left.size and left.min() < farthest:
        row, column = divmod(int(left.argmin()), left.shape[1])
        pairs.append((row, column))
        left[row], left[:, column] = np.inf, np.inf
    return pairs
