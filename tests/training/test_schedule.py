"""Learning rates by step."""

import itertools

import pytest

from demiglace.training.schedule import wsd


def test_wsd_rises_holds_and_falls():
    shares = [wsd(step, 100, warmup=10, decay_share=0.4, min_lr_ratio=0.2) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9] == 1.0
    assert set(shares[9:61]) == {1.0}
    assert all(later < earlier for earlier, later in itertools.pairwise(shares[60:]))
    assert shares[-1] == pytest.approx(0.2, abs=0.03)
    assert min(shares[60:]) >= 0.2
