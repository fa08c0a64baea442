#!/usr/bin/env bash
# One would guess: APTED computes the tree edit distance, as its paper proves and its name says.
# What happens (apted 1.0.3, the newest, of 2017): with costs of 0 and 1 it does. Where renaming may cost a half, a few of
# thousands of small trees come out dearer than the least; both ways round, so symmetry does not show it.
# Why it matters: TEDS, the score of tables, renames cells by a share of their text. Trees of tables came out right here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apted==1.0.3
"$folder/venv/bin/python" - <<'PYTHON'
import random
import sys
from functools import lru_cache
from importlib.metadata import version

from apted import APTED, Config

print("Python", sys.version.split()[0], "apted", version("apted"))


class Node:
    def __init__(self, tree):
        self.name, self.children = tree[0], [Node(child) for child in tree[1]]


def drawn(rng, size):
    children, left = [], size - 1
    while left:
        taken = rng.randint(1, left)
        children.append(drawn(rng, taken))
        left -= taken
    return rng.choice(["a1", "a2", "b1", "b2"]), tuple(children)


def distances(one, other, cost):
    """By apted, and by the definition: the least over deleting, inserting and matching the last root of two forests."""

    @lru_cache(None)
    def least(forest, others):
        if not forest or not others:
            return sum(map(nodes, forest + others))
        (name, inside), (other_name, other_inside) = forest[-1], others[-1]
        return min(
            least(forest[:-1] + inside, others) + 1,
            least(forest, others[:-1] + other_inside) + 1,
            least(forest[:-1], others[:-1]) + least(inside, other_inside) + cost(name, other_name),
        )

    costs = type("Costs", (Config,), {"rename": lambda self, a, b: cost(a.name, b.name)})
    return APTED(Node(one), Node(other), costs()).compute_edit_distance(), least((one,), (other,))


def nodes(tree):
    return 1 + sum(map(nodes, tree[1]))


def half(one, other):
    return 0 if one == other else 0.5 if one[0] == other[0] else 1


def whole(one, other):
    return int(one != other)


one = ("a2", (("b2", (("b1", ()), ("a2", ()))), ("a2", (("b1", ()),))))
other = ("b2", (("a1", ()), ("b2", (("b1", ()),)), ("a1", ())))
print("trees of 6 and 5 nodes: apted and the least", distances(one, other, half))
wrong = {}
for cost in (half, whole):
    rng = random.Random(0)
    pairs = [distances(drawn(rng, rng.randint(1, 9)), drawn(rng, rng.randint(1, 9)), cost) for _ in range(1500)]
    wrong[cost.__name__] = sum(abs(found - least) > 1e-9 for found, least in pairs)
print("of 1500 pairs of drawn trees, dearer than the least:", wrong)
sys.exit(0 if distances(one, other, half) == (5.0, 4.5) and wrong["half"] and not wrong["whole"] else 1)
PYTHON
