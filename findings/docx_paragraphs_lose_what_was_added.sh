#!/usr/bin/env bash
# One would guess that `paragraph.text` of python-docx is what a reader of the page sees. It leaves out words that were added
# while changes were tracked, and those in content controls (fields of a form), in smart tags and in simple fields, without a
# mark; `document.paragraphs` leaves out whole paragraphs in a content control. What a contract's last editor wrote, or what was
# filled in, is not in the text, nor in a label made of it. Read all w:t in the XML, without those in w:del.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-docx==1.2.0 2> /dev/null
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

print("python-docx", version("python-docx"))
NAMES = nsdecls("w")
AROUND = {  # what a word processor writes around a run
    "in a hyperlink": f'<w:hyperlink {NAMES} w:anchor="x">%s</w:hyperlink>',
    "added while changes were tracked": f'<w:ins {NAMES} w:id="1" w:author="A" w:date="2026-01-01T00:00:00Z">%s</w:ins>',
    "in a content control": f"<w:sdt {NAMES}><w:sdtPr/><w:sdtContent>%s</w:sdtContent></w:sdt>",
    "in a smart tag": f'<w:smartTag {NAMES} w:uri="urn:x" w:element="place">%s</w:smartTag>',
    "in a simple field": f'<w:fldSimple {NAMES} w:instr=" DOCPROPERTY x ">%s</w:fldSimple>',
}
document = docx.Document()
for xml in AROUND.values():
    paragraph = document.add_paragraph("Total: ")
    paragraph._p.append(parse_xml(xml % "<w:r><w:t>100</w:t></w:r>"))
    paragraph.add_run(" euros")
whole = f"<w:sdt {NAMES}><w:sdtPr/><w:sdtContent><w:p><w:r><w:t>A whole paragraph</w:t></w:r></w:p></w:sdtContent></w:sdt>"
document.element.body.insert(0, parse_xml(whole))
document.save("total.docx")

read = docx.Document("total.docx")
texts = [paragraph.text for paragraph in read.paragraphs]
print('expected: "Total: 100 euros" in each line')
for name, text in zip(AROUND, texts):
    print(f"{name}: {text!r}")
print("the paragraph in a content control is among the paragraphs:", "A whole paragraph" in texts)
by_xml = ["".join(node.text for node in paragraph.iter(qn("w:t"))) for paragraph in read.element.body.iter(qn("w:p"))]
print("all w:t in the XML:", by_xml)
right = ["A whole paragraph"] + ["Total: 100 euros"] * len(AROUND)
sys.exit(texts != ["Total: 100 euros"] + ["Total:  euros"] * 4 or by_xml != right)
PYTHON
