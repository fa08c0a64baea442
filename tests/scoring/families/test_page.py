import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.families.page import score_page_formulas, score_page_order, score_page_tables, score_page_text
from demiglace.scoring.verdict import UNREADABLE, Expected

FIRST = "The mill stands by the river and has two wheels."
SECOND = "Grain is brought in the morning, and flour is fetched at night."
THIRD = "In winter the ice has to be broken."
TABLE = "<table><tr><td>rye</td><td>12</td></tr><tr><td>oats</td><td>7</td></tr></table>"
OTHER = "<table><tr><td>year</td></tr></table>"
PAGE = Expected((f"Mill\n\n{FIRST}\n\n{TABLE}\n\n{SECOND}\n\n{THIRD}",))

words = st.text("abcde ", min_size=1, max_size=30)
pages = st.lists(words, min_size=1, max_size=5).map("\n\n".join).filter(str.strip)


def scores(response: str) -> tuple[float | None, float | None]:
    return score_page_text(response, PAGE).score, score_page_order(response, PAGE).score


@pytest.mark.parametrize(
    "response",
    [
        PAGE.answers[0],
        PAGE.answers[0].replace("<tr>", "\n<tr>\n"),
        f"# Mill\n\n{FIRST}\n\n| rye | 12 |\n|---|---|\n| oats | 7 |\n\n- {SECOND}\n\n---\n\n**{THIRD}**",
        f"<think>hm</think>```markdown\nMill\n\n{FIRST}\n\n$$x = 2$$\n\n![mill](mill.png)\n\n{SECOND}\n\n{THIRD}\n```",
        f"Mill\n\n{FIRST[:18]}\n\n{FIRST[19:]}\n\n{SECOND}\n\n{THIRD}",
        f"Mill\n\n{FIRST}\n{SECOND}\n\n{THIRD}",
    ],
    ids=["same", "table on lines", "marked up", "fenced", "split", "joined"],
)
def test_one_page_in_many_writings(response: str) -> None:
    assert scores(response) == (pytest.approx(1), 1)


def test_another_order_costs_order_alone() -> None:
    assert scores(f"Mill\n\n{THIRD}\n\n{FIRST}\n\n{SECOND}") == (1, 1 - 2 / 4)


def test_what_is_missing_or_too_much_is_edited_as_a_whole() -> None:
    length = sum(map(len, ("Mill", FIRST, SECOND, THIRD)))
    assert scores(f"Mill\n\n{FIRST}\n\n{SECOND}") == (pytest.approx(1 - len(THIRD) / length), 3 / 4)
    text, order = scores(f"Mill\n\n{FIRST}\n\n{SECOND}\n\n{THIRD}\n\n0123456789")
    assert (text, order) == (pytest.approx(1 - 10 / (length + 10)), 1)


@pytest.mark.parametrize("response", ["", "  ", "<think>Mill", "<think>Mill</think>"])
def test_nothing_is_unreadable(response: str) -> None:
    for score in (score_page_text, score_page_order, score_page_tables):
        assert score(response, PAGE) == UNREADABLE


@pytest.mark.parametrize(
    ("response", "score"),
    [
        (TABLE, 1.0),
        ("| rye | 12 |\n|---|---|\n| oats | 7 |", 1.0),
        (f"{OTHER}\n\n{TABLE}", 1 / 2),
        (TABLE.replace("12", "13"), 1 - 0.5 / 6),
        ("no table", 0.0),
    ],
)
def test_tables_of_a_page(response: str, score: float) -> None:
    assert score_page_tables(response, PAGE).score == pytest.approx(score)


def test_tables_are_matched_in_any_order() -> None:
    assert score_page_tables(f"{TABLE}\n\n{OTHER}", Expected((f"{OTHER}\n\n{TABLE}",))).score == 1.0
    with pytest.raises(ValueError, match="the page has 0 tables"):
        score_page_tables(TABLE, Expected((FIRST,)))


FORMULAS = Expected((f"{FIRST}\n\n$$\na^2 + b^2 = c^2\n$$\n\n" r"\[ x = \mathrm{d} y \tag{1} \]",))


@pytest.mark.parametrize(
    ("response", "score"),
    [
        (FORMULAS.answers[0], 1.0),
        ("$$x={d}y$$ and \\[a^2+b^2 \\quad = c^2\\]", 1.0),
        ("$$x={d}y$$ $$a^2+b^2=c^2$$ $$e=mc^2$$", 1.0),
        ("$$a^2+b^2=c^2$$", 11 / 17),
        ("$$a^2+b^2=d^2$$ $$x={d}y$$", 16 / 17),
        ("a^2 + b^2 = c^2", 0.0),
    ],
    ids=["same", "other writing", "one too many", "one missing", "one sign", "no marks"],
)
def test_formulas_of_a_page(response: str, score: float) -> None:
    """11 and 6 signs without spaces and fonts."""
    assert score_page_formulas(response, FORMULAS).score == pytest.approx(score)


def test_formulas_need_some_on_the_page() -> None:
    assert score_page_formulas("<think>$$x$$", FORMULAS) == UNREADABLE
    with pytest.raises(ValueError, match="the page has 0 formulas"):
        score_page_formulas("$$x$$", PAGE)


@given(pages, pages)
@settings(max_examples=60, deadline=None)
def test_scores_are_shares(response: str, page: str) -> None:
    for score in (score_page_text, score_page_order):
        verdict = score(response, Expected((page,)))
        assert verdict.score is not None
        assert 0 <= verdict.score <= 1
        assert score(page, Expected((page,))).score == pytest.approx(1)
