#!/usr/bin/env bash
# One would guess that `book.get_items_of_type(ITEM_DOCUMENT)` of EbookLib gives the chapters in the order of reading. It gives
# them in the order of the manifest, which has no meaning. Where a program added the files sorted by name, chapter 10 comes
# before chapter 2, and the navigation is among the chapters. The order of reading is in `book.spine`. MuPDF follows it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check EbookLib==0.20 beautifulsoup4==4.15.0 pymupdf==2.0 2> /dev/null
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import ebooklib
import pymupdf
from bs4 import BeautifulSoup
from ebooklib import epub

for name in ("EbookLib", "pymupdf"):
    print(name, version(name))
book = epub.EpubBook()
book.set_identifier("book")
book.set_title("Book")
book.set_language("en")
chapters = [epub.EpubHtml(title=f"Chapter {number}", file_name=f"chapter{number}.xhtml") for number in range(1, 13)]
for chapter in chapters:
    chapter.content = f"<h1>{chapter.title}</h1>"
for chapter in sorted(chapters, key=lambda chapter: chapter.file_name):  # as a program lists the files of a folder
    book.add_item(chapter)
book.spine = book.toc = chapters
book.add_item(epub.EpubNav())
epub.write_epub("book.epub", book)


def heading(item):
    return BeautifulSoup(item.get_content(), "html.parser").get_text(" ", strip=True)


expected = [chapter.title for chapter in chapters]
book = epub.read_epub("book.epub")
listed = [heading(item) for item in book.get_items_of_type(ebooklib.ITEM_DOCUMENT)]
by_spine = [heading(book.get_item_with_id(name)) for name, _ in book.spine]
by_mupdf = [page.get_text().strip() for page in pymupdf.open("book.epub")]
print("expected:", expected)
print("get_items_of_type:", listed)
print("by the spine:", by_spine)
print("MuPDF:", by_mupdf)
order = sorted(expected, key=lambda title: f"{title.split()[1]}.")
sys.exit(not (listed[:12] == order and len(listed) == 13 and by_spine == by_mupdf == expected))
PYTHON
