"""Clusters and categories of public benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from public_layouts import in_base64, write_jsonl, write_tsv

from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.comparison import compare
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.scores import benchmark_score, score_predictions


def test_figures_of_a_set_of_hallusionbench_are_one_cluster(tmp_path: Path) -> None:
    """They are versions of one picture with the same questions; every figure has a picture of its own."""
    rows = [
        {"index": f"VD_chart_{of}_{figure}_0", "question": "More?", "answer": "Yes", "l2-category": "VD_chart"}
        for of in range(4)
        for figure in (0, 1, 2)
    ]
    examples = list(BENCHMARKS["HallusionBench"].examples(write_tsv(tmp_path / "h.tsv", rows)))
    found = [
        Prediction.of(one, {}, "", Reply(answer="yes", sent=[{"sha256": str(number)}]))
        for number, one in enumerate(examples)
    ]
    assert len({one.cluster for one in found}) == 4
    scored = score_predictions(found)
    assert compare(scored, scored).clusters == 4
    assert benchmark_score(BENCHMARKS["HallusionBench"], scored).figures[1].share.interval is None


@pytest.mark.parametrize(
    "asked",
    [
        {"question": "Which year?", "options": ["1636", "1366"]},
        {"question": "Which year?\n(A) 1636\n(B) 1366", "options": []},
    ],
)
def test_rows_of_lvbench_may_be_single_questions(tmp_path: Path, asked: dict[str, Any]) -> None:
    """lmms-eval/LVBench has a row for each question (its lvbench/utils.py), LVBench's own file one for each video."""
    row = {"key": "abc", "video_path": "abc.mp4", "uid": "7", "answer": "B", "question_type": ["event"]} | asked
    (example,) = BENCHMARKS["LVBench"].examples(write_jsonl(tmp_path / "LVBench.jsonl", [row]))
    assert (example.id, example.question, example.category) == ("7", "Which year?", "event")
    assert (example.expected.answers, dict(example.expected.choices)) == (("B",), {"A": "1636", "B": "1366"})


def test_categories_of_ocrbench_are_per_cent(tmp_path: Path) -> None:
    """A category of 50 to 200 questions is no score of 1000."""
    row = {"question": "Read it.", "answer": "['STOP']", "image": in_base64()}
    rows = [
        row | {"index": n, "category": kind} for n, kind in enumerate(("Doc-oriented VQA", "Scene Text", "Scene Text"))
    ]
    examples = list(BENCHMARKS["OCRBench"].examples(write_tsv(tmp_path / "o.tsv", rows)))
    found = [Prediction.of(one, {}, "", Reply(answer="STOP" if one.id != "2" else "GO")) for one in examples]
    score = benchmark_score(BENCHMARKS["OCRBench"], score_predictions(found))
    assert [(one.figure.name, round(one.share.value, 1)) for one in score.figures] == [
        ("accuracy", 66.7),
        ("score of 1000", 666.7),
    ]
    assert {name: one.value for name, one in score.categories.items()} == {
        "Doc-oriented VQA": 100.0,
        "Scene Text": 50.0,
    }
