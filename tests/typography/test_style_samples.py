import numpy as np
import pytest

from demiglace.typography.style_samples import COLUMN_GAPS, LARGEST_CAP, SMALLEST_CAP, random_style

pytestmark = pytest.mark.usefixtures("installed_prose")


@pytest.fixture
def styles(face):
    return [random_style(np.random.default_rng((11, i)), ["TOTAL 12.50"], face, 250_000) for i in range(400)]


def test_cap_heights_stay_within_bounds(styles):
    heights = [style.cap_height for style in styles]
    assert SMALLEST_CAP <= min(heights) < 10
    assert 60 < max(heights) <= LARGEST_CAP
    assert sum(height <= 40 for height in heights) > 0.75 * len(heights)


def test_long_texts_are_set_small(face):
    heights = [random_style(np.random.default_rng(i), ["m" * 300] * 8, face, 250_000).cap_height for i in range(20)]
    assert max(heights) < 12


def test_ink_is_mostly_darker_than_paper_and_always_apart(styles):
    contrasts = np.array([np.mean(style.paper) - np.mean(style.ink) for style in styles])
    assert 0.03 < (contrasts < 0).mean() < 0.2
    assert abs(contrasts).min() > 0.15 * 255


def test_neighbours_show_too_little_to_be_read(styles):
    shown = [(style.margins[1] - (style.pitch - 1.4)) for style in styles if style.above]
    assert shown
    assert max(shown) <= 0.3 + 1e-9


def test_columns_stand_far_apart_more_often_and_change_nothing_else_before(face, styles):
    columns = [
        random_style(np.random.default_rng((11, i)), ["TOTAL 12.50"], face, 250_000, COLUMN_GAPS) for i in range(400)
    ]
    usual, far = ([style.gap[1] for style in many if style.gap] for many in (styles, columns))
    assert max(usual) <= 6 < np.median(far) < 20
    assert 0.08 < len(usual) / 400 < 0.17
    assert 0.33 < len(far) / 400 < 0.47
    assert [style.margins for style in columns] == [style.margins for style in styles]
