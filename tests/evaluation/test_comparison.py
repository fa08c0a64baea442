"""Two sets of answers to the same questions, and the page of what changed."""

from __future__ import annotations

import pytest
from PIL import Image as Pillow

from demiglace.evaluation.comparison import compare
from demiglace.evaluation.comparison_sheet import ShownComparison, comparison_sheet, row
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


def test_what_failed_in_one_is_left_out() -> None:
    before = [*scored(["yes", "yes"]), *score_predictions([predicted("99", "", "the server said 500")])]
    found = compare(before, scored(["yes", "no", "yes"]))
    assert (found.compared, found.left_out) == (2, 2)


def test_other_questions_under_the_same_id_are_refused() -> None:
    told = r"00 is 'Is it\?' with the answer 'yes' in one and 'Was it\?' with the answer 'yes' in the other"
    with pytest.raises(ValueError, match=told):
        compare(scored(["yes"]), score_predictions([predicted("00", "yes", question="Was it?")]))


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(ValueError, match="of 2 examples 0 have an answer in both"):
        compare(scored(["yes"]), score_predictions([predicted("77", "yes")]))


def test_the_page_holds_pictures_and_escapes_texts() -> None:
    comparison = compare(scored(["yes", "yes"]), scored(["yes", "<script>no</script>"]))
    shown = ShownComparison("small", comparison, {"01": Pillow.new("RGB", (8, 8), "red")})
    page = comparison_sheet("a", "b", [shown])
    assert "<script>" not in page
    assert page.count("data:image/png;base64,") == 1
    assert "small 01: lost 1" in page
    assert "small 00" not in page
    assert row(shown) == ("small", "2", "100.0", "50.0", "-50.0", "-", "-", "-", "0", "1")
    assert page.count("fewer than 6 pictures") == 1


def test_of_many_pictures_nothing_is_said_about_few() -> None:
    shown = ShownComparison("many", compare(scored(["yes"] * 7), scored(["no"] * 7)), {})
    assert row(shown)[5:8] == ("-100.0 to -100.0", "0.0156", "0.0156")
    assert "fewer than" not in comparison_sheet("a", "b", [shown])
