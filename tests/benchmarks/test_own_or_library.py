"""The figures of docs/architecture.md on libraries are those measured."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
RESULTS = ROOT / "benchmarks" / "results"
COMPARED = json.loads((RESULTS / "own_or_library.json").read_text())["compared"]
THRESHOLDS = json.loads((RESULTS / "thresholds.json").read_text())


def row(name: str) -> str:
    (found,) = re.findall(rf"^\| {name}\b.*$", PAGE, re.MULTILINE)
    return found


@pytest.mark.parametrize("name", COMPARED)
def test_a_row_has_the_figures_of_its_comparison(name: str) -> None:
    written = re.findall(r"(?<![\w.])\d+(?:\.\d+)?", row(name))
    figures = {f"{figure:g}" for figure in COMPARED[name].values() if not isinstance(figure, bool)}
    assert figures <= set(written)


@pytest.mark.parametrize("light", THRESHOLDS["lines_found"])
def test_a_light_has_the_shares_of_lines_found(light: str) -> None:
    shares = THRESHOLDS["lines_found"][light]
    assert (
        row(light) == f"| {light} | " + " | ".join(f"{shares[name]:.2f}" for name in ("ours", "Sauvola", "Otsu")) + " |"
    )


def test_libraries_do_the_same_where_the_page_says_so() -> None:
    assert COMPARED["dilation"]["is_equal"]
    assert COMPARED["connected components"]["equal"] == COMPARED["connected components"]["masks"]
    times = THRESHOLDS["times_of_ours"]
    assert f"{times['Sauvola']:g} and {times['Otsu']:g} times" in row("thresholds")
