"""Benchmarks that were asked before are known by their folders, and belong to a report of the same model alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from demiglace.evaluation.backends.backend import Asked
from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.earlier_results import answered_before, check_same_model
from demiglace.evaluation.evaluate import SETTINGS
from demiglace.evaluation.prediction import PREDICTIONS, PredictionFile, Reply
from demiglace.evaluation.scores import benchmark_score, score_predictions


class Silent:
    """Answers nothing."""

    def __init__(self, name: str = "nano", weights: str = "w") -> None:
        self.name, self.weights = name, weights

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]:
        return iter(())


def test_folders_of_benchmarks_with_predictions_are_found(tmp_path: Path) -> None:
    for name in ("MMStar", "AI2D", "DocVQA", "no benchmark"):
        (tmp_path / name).mkdir()
        if name != "DocVQA":
            (tmp_path / name / PREDICTIONS).touch()
    assert [one.name for one in answered_before(tmp_path, ["AI2D"])] == ["MMStar"]
    assert answered_before(tmp_path / "nowhere", []) == []
    found = PredictionFile(tmp_path / "MMStar").found.values()
    assert benchmark_score(BENCHMARKS["MMStar"], score_predictions(found)).asked == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('{"model": "nano", "weights": "v"}', "other weights answered it"),
        ('{"model": "mine", "weights": "w"}', "another model answered it"),
        (None, r"no settings\.json"),
    ],
)
def test_what_another_model_answered_is_refused(tmp_path: Path, settings: str | None, told: str) -> None:
    (tmp_path / SETTINGS).write_text('{"model": "nano", "weights": "w"}')
    check_same_model(tmp_path, Silent())
    (tmp_path / SETTINGS).unlink()
    if settings:
        (tmp_path / SETTINGS).write_text(settings)
    with pytest.raises(ValueError, match=told):
        check_same_model(tmp_path, Silent())
