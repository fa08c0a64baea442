"""Two sets of answers to the same questions, and the page of what changed."""

from __future__ import annotations

import pytest
from PIL import Image as Pillow

from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.comparison import compare, compared_figure
from demiglace.evaluation.comparison_sheet import CLUSTERED, ShownComparison, comparison_notes, comparison_sheet, row
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.scores import Scored, score_predictions


def predicted(id_: str, answer: str, error: str = "", question: str = "Is it?") -> Prediction:
    reply = Reply(question, answer=answer, error=error)
    return Prediction(id_, "", question, "yes or no", ["yes"], {}, {}, {}, "w", reply)


def scored(answers: list[str], **changed: str) -> list[Scored]:
    return score_predictions(predicted(f"{number:02}", answer, **changed) for number, answer in enumerate(answers))


def test_changes_are_counted_both_ways() -> None:
    found = compare(scored(["yes"] * 8 + ["no"] * 12), scored(["no"] + ["yes"] * 17 + ["no"] * 2))
    assert (len(found.gained), len(found.lost), found.compared, found.left_out) == (10, 1, 20, 0)
    assert (found.before, found.after) == (0.4, 0.85)
    assert found.difference.value == pytest.approx(0.45)
    assert found.p_mcnemar == pytest.approx(24 / 2048)  # 2 * (1 + 11) / 2**11
    assert found.p_bootstrap
    assert found.p_bootstrap < 0.01


def of_clips(answers: str) -> list[Scored]:
    """Three questions about each clip, one letter for all answers about a clip."""
    return score_predictions(
        Prediction(
            f"{number}", "", "Is it?", "yes or no", ["yes"], {}, {}, {}, "w",
            Reply("", answer={"y": "yes", "n": "no"}[answers[number // 3]], sent=[{"sha256": f"{number // 3}"}]),
        )
        for number in range(3 * len(answers))
    )  # fmt: skip


def test_mcnemar_is_left_out_where_questions_share_a_clip() -> None:
    """Two of seven clips flip: six verdicts, of which McNemar takes each for itself (p = .031)."""
    comparison = compare(of_clips("nnyyyyy"), of_clips("yyyyyyy"))
    assert (comparison.compared, comparison.clusters, comparison.p_mcnemar) == (21, 7, None)
    assert comparison.p_bootstrap
    assert comparison.p_bootstrap > 0.1
    shown = ShownComparison("clips", "accuracy", comparison, {})
    assert row(shown)[7] == "-"
    assert comparison_notes([shown, shown]) == [CLUSTERED]


@pytest.mark.parametrize(
    ("benchmark", "figure"),
    [
        ("MMBench", "accuracy"), ("HallusionBench", "aAcc"), ("DocVQA", "ANLS"), ("lines", "similarity"),
        ("IFEval", "all of a prompt"), ("ObjHalBench", "mean score"), ("OCRBench", "accuracy"),
    ],
)  # fmt: skip
def test_the_figure_that_is_compared_is_named(benchmark: str, figure: str) -> None:
    """The mean of single scores in per cent, not circular accuracy, a mean of figures, CER or a score of 1000."""
    assert compared_figure(BENCHMARKS[benchmark]) == figure


def test_what_failed_in_one_is_left_out() -> None:
    before = [*scored(["yes", "yes"]), *score_predictions([predicted("99", "", "the server said 500")])]
    found = compare(before, scored(["yes", "no", "yes"]))
    assert (found.compared, found.left_out) == (2, 2)


def test_other_questions_under_the_same_id_are_refused() -> None:
    told = r"00 is 'Is it\?' with the answer 'yes' in one and 'Was it\?' with the answer 'yes' in the other"
    with pytest.raises(ValueError, match=told):
        compare(scored(["yes"]), score_predictions([predicted("00", "yes", question="Was it?")]))


def test_other_choices_under_the_same_id_are_refused() -> None:
    """Two exports of a benchmark with the choices in another order: the same letter is another answer."""

    def asked(*choices: str) -> list[Scored]:
        named = dict(zip("AB", choices, strict=True))
        return score_predictions(
            [Prediction("1", "", "Which?", "choice", ["A"], named, {}, {}, "w", Reply(answer="A"))]
        )

    told = "1 is 'Which\\?' with the answer 'A' among A: red, B: blue in one and .* among A: blue, B: red in the other"
    with pytest.raises(ValueError, match=told):
        compare(asked("red", "blue"), asked("blue", "red"))


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(ValueError, match="of 2 examples 0 have an answer in both"):
        compare(scored(["yes"]), score_predictions([predicted("77", "yes")]))


def test_the_page_holds_pictures_and_escapes_texts() -> None:
    comparison = compare(scored(["yes", "yes"]), scored(["yes", "<script>no</script>"]))
    shown = ShownComparison("small", "accuracy", comparison, {"01": Pillow.new("RGB", (8, 8), "red")})
    page = comparison_sheet("a", "b", [shown])
    assert "<script>" not in page
    assert page.count("data:image/png;base64,") == 1
    assert "small 01: lost 1" in page
    assert "small 00" not in page
    assert row(shown) == ("small", "accuracy", "2", "100.0", "50.0", "-50.0", "-", "-", "-", "0", "1")
    assert page.count("fewer than 6 pictures") == 1


def test_of_many_pictures_nothing_is_said_about_few() -> None:
    shown = ShownComparison("many", "accuracy", compare(scored(["yes"] * 7), scored(["no"] * 7)), {})
    assert row(shown)[6:9] == ("-100.0 to -18.1", "0.0156", "0.0156")
    assert "fewer than" not in comparison_sheet("a", "b", [shown])
