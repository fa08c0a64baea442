"""Figures of benchmarks: groups that count together, errors by character, and baselines."""

from __future__ import annotations

import pytest

from demiglace.evaluation.benchmark import Benchmark, Figure, plain_prompt
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.report import Report
from demiglace.evaluation.scores import benchmark_score, score_predictions
from demiglace.scoring.rules.family import Family


def predicted(
    id_: str, answer: str, expected: str, group: str = "", family: Family = "yes or no", **more: str
) -> Prediction:
    choices = dict.fromkeys("ABCD", "") if family == "choice" else {}
    reply = Reply("", answer=answer, error=more.get("error", ""), stopped_by=more.get("stopped_by", "end"))
    return Prediction(id_, more.get("category", ""), "", family, [expected], choices, {"pair": group}, {}, "", reply)


def of(figures: tuple[Figure, ...]) -> Benchmark:
    return Benchmark("b", "", lambda place: iter(()), plain_prompt, figures)


TOGETHER = of((Figure("together", together="pair"), Figure("each")))


def test_a_group_counts_where_all_of_it_is_right() -> None:
    found = [predicted("1", "yes", "yes", "a"), predicted("2", "no", "no", "a"), predicted("3", "yes", "no", "b")]
    score = benchmark_score(TOGETHER, score_predictions([*found, predicted("4", "no", "no", "b")]))
    assert [one.share.value for one in score.figures] == [50.0, 75.0]


def test_a_group_with_a_failure_is_left_out() -> None:
    found = [
        predicted("1", "yes", "yes", "a"),
        predicted("2", "", "no", "a", error="500"),
        predicted("3", "no", "no", "b"),
    ]
    score = benchmark_score(TOGETHER, score_predictions(found))
    assert [(one.share.value, one.share.count) for one in score.figures] == [(100.0, 1), (100.0, 2)]


def test_a_group_of_which_questions_were_not_asked_is_left_out_and_counted() -> None:
    found = [predicted("1", "yes", "yes", "a"), predicted("2", "no", "yes", "b"), predicted("3", "no", "no", "b")]
    score = benchmark_score(TOGETHER, score_predictions(found), {"pair": {"a": 2, "b": 2, "c": 2}, "other": {"b": 9}})
    assert [(one.share.value, one.share.count) for one in score.figures] == [(0.0, 1), (pytest.approx(200 / 3), 3)]
    assert score.cut_groups == {"together": 1}


def test_where_no_group_is_whole_the_next_figure_is_quoted() -> None:
    found = [predicted("1", "yes", "yes", "a"), predicted("2", "no", "yes", "b")]
    score = benchmark_score(TOGETHER, score_predictions(found), {"pair": {"a": 2, "b": 2}})
    assert [(one.figure.name, one.share.value) for one in score.figures] == [("each", 50.0)]
    assert (score.cut_groups, score.commonest) == ({"together": 2}, 100.0)
    report = Report("m", "", "demiglace", {"b": (TOGETHER, score)}).as_markdown()
    assert "b, together: 2 groups are left out, because not all of their questions were asked." in report


@pytest.mark.parametrize("figure", [TOGETHER.figures[0], Figure("mean", mean_of=TOGETHER.figures)])
def test_a_figure_of_groups_and_a_mean_have_no_baselines(figure: Figure) -> None:
    """They would be those of single questions: who always says A gets 0 in all rotations, not 25."""
    found = [predicted("1", "A", "A", "a", "choice"), predicted("2", "A", "B", "a", "choice")]
    score = benchmark_score(of((figure,)), score_predictions(found))
    assert (score.commonest, score.chance) == (None, None)


def test_a_mean_of_figures_is_of_each_as_it_counts_and_by_category() -> None:
    found = []
    for pair in range(0, 12, 2):
        found += [predicted(f"{pair}1", "yes", "yes", f"{pair}"), predicted(f"{pair}2", "no", "no", f"{pair}")]
        found.append(predicted(f"{pair}3", "yes", "no", f"{pair + 1}"))
        found.append(predicted(f"{pair}4", "no", "no", f"{pair + 1}", category="c"))
    mean = Figure("mean", mean_of=TOGETHER.figures)
    score = benchmark_score(of((mean, *TOGETHER.figures)), score_predictions(found))
    assert [one.share.value for one in score.figures] == [62.5, 50.0, 75.0]
    low, high = score.figures[0].share.interval or (0.0, 0.0)
    assert low < 62.5 < high
    assert score.categories["c"].value == 100.0


def test_characters_of_all_texts_weigh_the_same() -> None:
    found = [predicted("1", "abcdefgh", "abcdefgh", family="text"), predicted("2", "xy", "ab", family="text")]
    score = benchmark_score(of((Figure("CER", of="characters"),)), score_predictions(found))
    assert score.figures[0].share.value == pytest.approx(100 * 2 / 10)
    assert score.commonest is None


def test_words_of_a_page_count_in_whatever_order_they_were_read() -> None:
    found = [predicted("1", "left right", "right left", family="text"), predicted("2", "a b", "a c", family="text")]
    score = benchmark_score(of((Figure("word F1", of="words"),)), score_predictions(found))
    assert score.figures[0].share.value == pytest.approx(75.0)


def test_baselines_are_the_commonest_answer_of_each_category_and_chance() -> None:
    found = [
        predicted(str(number), "A", "ABBC"[number], family="choice", category=str(number == 3)) for number in range(4)
    ]
    score = benchmark_score(of((Figure("accuracy"),)), score_predictions(found))
    assert (score.commonest, score.chance) == (75.0, 25.0)
    assert {name: share.value for name, share in score.categories.items()} == {
        "False": pytest.approx(100 / 3),
        "True": 0.0,
    }


def test_nothing_but_failures_has_no_figure() -> None:
    score = benchmark_score(TOGETHER, score_predictions([predicted("1", "", "yes", error="500")]))
    assert (score.figures, score.failed, score.commonest, score.chance) == ((), 1, None, None)


def test_cut_answers_are_counted() -> None:
    score = benchmark_score(TOGETHER, score_predictions([predicted("1", "yes", "yes", stopped_by="length")]))
    assert score.cut == 1


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown rules 'other'"):
        score_predictions([predicted("1", "yes", "yes")], "other")
