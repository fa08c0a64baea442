"""Edit distance of ordered trees (Zhang and Shasha, 1989): the lowest cost of inserting, deleting and renaming nodes.

Inserting and deleting cost 1. Time grows with the product of the numbers of nodes and of the depths, memory with the
product of the numbers of nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Label = TypeVar("Label")


@dataclass(frozen=True)
class Tree(Generic[Label]):
    """labels: of the nodes, children before their parent; first_leaves: index of each node's leftmost leaf."""

    labels: tuple[Label, ...]
    first_leaves: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, label: Label, children: Sequence[Tree[Label]] = ()) -> Tree[Label]:
        """A node with its children."""
        labels: list[Label] = []
        leaves: list[int] = []
        for child in children:
            leaves += [len(labels) + leaf for leaf in child.first_leaves]
            labels += child.labels
        return cls((*labels, label), (*leaves, 0))

    def roots(self) -> list[int]:
        """For each leftmost leaf, the highest node that has it."""
        return sorted({leaf: node for node, leaf in enumerate(self.first_leaves)}.values())


def tree_distance(one: Tree[Label], other: Tree[Label], renaming: np.ndarray) -> float:
    """renaming: float (nodes of one, nodes of the other), the cost of changing one label to the other."""
    costs: list[list[float]] = renaming.tolist()
    trees = [[0.0] * len(other) for _ in range(len(one))]
    for root in one.roots():
        for other_root in other.roots():
            _fill(trees, one, other, root, other_root, costs)
    return trees[-1][-1]


def _fill(
    trees: list[list[float]], one: Tree[Label], other: Tree[Label], root: int, other_root: int, costs: list[list[float]]
) -> None:
    """Fill in distances of all subtrees with the same leftmost leaves as the two roots, from those of forests."""
    first, other_first = one.first_leaves[root], other.first_leaves[other_root]
    columns = range(other_first, other_root + 1)
    other_leaves = [other.first_leaves[node] - other_first for node in columns]
    forests = [[float(count) for count in range(len(columns) + 1)]]
    for node in range(first, root + 1):
        leaf = one.first_leaves[node] - first
        above, cut, row = forests[-1], forests[leaf], [float(node - first + 1)]
        renames, subtrees = costs[node], trees[node]
        for column, other_leaf in enumerate(other_leaves):
            if leaf == 0 == other_leaf:
                joined = above[column] + renames[other_first + column]
                best = min(above[column + 1] + 1, row[column] + 1, joined)
                subtrees[other_first + column] = best
            else:
                joined = cut[other_leaf] + subtrees[other_first + column]
                best = min(above[column + 1] + 1, row[column] + 1, joined)
            row.append(best)
        forests.append(row)
