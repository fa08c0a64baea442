#!/usr/bin/env bash
# One would guess that BM25 ranks a page that holds all words of a query above one that holds none. BM25Okapi of rank-bm25,
# which LangChain's BM25Retriever uses, gives a word that occurs in just half of the texts the weight 0, and one in more of them
# a quarter of the mean weight of all words. In the few pages of one document that mean itself is often below 0: then each
# occurrence lowers a score, and the page with none of the words comes first. Of two pages every score is 0 or less.
# BM25Plus and BM25L of the same package have weights above 0.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check rank-bm25==0.2.2 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from rank_bm25 import BM25L, BM25Okapi, BM25Plus

print("rank-bm25", version("rank-bm25"))
FILLED = ("Ito", 3), ("Weber", 12), ("Diaz", 7)
FORM = "Order of bread: name {}, pieces {}, price to be paid on delivery"
CASES = {  # query, pages, the pages that hold all words of the query
    "two pages": ("deposit", ["Keys are with the agent", "Deposit: 450 euros"], {1}),
    "notes and three forms": ("price of bread", ["Notes"] + [FORM.format(*filled) for filled in FILLED], {1, 2, 3}),
}


def words(text):
    return text.lower().replace(":", "").replace(",", "").split()


seen = {}
for name, (query, pages, right) in CASES.items():
    for method in (BM25Okapi, BM25L, BM25Plus):
        scores = [round(float(score), 2) for score in method([words(page) for page in pages]).get_scores(words(query))]
        seen[name, method.__name__] = max(range(len(pages)), key=scores.__getitem__) in right
        print(f"{query!r} in {name}, {method.__name__}: scores {scores}, the first is right: {seen[name, method.__name__]}")
print("expected: pages with the words of the query come first")
sys.exit(any(right != (method != "BM25Okapi") for (_, method), right in seen.items()))
PYTHON
