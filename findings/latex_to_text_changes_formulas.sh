#!/usr/bin/env bash
# pylatexenc's `latex_to_text` makes plain text of LaTeX, for instance to compare a formula that was read with the right one. Its
# documentation says that the text approximates; one would guess that it still says the same. Fractions lose their brackets
# and whatever parted them from a number before: (a+b)/2 and a+b/2 are equal, 2\frac12 is "21/2". Exponents are joined with what
# follows. What it has no rule for goes: \ne, \lt, \gt, \neg, \iff, while \neq and \not= stay, and "a is not b" reads "a b".
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pylatexenc==2.11 2> /dev/null
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

from pylatexenc.latex2text import LatexNodes2Text

print("pylatexenc", version("pylatexenc"))
text = LatexNodes2Text().latex_to_text
pairs = [  # formulas of different meaning
    (r"\frac{a+b}{2}", r"a+\frac{b}{2}"),
    (r"2\frac{1}{2}", r"\frac{21}{2}"),
    (r"\frac{\frac{1}{2}}{3}", r"\frac{1}{\frac{2}{3}}"),
    (r"2^{10}3", r"2^{103}"),
    (r"\sqrt[3]{8}", r"\sqrt{8}"),
    (r"5\dfrac{1}{2}", r"512"),
    (r"a \ne b", r"a \iff b"),
    (r"a \lt b", r"a \gt b"),
]
for one, other in pairs:
    print(f"expected two texts: {one} -> {text(one)!r}, {other} -> {text(other)!r}")
kept = [text(rf"a {sign} b") for sign in (r"\neq", r"\not=", r"\leq", r"\geq", "<", ">")]
print("kept:", kept)
sys.exit(not (all(text(one) == text(other) for one, other in pairs) and len(set(kept)) == len(kept) and "a b" not in kept))
PYTHON
