"""Shares of forms and colours under patches: of known items known shares, of drawn ones those that add to one."""

import numpy as np
import pytest

from demiglace.bootstrap.item_labels import FORMS, ItemSample, item_shares, make_items
from demiglace.processing.slicing import SlicingConfig
from demiglace.simple_pictures.drawn_items import COLOURS, Canvas, Item, Look

SLICING = SlicingConfig(scale_resolution=140, patch_size=14, max_slices=1)
CANVAS = Canvas((40, 20), (255, 255, 255), {}, Look(filled=False, thickness=1, smooth=1))


def test_an_outline_covers_what_is_inside_it():
    square = Item("square", "red", (200, 0, 0), x=10, y=10, rx=10, ry=10)
    shares = item_shares(CANVAS, [square], [2], 3, size=(80, 40), patch_size=20)
    left, right = shares.reshape(2, 2, 2, 3)[:, 0], shares.reshape(2, 2, 2, 3)[:, 1]
    assert shares.shape == (8, 3)
    assert np.allclose(left[..., 2], 1)
    assert right[..., 2].max() < 0.06  # the edge itself lies one pixel further
    assert np.allclose(shares.sum(axis=1), 1)


def test_the_upper_item_counts():
    below, above = (Item("square", "red", (200, 0, 0), x=10, y=10, rx=10, ry=10) for _ in range(2))
    shares = item_shares(CANVAS, [below, above], [1, 2], 3, size=(40, 20), patch_size=20)
    assert np.allclose(shares[0], (0, 0, 1))


@pytest.mark.parametrize("seed", range(12))
def test_patches_and_shares_belong_together_and_repeat(seed):
    sample, again = (make_items(np.random.default_rng(seed), SLICING) for _ in range(2))
    count = sample.grid[0] * sample.grid[1]
    assert sample.patches.shape == (count, 14 * 14 * 3)
    assert sample.forms.shape == (count, 1 + len(FORMS))
    assert sample.colours.shape == (count, 1 + len(COLOURS))
    assert np.array_equal(sample.patches, again.patches)
    assert np.allclose(sample.forms.sum(axis=1), 1)
    assert np.allclose(sample.forms[:, 0], sample.colours[:, 0])
    assert 0 < sample.forms[:, 1:].sum() < count


@pytest.mark.parametrize(("num_patches", "num_tokens"), [(6, 3), (3, 6), (5, 3), (4, 4)])
def test_visual_tokens_lie_over_the_whole_picture_in_order(num_patches, num_tokens):
    shares = np.eye(num_patches, dtype=np.float32)
    sample = ItemSample(np.zeros((num_patches, 3), np.uint8), (1, num_patches), shares, shares[:, ::-1])
    places, (forms, colours) = sample.places(num_tokens), sample.token_shares(num_tokens)
    assert places[0] == 0
    assert places[-1] < num_tokens
    assert (np.diff(places) >= 0).all()
    assert forms.shape == (num_tokens, num_patches)
    assert np.allclose(forms.sum(axis=1), 1)
    assert np.array_equal(colours, forms[:, ::-1])
    assert all(forms[place, patch] > 0 for patch, place in enumerate(places))
    assert (forms.sum(axis=0) > 0).all()
