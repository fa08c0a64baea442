#!/usr/bin/env bash
# One would guess that `image_to_data` of pytesseract gives the same words as a DataFrame as by the other output types.
# pytesseract reads what Tesseract wrote with `pandas.read_csv`, which takes words for values: NA, N/A, None, null and nan, all
# words of forms and tables, become missing and are dropped with the empty rows by the usual `dropna`; on a page of numbers
# alone 00713 becomes 713.0. With Output.DICT, or pandas_config={"dtype": {"text": str}, "keep_default_na": False}, they stay.
# Tesseract is not on PyPI: a program that writes the table that Tesseract 5.3 wrote for such pages stands in for it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pytesseract==0.3.13 pandas==3.1.1 pillow==13.0.0 2> /dev/null
cat > tesseract <<'SCRIPT'
#!/usr/bin/env bash
if [ "$1" = --version ]; then echo "tesseract 5.3.0"; exit; fi
{
    printf 'level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n'
    printf '1\t1\t0\t0\t0\t0\t0\t0\t700\t260\t-1\t\n'
    place=1
    for word in $WORDS; do printf '5\t1\t1\t1\t1\t%s\t20\t40\t90\t36\t96.5\t%s\n' "$((place++))" "$word"; done
} > "$2.tsv"
SCRIPT
chmod +x tesseract
venv/bin/python - <<'PYTHON'
import os
import sys
from importlib.metadata import version

import pytesseract
from PIL import Image

for name in ("pytesseract", "pandas"):
    print(name, version(name))
pytesseract.pytesseract.tesseract_cmd = os.path.abspath("tesseract")
page = Image.new("L", (700, 260), 255)
kept = {"dtype": {"text": str}, "keep_default_na": False}


def words(kind, **options):
    found = pytesseract.image_to_data(page, output_type=kind, **options)["text"]
    return list(found.dropna() if hasattr(found, "dropna") else filter(None, found))


same = True
for text, seen in (("Iron NA Salt None N/A", ["Iron", "Salt"]), ("00713 1200 00842", [713, 1200, 842])):
    os.environ["WORDS"] = text
    by_dict, by_frame = words("dict"), words("data.frame")
    by_text = [word for word in words("data.frame", pandas_config=kept) if word]
    print(f"written {text.split()}: as a dict {by_dict}, as a DataFrame {by_frame}, with words kept as text {by_text}")
    same &= by_dict == by_text == text.split() and by_frame == seen
sys.exit(not same)
PYTHON
