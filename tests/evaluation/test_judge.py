"""A judge is asked once, and what it says is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from demiglace.conversation import Text
from demiglace.evaluation.backends.backend import Asked
from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.judge import JUDGEMENTS, judge_predictions, score_written
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.scores import benchmark_score, score_predictions

MMVET = BENCHMARKS["MMVet"]


class Judge:
    def __init__(self, says: str, name: str = "judge", error: str = "") -> None:
        self.says, self.name, self.weights, self.error = says, name, "", error
        self.heard: list[str] = []

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]:
        for one in asked:
            (text,) = one.conversation.messages[0].content
            assert isinstance(text, Text)
            self.heard.append(text.text)
            yield one.place, Reply(answer="" if self.error else self.says, error=self.error)


def predictions(answer: str = "a cat") -> list[Prediction]:
    replies = {"1": Reply(answer=answer), "2": Reply(answer="a dog"), "3": Reply(error="500")}
    return [
        Prediction(id_, "", "What?", "short answer", ["cat"], {}, {}, {}, "", reply) for id_, reply in replies.items()
    ]


def test_the_judge_decides_and_is_asked_once(tmp_path: Path) -> None:
    judge = Judge("The score is 0.4")
    verdicts = judge_predictions(MMVET, predictions(), tmp_path, judge)
    assert {id_: verdict.score for id_, verdict in verdicts.items()} == {"1": 0.4, "2": 0.4}
    assert len(judge.heard) == 2
    assert judge_predictions(MMVET, predictions(), tmp_path, Judge("1.0")) == verdicts  # the same judge by its name
    assert judge_predictions(MMVET, predictions(), tmp_path, None) == verdicts


def test_another_answer_and_another_judge_are_judged_anew(tmp_path: Path) -> None:
    judge_predictions(MMVET, predictions(), tmp_path, Judge("0.0"))
    again = Judge("1.0")
    assert judge_predictions(MMVET, predictions("no cat"), tmp_path, again)["1"].score == 1.0
    assert len(again.heard) == 1
    other = Judge("0.5", name="other")
    assert judge_predictions(MMVET, predictions(), tmp_path, other)["2"].score == 0.5


@pytest.mark.parametrize("judge", [None, Judge("", error="no server"), Judge("I cannot say")])
def test_without_a_verdict_nothing_is_scored(tmp_path: Path, judge: Judge | None) -> None:
    judged = judge_predictions(MMVET, predictions(), tmp_path, judge)
    score = benchmark_score(MMVET, score_predictions(predictions(), judged=judged))
    assert (judged, score.unjudged, score.figures) == ({}, 2, ())


def test_a_line_that_a_kill_cut_off_is_judged_anew(tmp_path: Path) -> None:
    judge = Judge("0.5")
    judge_predictions(MMVET, predictions(), tmp_path, judge)
    whole = (tmp_path / JUDGEMENTS).read_text()
    (tmp_path / JUDGEMENTS).write_text(whole[:-20])
    assert len(judge_predictions(MMVET, predictions(), tmp_path, judge)) == 2
    assert (tmp_path / JUDGEMENTS).read_text() == whole


def test_a_judgement_in_which_no_score_can_be_read_is_asked_for_again(tmp_path: Path) -> None:
    """As one that an earlier version had taken for a score."""
    judge_predictions(MMVET, predictions(), tmp_path, Judge("0.5"))
    file = tmp_path / JUDGEMENTS
    file.write_text(file.read_text().replace('"0.5"', '"It gets 0.5, as 1 of 2 is right"'))
    assert judge_predictions(MMVET, predictions(), tmp_path, None) == {}
    again = Judge("0.4")
    assert {one.score for one in judge_predictions(MMVET, predictions(), tmp_path, again).values()} == {0.4}
    assert len(again.heard) == 2


def test_a_damaged_file_of_judgements_is_told(tmp_path: Path) -> None:
    (tmp_path / JUDGEMENTS).write_text("{}\n")
    with pytest.raises(ValueError, match="is not a judgement"):
        judge_predictions(MMVET, predictions(), tmp_path, None)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("0.4", 0.4),
        ("Score: 1.0", 1.0),
        ("1", 1.0),
        (".5", 0.5),
        ("10", None),
        ("2.5", None),
        ("", None),
        ("0.2, so 0.3", 0.2),
        ("0.8 out of 1", 0.8),
        ("0.8/1.0", 0.8),
        ("0.3 (of 1.0)", 0.3),
        ("**0.4** / 1", 0.4),
        ("Score: 0.4/1", 0.4),
        ("1/1", 1.0),
        ("0.7 since 1 element is missing", 0.7),
        ("**Score:** 0.5, as 1 of 2 elements is right.", 0.5),
        ("The score is **0.5**: 1 of 2.", 0.5),
        ("The prediction has 1 of 2 elements, so it gets a score of 0.5.", 0.5),
        ("I give 0.5 as the score.", 0.5),
        ("Grade: 0.6", 0.6),
        ("Correctness (0.0 to 1.0): 0.6", 0.6),
        ("1. The cat is named.\n2. The dog is not.\nScore: 0.5", 0.5),
        ("1.0.", 1.0),
        ("(0.5)", 0.5),
        ("The prediction gets 0.5, as 1 of 2 elements is right.", None),
        ("I'd say 0.6, or perhaps 0.7", None),
        ("The score of the 1 element is 0.5", None),
        ("1/2", None),
        ("0.8/10", None),
        ("1 of 2 elements is right", None),
        ("0,5", None),
        ("-0.5", None),
        ("1%", None),
        ("Score: 80 %", None),
        ("1.5", None),
        ("Score: 0.5.", 0.5),
        ("From 0 to 1, I rate this 0.8.", 0.8),
        ("version 1.0.2", None),
    ],
)
def test_scores_are_read(text: str, score: float | None) -> None:
    assert score_written(text) == score
