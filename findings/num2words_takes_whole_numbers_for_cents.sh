#!/usr/bin/env bash
# num2words writes amounts of money in words, as on cheques, receipts and invoices. One would guess that 2000 is two thousand
# euros, as 2000.0, "2000" and Decimal(2000) are. An int is taken for a number of cents: "twenty euro, zero cents". So in other
# languages. Of the prices in a JSON file 19.99 is right and 20 is not.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check num2words==0.5.14 2> /dev/null
venv/bin/python - <<'PYTHON'
import json
import sys
from decimal import Decimal
from importlib.metadata import version

from num2words import num2words

print("num2words", version("num2words"))
kinds = {"int": 2000, "float": 2000.0, "str": "2000", "Decimal": Decimal(2000)}
amounts = {name: num2words(amount, to="currency") for name, amount in kinds.items()}
for name, words in amounts.items():
    print(f"2000 as {name}: expected two thousand euros, seen {words!r}")
prices = json.loads("[19.99, 20, 20.01]")
print("the prices 19.99, 20 and 20.01 of a JSON file:", [num2words(price, to="currency", currency="USD") for price in prices])
others = {language: num2words(2000, to="currency", lang=language) for language in ("de", "fr", "es")}
print("2000 as int in other languages:", others)
same = amounts.pop("int") == num2words(20.0, to="currency") and set(amounts.values()) == {"two thousand euro, zero cents"}
same &= all(words == num2words(20.0, to="currency", lang=language) for language, words in others.items())
sys.exit(not same)
PYTHON
