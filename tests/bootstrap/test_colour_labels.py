"""Shares of colours under patches: known pictures give known shares, and drawn ones those of their pixels."""

import numpy as np
import pytest

from demiglace.bootstrap.colour_labels import NAMES, colour_shares, make_coloured
from demiglace.processing.slicing import SlicingConfig
from demiglace.synthesis.palette import CLIP_COLOURS, SCENE_COLOURS
from demiglace.synthesis.questions import scenes

SLICING = SlicingConfig(scale_resolution=140, patch_size=14, max_slices=1)

pytestmark = pytest.mark.usefixtures("training_faces", "installed_prose")


@pytest.mark.parametrize("palette", [SCENE_COLOURS, CLIP_COLOURS])
def test_every_named_colour_is_known_in_spite_of_its_tint(palette):
    for name, rgb in palette.items():
        tint = np.array((scenes.LARGEST_TINT, -scenes.LARGEST_TINT, 0))
        tinted = np.clip(np.array(rgb) + tint, 0, 255).astype(np.uint8)
        (shares,) = colour_shares(np.tile(tinted, (1, 4, 1)))
        assert shares[1 + NAMES.index(name)] == 1


def test_shares_are_those_of_the_pixels():
    white, red, blue = (255, 255, 255), SCENE_COLOURS["red"], SCENE_COLOURS["blue"]
    (shares,) = colour_shares(np.array([[white, red, red, blue]], np.uint8))
    assert shares[0] == 0.25
    assert shares[1 + NAMES.index("red")] == 0.5
    assert shares[1 + NAMES.index("blue")] == 0.25


@pytest.mark.parametrize("seed", range(12))
def test_patches_are_the_picture_and_their_shares_add_to_one(seed):
    sample, again = (make_coloured(np.random.default_rng(seed), SLICING) for _ in range(2))
    assert sample.patches.shape == (sample.grid[0] * sample.grid[1], 14 * 14 * 3)
    assert np.array_equal(sample.patches, again.patches)
    assert np.allclose(sample.shares.sum(axis=1), 1)
    assert np.array_equal(sample.shares, colour_shares(sample.patches.reshape(len(sample.patches), -1, 3)))
