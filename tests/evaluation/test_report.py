"""Reports: of few pictures there is no interval, and that is said once."""

from __future__ import annotations

from pathlib import Path

import pytest

from demiglace.evaluation.benchmark import Benchmark, plain_prompt
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.report import Report
from demiglace.evaluation.scores import benchmark_score, score_predictions

BENCHMARK = Benchmark("b", "", lambda place: iter(()), plain_prompt)


def report(questions: int, categories: int = 1) -> Report:
    """Each question about something else, all right; a category for each rest of division."""
    found = [
        Prediction(
            str(number), f"c{number % categories}", "", "yes or no", ["yes"], {}, {}, {}, "", Reply(answer="yes")
        )
        for number in range(questions)
    ]
    return Report("m", "w", "demiglace", {"b": (BENCHMARK, benchmark_score(BENCHMARK, score_predictions(found)))})


def test_an_interval_is_told() -> None:
    told = report(6).as_markdown()
    assert "| b | accuracy | 100.0 | 54.1 to 100.0 |" in told
    assert "no interval" not in told


@pytest.mark.parametrize(("questions", "categories"), [(1, 1), (5, 1), (10, 2), (5, 2)])
def test_a_dash_stands_for_an_interval_of_few_pictures(questions: int, categories: int) -> None:
    told = report(questions, categories).as_markdown()
    assert " | - |" in told
    assert told.count("There is no interval and no p (-) where fewer than 6 pictures") == 1


def test_bars_of_few_pictures_have_no_interval(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from demiglace.evaluation.plots import plot_report

    assert plot_report(report(8, 2), tmp_path / "report.png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


def test_the_commonest_errors_are_told_and_the_others_counted() -> None:
    errors = ["once", "twice", "thrice", "again", "twice", "thrice", "thrice", "again"]
    found = [
        Prediction(str(n), "", "", "yes or no", ["yes"], {}, {}, {}, "", Reply(error=error))
        for n, error in enumerate(errors)
    ]
    score = benchmark_score(BENCHMARK, score_predictions(found))
    told = Report("m", "w", "demiglace", {"b": (BENCHMARK, score)}).as_markdown()
    assert told.index("b: 3 failed: thrice") < told.index("b: 2 failed: twice")
    assert "failed: once" not in told
    assert "b: 1 failed with other errors, which are in predictions.jsonl." in told
