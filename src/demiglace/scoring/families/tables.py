"""TEDS (Zhong et al., 2020): tree-edit-distance similarity of two tables, with or without the text of cells."""

from __future__ import annotations

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from demiglace.scoring.families.table_tree import Part, TableTree, tables
from demiglace.scoring.families.tree_distance import tree_distance
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

RUNAWAY = 10  # ours: with more than so many times the nodes, a table could score 0.1 at most; it gets 0 uncompared


def score_table(response: str, expected: Expected) -> Verdict:
    """The best TEDS, from 0 to 1, of the first table of a response, in HTML or Markdown, with that of each answer.

    Unreadable without a table. Raises ValueError if an answer has none.
    """
    return _score(response, expected, structure_only=False)


def score_table_structure(response: str, expected: Expected) -> Verdict:
    """As `score_table`, ignoring the text of cells."""
    return _score(response, expected, structure_only=True)


def table_similarity(one: TableTree, other: TableTree, structure_only: bool = False) -> float:
    """1 - edit distance / nodes of the larger tree without its root; symmetric.

    Renaming a cell costs the normalised edit distance of the texts, or 1 if its spans differ. The authors' code does
    not count the root either and can therefore give negative values, which are 0 here.
    """
    most, least = max(len(one), len(other)) - 1, min(len(one), len(other)) - 1
    if most > RUNAWAY * least:
        return 0.0
    return max(0.0, 1.0 - tree_distance(one, other, _renaming(one, other, structure_only)) / most)


def _score(response: str, expected: Expected, structure_only: bool) -> Verdict:
    found = tables(response.rpartition("</think>")[2])
    if not found:
        return UNREADABLE
    wanted = [tree for answer in expected.answers for tree in tables(answer)[:1]]
    if len(wanted) < len(expected.answers):
        raise ValueError(f"{len(expected.answers)} answers, but {len(wanted)} tables in them, in HTML or Markdown")
    best = max(table_similarity(tree, found[0], structure_only) for tree in wanted)
    return Verdict(best, f"table of {len(found[0])} nodes")


def _renaming(one: TableTree, other: TableTree, structure_only: bool) -> np.ndarray:
    """float64 (nodes, nodes): 1 where kinds or spans differ, else the normalised edit distance of the cells' texts."""
    first, second = (np.array([_form(part) for part in tree.labels]) for tree in (one, other))
    unlike = (first[:, None] != second[None]).any(axis=2)
    if structure_only:
        return unlike.astype(float)
    texts = ([part.text for part in tree.labels] for tree in (one, other))
    return np.where(unlike, 1.0, cdist(*texts, scorer=Levenshtein.normalized_distance, dtype=np.float64))


def _form(part: Part) -> tuple[int, ...]:
    return ("table", "row", "cell").index(part.kind), part.rows, part.columns
