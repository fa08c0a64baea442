#!/usr/bin/env bash
# What "Insert symbol" takes from the font Symbol is no text in a DOCX file, but w:sym with a number; a word with its reading
# above it, as in Japanese, is w:ruby. One would guess that readers give their text, or a mark that something is there.
# python-docx and docx2txt leave symbols out: 5 μm becomes 5 m, 10 kΩ becomes 10 k, ≤ 3 becomes 3. python-docx and mammoth,
# which MarkItDown uses, leave out a word with a reading; docx2txt writes the reading before it. docx2txt also drops hyphens at
# which no line may break: 10‑20 becomes 1020. mammoth gives the symbols.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-docx==1.2.0 docx2txt==0.9 mammoth==1.13.0 2> /dev/null
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import docx
import docx2txt
import mammoth
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

for name in ("python-docx", "docx2txt", "mammoth"):
    print(name, version(name))


def symbol(code):
    return f'</w:t><w:sym w:font="Symbol" w:char="{code}"/><w:t xml:space="preserve">'


above, base = "<w:r><w:t>とうきょう</w:t></w:r>", "<w:r><w:t>東京</w:t></w:r>"
reading = f"<w:ruby><w:rubyPr/><w:rt>{above}</w:rt><w:rubyBase>{base}</w:rubyBase></w:ruby>"
paragraphs = {
    "5 μm": f"5 {symbol('F06D')}m",
    "10 kΩ": f"10 k{symbol('F057')}",
    "≤ 3": f"{symbol('F0A3')} 3",
    "東京駅": f"</w:t>{reading}<w:t>駅",
    "10‑20": "10</w:t><w:noBreakHyphen/><w:t>20",
}
document = docx.Document()
for xml in paragraphs.values():
    run = f'<w:r {nsdecls("w")}><w:t xml:space="preserve">{xml}</w:t></w:r>'
    document.add_paragraph()._p.append(parse_xml(run))
document.save("symbols.docx")
found = {
    "python-docx": [paragraph.text.strip() for paragraph in docx.Document("symbols.docx").paragraphs],
    "docx2txt": [line.strip() for line in docx2txt.process("symbols.docx").splitlines() if line.strip()],
    "mammoth": [line.strip() for line in mammoth.extract_raw_text("symbols.docx").value.splitlines() if line.strip()],
}
print("expected:", list(paragraphs))
for name, texts in found.items():
    print(f"{name}: {texts}")
seen = {
    "python-docx": ["5 m", "10 k", "3", "駅", "10-20"],
    "docx2txt": ["5 m", "10 k", "3", "とうきょう東京駅", "1020"],
    "mammoth": ["5 μm", "10 kΩ", "≤ 3", "駅", "10‑20"],
}
sys.exit(found != seen)
PYTHON
