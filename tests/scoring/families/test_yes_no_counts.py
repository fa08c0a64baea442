import pytest

from demiglace.scoring.families.yes_no import score_yes_no
from demiglace.scoring.families.yes_no_counts import YesNoCounts, count_yes_no
from demiglace.scoring.verdict import Expected


def counts(*pairs: tuple[str, str]) -> YesNoCounts:
    return count_yes_no((wanted, score_yes_no(said, Expected((wanted,)))) for wanted, said in pairs)


def test_shares() -> None:
    found = counts(
        ("Yes", "yes"), ("yes", "yes"), ("yes", "no"), ("yes", "maybe"), ("no", "yes"), ("no", "no."), ("no", "")
    )
    assert found == YesNoCounts(2, 1, 1, 1, 1, 1)
    assert found.asked == 7
    assert (found.accuracy, found.precision, found.recall, found.yes_ratio) == (3 / 7, 2 / 3, 2 / 4, 3 / 7)
    assert found.f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))


def test_shares_of_nothing_are_0() -> None:
    found = counts()
    assert (found.accuracy, found.precision, found.recall, found.f1, found.yes_ratio) == (0, 0, 0, 0, 0)
    assert counts(("no", "no")).f1 == 0
