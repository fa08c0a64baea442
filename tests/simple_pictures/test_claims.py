"""Claims: as often true as false, whatever their wording says, and judged only where both are possible."""

from collections import Counter

import numpy as np
import pytest

from demiglace.simple_pictures.claims import Claim, Sort, how_many, judge, present, sort_by_number
from demiglace.simple_pictures.drawn_items import Item
from demiglace.synthesis.questions.topics import SIMPLE_TOPICS

ITEMS = [Item(form, colour, (0, 0, 0), 0, 0, 1, 1) for form, colour in
         (("circle", "red"), ("circle", "blue"), ("cross", "red"))]  # fmt: skip


def test_a_coin_decides_what_is_true_and_both_answers_are_said_in_both_ways():
    claims = [Claim("a", True, ("is a",)), *(Claim("b", False, ("is b",)) for _ in range(9))]
    rng = np.random.default_rng(0)
    said = Counter(judge(rng, "kind", claims, "Seen.").answer for _ in range(2000))
    assert set(said) == {"yes", "no", "true", "false"}
    assert abs(said["yes"] + said["true"] - 1000) < 100


def test_nothing_is_asked_where_no_claim_is_false():
    assert judge(np.random.default_rng(0), "kind", [Claim("a", True)], "Seen.") is None


def test_a_claim_without_questions_is_judged_as_a_statement():
    rng, claims = np.random.default_rng(1), [Claim("ants sing", True), Claim("ants fly", False)]
    for _ in range(50):
        assert "ants" in judge(rng, "kind", claims, "Seen.").text.casefold()


@pytest.mark.parametrize(
    ("sort", "number"), [(Sort("circle", None), 2), (Sort(None, "red"), 2), (Sort("star", None), 0)]
)
def test_presence_and_number_hold_of_what_is_there(sort, number):
    rng = np.random.default_rng(2)
    assert len(sort.of(ITEMS)) == number
    for claim in present(rng, sort, number):
        negated = " no " in f" {claim.statement} "
        assert claim.is_true == ((number > 0) != negated)
    truths = {claim.statement: claim.is_true for _ in range(40) for claim in how_many(rng, "shapes", "shape", 2)}
    assert truths["there are exactly 2 shapes"]
    assert truths["there is at least one shape"]
    assert not truths["there are at least three shapes"]
    assert not truths["there is at most 1 shape"]


def test_plurals_and_articles():
    assert (Sort("cross", "orange").a, Sort("cross", "orange").many) == ("an orange cross", "orange crosses")
    assert Sort(None, None, "object").a == "an object"


def test_rare_numbers_are_asked_for_as_often_as_common_ones():
    rng, sorts = np.random.default_rng(3), [Sort("cross", None), *[Sort("circle", None)] * 8]
    drawn = Counter(len(sort_by_number(rng, ITEMS, sorts).of(ITEMS)) for _ in range(600))
    assert abs(drawn[1] - 300) < 60


@pytest.mark.parametrize("topic", [topic for topic in SIMPLE_TOPICS if topic not in ("counts", "places")])
def test_yes_and_true_are_right_half_of_the_time_in_every_kind(topic):
    answers: dict[str, list[bool]] = {}
    for seed in range(700):
        for question in SIMPLE_TOPICS[topic](np.random.default_rng(seed), 140)[1]:
            if question.answer in ("yes", "true", "no", "false"):
                answers.setdefault(question.kind, []).append(question.answer in ("yes", "true"))
    assert answers
    for kind, said in answers.items():
        assert abs(np.mean(said) - 0.5) < 2.6 * 0.5 / len(said) ** 0.5, kind
