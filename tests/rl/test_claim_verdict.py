import math

import pytest

from demiglace.rl.claim_verdict import ClaimVerdict, claim_verdict


def test_yes_and_no_are_counted_in_every_spelling_and_from_their_beginning():
    choices = [
        ("yes", 0.3),
        (" Yes", 0.2),
        ("Y", 0.1),
        ("NO", 0.05),
        ("n", 0.05),
        ("", 0.1),
        ("Maybe", 0.1),
        (" ", 0.1),
    ]
    found = claim_verdict((text, math.log(share)) for text, share in choices)
    assert found.yes == pytest.approx(0.6)
    assert found.no == pytest.approx(0.1)
    assert found.mass == pytest.approx(0.7)
    assert not found.is_rejected


def test_a_claim_holds_only_where_yes_is_likelier():
    assert ClaimVerdict(0.2, 0.2).is_rejected
    assert ClaimVerdict(0.1, 0.2).is_rejected
    assert not ClaimVerdict(0.2, 0.1).is_rejected


def test_neither_is_unclear_by_the_bound():
    found = claim_verdict([("red", math.log(0.9)), ("no", math.log(0.1)), ("yes", -math.inf)])
    assert not found.is_clear(0.5)
    assert found.is_clear(0.1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_log_probability_that_is_none_is_an_error(value):
    with pytest.raises(ValueError, match=f"the verifier gives 'yes' the log-probability {value}"):
        claim_verdict([("yes", value)])
