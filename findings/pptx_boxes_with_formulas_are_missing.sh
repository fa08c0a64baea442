#!/usr/bin/env bash
# PowerPoint writes a text box that holds a formula, and a chart of a newer kind (waterfall, funnel, map), as two alternatives,
# one for programs that know the kind and a picture for others (mc:AlternateContent). One would guess that python-pptx gives at
# least the words of such a box. `slide.shapes` and `placeholders` leave out the whole box in silence: a formula in the body of a
# slide takes every sentence of the body along, and MarkItDown, which reads by python-pptx, writes the heading alone. Search the
# XML of the slide for mc:AlternateContent; the words are in its mc:Choice.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "markitdown[pptx]==0.1.9" python-pptx==1.0.2 lxml==6.1.3 2> /dev/null
venv/bin/python - 2> /dev/null <<'PYTHON'
import copy
import sys
from importlib.metadata import version

from lxml import etree
from markitdown import MarkItDown
from pptx import Presentation

for name in ("python-pptx", "markitdown"):
    print(name, version(name))
NAMES = {
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "a14": "http://schemas.microsoft.com/office/drawing/2010/main",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
}
FORMULA = "<a14:m xmlns:a14='{a14}'><m:oMath xmlns:m='{m}'><m:r><m:t>E=F·s</m:t></m:r></m:oMath></a14:m>".format(**NAMES)
SENTENCES = "Bring 12 copies.", "The deposit is 450 euros.", "Energy is force times way: "


def with_formula(shape):
    """The box as PowerPoint writes it with a formula behind its last sentence."""
    choices = "<mc:Choice xmlns:a14='{a14}' Requires='a14'/><mc:Fallback/>"
    both = etree.fromstring(f"<mc:AlternateContent xmlns:mc='{{mc}}'>{choices}</mc:AlternateContent>".format(**NAMES))
    shape.getparent().replace(shape, both)
    both[0].append(copy.deepcopy(shape))
    both[0][0].findall(".//a:p", NAMES)[-1].append(etree.fromstring(FORMULA))
    both[1].append(shape)


def saved(formula):
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Course"
    slide.placeholders[1].text = "\n".join(SENTENCES)
    if formula:
        with_formula(slide.placeholders[1]._element)
    deck.save("deck.pptx")
    slide = Presentation("deck.pptx").slides[0]
    texts = [shape.text_frame.text.split("\n") for shape in slide.shapes]
    markdown = MarkItDown().convert("deck.pptx").text_content
    in_file = [text.text for text in slide._element.iterfind(".//mc:Choice//a:t", NAMES)]
    return texts, sum(sentence.strip() in markdown for sentence in SENTENCES), in_file


plain, formula = saved(False), saved(True)
print("without a formula: python-pptx gives", plain[0], "and MarkItDown", plain[1], "of 3 sentences")
print("with one in the last sentence: python-pptx gives", formula[0], "and MarkItDown", formula[1], "of 3")
print("in the file with the formula:", formula[2])
print("expected: the sentences, with or without the formula")
sentences = list(SENTENCES)
sys.exit((plain, formula) != (([["Course"], sentences], 3, []), ([["Course"]], 0, sentences)))
PYTHON
