"""Views of pages: what goes forward comes back, boxes go along, and pages fit their pictures."""

import numpy as np
import pytest

from demiglace.typography.page_views import MOST_DISTORTION, PageViews, draw_views, fitted

SIZES = np.random.default_rng(0).uniform(20, 400, (64, 2))
BANDS = np.full(64, 18.0)


def views(strength: float) -> PageViews:
    return draw_views(np.random.default_rng(2), SIZES, BANDS, np.full(len(SIZES), strength))


def test_without_strength_pages_are_flat():
    still = views(0.0)
    assert still.are_flat.all()
    np.testing.assert_allclose(still.sizes, SIZES)
    boxes = np.random.default_rng(1).uniform(0, 20, (64, 5, 4)).cumsum(axis=2) / 4
    np.testing.assert_allclose(still.boxes(boxes, np.full((64, 2), 2.0)), 2 * boxes)


def test_some_pages_are_tilted_and_some_bent():
    shares = views(1.0)
    assert 0.4 < np.mean((shares.forward != np.eye(3)).any(axis=(1, 2))) < 0.6
    assert 0.05 < np.mean(shares.lifts[:, 0] > 0) < 0.25


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_what_goes_forward_comes_back(strength):
    """Points of the page, taken to the picture as corners of boxes are, come back by the maps of the composition."""
    seen = fitted(views(strength), 2.0, np.random.default_rng(3))
    scales = np.array([[280.0, 140.0]]) / seen.sizes
    points = SIZES[:, None] * np.random.default_rng(4).uniform(0.2, 0.8, (64, 7, 2))
    moved = seen.boxes(np.concatenate([points, points], axis=2), scales)[..., :2]
    maps, waves = seen.backward(scales)
    height, rate, phase = (column[:, None] for column in waves.T)
    lowered = moved[..., 1] - (np.sin(phase + rate * moved[..., 0]) + 1) / 2 * height
    held = np.stack([moved[..., 0], lowered, np.ones_like(lowered)], axis=2) @ maps.transpose(0, 2, 1)
    np.testing.assert_allclose(held[..., :2] / held[..., 2:], points, atol=1e-6 * SIZES.max())


@pytest.mark.parametrize("shape", [0.5, 1.0, 8.0])
def test_pages_fit_a_picture_of_any_shape(shape):
    before = views(0.5)
    after = fitted(before, shape, np.random.default_rng(3))
    ratios = after.sizes[:, 0] / after.sizes[:, 1] / shape
    assert ratios.max() < MOST_DISTORTION + 1e-9
    assert ratios.min() > 1 / MOST_DISTORTION - 1e-9
    assert (after.sizes >= before.sizes - 1e-9).all()
    assert (after.offsets >= 0).all()
    assert (after.offsets + before.sizes <= after.sizes + 1e-9).all()
