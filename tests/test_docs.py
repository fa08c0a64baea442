"""The pages under docs/ tell the truth: contracts are those of the code."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))

import contracts


def test_the_contracts_are_those_of_the_code() -> None:
    page = contracts.PAGE.read_text()
    assert page == contracts.updated(page), "run: python docs/contracts.py"
