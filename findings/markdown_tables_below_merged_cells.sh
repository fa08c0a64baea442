#!/usr/bin/env bash
# One would guess that a table keeps its columns when HTML or a Word file becomes Markdown, which has no merged cells: what lies
# below a merged cell gets an empty cell, or the value again. html2text, markdownify and MarkItDown write only the cells that a
# row names: below `rowspan` all cells of the row move to the left, and the year 2024 stands under "Region", the sales under
# "Year". Nothing warns. MarkItDown does so for tables of DOCX files too. html2text also drops a `colspan`. pandas keeps the
# columns.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    html2text==2025.4.15 markdownify==1.2.3 "markitdown[docx]==0.1.9" pandas==3.1.1 lxml==6.1.3 python-docx==1.2.0
venv/bin/python - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import docx
import html2text
import markdownify
import pandas
from markitdown import MarkItDown

for name in ("html2text", "markdownify", "markitdown", "pandas"):
    print(name, version(name))
page = """<table><tr><th>Region</th><th>Year</th><th>Sales</th></tr>
<tr><td rowspan="2">North</td><td>2023</td><td>100</td></tr><tr><td>2024</td><td>200</td></tr>
<tr><td colspan="2">South</td><td>300</td></tr></table>"""
document = docx.Document()
table = document.add_table(4, 3)
texts = [["Region", "Year", "Sales"], ["North", "2023", "100"], ["", "2024", "200"], ["South", "", "300"]]
for row, line in enumerate(texts):
    for column, text in enumerate(line):
        table.cell(row, column).text = text
table.cell(1, 0).merge(table.cell(2, 0)).text = "North"
table.cell(3, 0).merge(table.cell(3, 1)).text = "South"
document.save("table.docx")
with open("table.html", "w") as file:
    file.write(page)


def rows(markdown):
    lines = [line.strip().strip("|") for line in markdown.splitlines() if "|" in line and "---" not in line]
    return [cells for line in lines if any(cells := [cell.strip() for cell in line.split("|")])]


by_pandas = pandas.read_html(io.StringIO(page))[0]
print("expected below the merged cell: 2024 under Year, 200 under Sales; pandas:", by_pandas.iloc[1].to_dict())
found = {
    "html2text": rows(html2text.html2text(page)),
    "markdownify": rows(markdownify.markdownify(page)),
    "MarkItDown of HTML": rows(MarkItDown().convert("table.html").text_content),
    "MarkItDown of DOCX": rows(MarkItDown().convert("table.docx").text_content),
}
for name, lines in found.items():
    print(f"{name}: {lines[1:]}")
same = [str(value) for value in by_pandas.iloc[1]] == ["North", "2024", "200"]
same &= all(lines[2][:2] == ["2024", "200"] for lines in found.values()) and found["html2text"][3] == ["South", "300"]
sys.exit(not same)
PYTHON
