"""What the reading benchmark makes of readers whose mistakes are known."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import reading
from reading_sets import ReadingSet, Skipped, pdf_pages, real_lines, rendered_lines

from demiglace.data.fonts import unseen_faces
from demiglace.data.prose import corpus

TEXTS = ["Total due", "9.99", "in capitals", "one more line"]
PICTURES = [Image.new("RGB", (60, 20), "white") for _ in TEXTS]


def reads_as(*texts: str) -> reading.Reader:
    remaining = iter(texts)
    return lambda pictures: [next(remaining) for _ in pictures]


def measured(texts: list[str], case_sensitive: bool = True, unit: str = "line", quotable: bool = False) -> dict:
    steps: list[int] = []
    known = ReadingSet("known", unit, PICTURES, TEXTS, case_sensitive, quotable)
    scores = reading.measure(known, reads_as(*texts), steps.append)
    assert sum(steps) == len(TEXTS)
    return scores


def test_measure_counts_what_is_wrong() -> None:
    scores = measured(["total due", "9.99\n", "in capitals", "one line"])
    characters = sum(map(len, TEXTS))
    assert scores["cer"] == pytest.approx((1 + len(" more")) / characters)
    assert scores["cer_case_insensitive"] == pytest.approx(len(" more") / characters)
    assert scores["exact"] == 2 / 4
    assert scores["cer_interval"][0] <= scores["cer"] <= scores["cer_interval"][1]
    assert scores["lines_per_second"] > 0


def test_only_texts_of_our_own_are_quoted() -> None:
    read = ["total due", "9.99", "in capitals", "one more line"]
    assert "examples" not in measured(read)
    assert measured(read, quotable=True)["examples"][0] == {"text": "Total due", "read": "total due"}


def test_a_truth_in_capitals_gives_no_rate_that_minds_case() -> None:
    scores = measured([text.upper() for text in TEXTS], case_sensitive=False)
    assert scores["cer"] is None
    assert scores["cer_case_insensitive"] == scores["cer_interval"][1] == 0
    assert scores["exact"] == 1


def test_pages_are_scored_by_words_too() -> None:
    assert measured(["due Total", "9.99", "in", "one more line"], unit="page")["word_f1"] == pytest.approx(
        (1 + 1 + 2 / 3 + 1) / 4
    )


def test_the_interval_of_equal_texts_is_a_point() -> None:
    assert reading.interval(np.array([[1, 4]] * 7)) == (0.25, 0.25)


def test_markdown_has_a_row_for_each_reader_and_says_what_was_skipped() -> None:
    result = {"set": "known", "unit": "line", "count": 4, "readers": {"a reader": measured(TEXTS)}}
    report = {
        "date": "2026-01-02",
        "machine": {"gpu": None, "cpu": "a CPU", "threads": 2},
        "model": {"name": "nano", "parameters": 1234, "dtype": "float32"},
        "results": [result, {"set": "absent", "skipped": "no such pages"}],
    }
    head, *_, row, skipped = reading.markdown(report).splitlines()
    assert head == "nano (1,234 parameters, float32) on a CPU, 2 threads, 2026-01-02:"
    assert row.startswith("| known (4) | a reader | 0.000 | 0.000 | - |")
    assert skipped.startswith("| absent | skipped: no such pages |")


def test_absent_data_are_skipped_with_a_reason(tmp_path: Path) -> None:
    for found in (real_lines(tmp_path, "scribe", 3), pdf_pages(tmp_path)):
        assert isinstance(found, Skipped)
        assert found.reason


@pytest.mark.parametrize("degraded", [False, True])
def test_rendered_lines_are_the_same_each_time(degraded: bool) -> None:
    try:
        unseen_faces()
        corpus()
    except ValueError as error:
        pytest.skip(str(error))
    once, again = rendered_lines(4, degraded), rendered_lines(4, degraded)
    assert isinstance(once, ReadingSet)
    assert once.texts == again.texts
    assert all(a.tobytes() == b.tobytes() for a, b in zip(once.pictures, again.pictures, strict=True))
    assert all(4 <= len(text) <= 40 for text in once.texts)
