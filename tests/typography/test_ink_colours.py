"""Ink and paper are told apart, whatever is drawn."""

import numpy as np

from demiglace.typography.ink_colours import random_colours


def test_ink_is_mostly_dark_on_light_and_always_apart_from_its_paper():
    drawn = np.array([random_colours(np.random.default_rng(seed)) for seed in range(1000)])
    assert drawn.min() >= 0
    assert drawn.max() <= 255
    ink, paper = drawn.mean(axis=2).T
    assert 0.05 < (ink > paper).mean() < 0.15  # 0.16 of the 0.6 that are not black on white
    assert abs(paper - ink).min() > 0.15 * 255
