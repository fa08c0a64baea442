#!/usr/bin/env bash
# One would guess that MarkdownHeaderTextSplitter of LangChain cuts a text at its headings and leaves what is between them. It
# deletes every character that is not printable by Python's str.isprintable, among them the tab and all spaces but the common
# one: "1 000 €" with no-break spaces becomes "1000€", the cells "12" and "50" parted by a tab become "1250", and names in
# Japanese with their wide space become one word, also in the headings of the metadata. Lines lose their indentation, so nested
# lists are flat and Python code in a fence does not run. ExperimentalMarkdownSyntaxTextSplitter of the same package keeps all.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    langchain-text-splitters==1.1.3 langchain-core==1.8.3
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

from langchain_text_splitters import ExperimentalMarkdownSyntaxTextSplitter, MarkdownHeaderTextSplitter

print("langchain-text-splitters", version("langchain-text-splitters"))
CASES = {
    "no-break spaces": "It costs 1\u00a0000\u00a0€.",
    "narrow no-break spaces": "It holds 12\u202f500\u202flitres in 3\u202frooms.",
    "a tab": "1.5.\t12\t50",
    "wide spaces": "山田\u3000太郎",
    "a nested list": "- fruit\n  - apples\n- bread",
    "code": "```python\nif paid:\n    total = 0\n```",
}
HEADINGS = [("#", "title")]


def parted(splitter, text):
    return "".join(part.page_content for part in splitter.split_text(f"# Prices\n{text}\n"))


def words(text):
    """The text but for the spaces that Markdown writes as a line break."""
    return text.replace("  \n", "\n").rstrip("\n")


seen = {}
for name, text in CASES.items():
    seen[name] = words(parted(MarkdownHeaderTextSplitter(HEADINGS), text))
    kept = words(parted(ExperimentalMarkdownSyntaxTextSplitter(HEADINGS), text)) == text
    print(f"{name}: {seen[name]!r}, expected {text!r}; kept by ExperimentalMarkdownSyntaxTextSplitter: {kept}")
heading = MarkdownHeaderTextSplitter(HEADINGS).split_text("# Stand 3\u00a05\ntext")[0].metadata["title"]
print(f"a heading: {heading!r}, expected 'Stand 3\\xa05'")
expected = [
    "It costs 1000€.",
    "It holds 12500litres in 3rooms.",
    "1.5.1250",
    "山田太郎",
    "- fruit\n- apples\n- bread",
    "```python\nif paid:\ntotal = 0\n```",
]
sys.exit(list(seen.values()) != expected or heading != "Stand 35")
PYTHON
