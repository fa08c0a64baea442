"""Lines composed from an atlas are those that PIL renders, within stated bounds."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from demiglace.processing.slicing import SlicingConfig, plan
from demiglace.typography.block_layout import NONE, set_blocks
from demiglace.typography.composition import ink, lay_out
from demiglace.typography.corpus import ALPHABET
from demiglace.typography.glyph_columns import glyph_columns
from demiglace.typography.page_views import draw_views
from demiglace.typography.rendering import render_block
from demiglace.typography.resampling import enlarged
from demiglace.typography.typesetting import TextStyle

STYLE = TextStyle(30.0, crisp=False)
LINES = ["Stock 12.50", "AVATAR, (g)"]
SLICING = SlicingConfig(140, 14, 1)


@pytest.fixture(scope="module")
def glyphs(atlas):
    return glyph_columns(atlas)


def flat(blocks):
    return draw_views(np.random.default_rng(0), blocks.sizes, blocks.bands.sum(axis=1), np.zeros(len(blocks.faces)))


def both(lines, face, style, atlas, glyphs):
    """Levels of ink and boxes of one picture in the encoder's input, by PIL and by tensors."""
    rendered = render_block(lines, atlas.faces[face], style)
    size = plan(*rendered.picture.shape[1::-1], SLICING).overview
    drawn = np.asarray(Image.fromarray(rendered.picture).resize(size, Image.Resampling.BICUBIC), float)
    blocks = set_blocks([lines], np.array([face]), [style], atlas)
    views = flat(blocks)
    scales = np.array([size]) / views.sizes
    share = min(1.0, 1 / np.sqrt(scales.prod()))
    cover = ink(lay_out(blocks, views, size[::-1], scales * share, glyphs), glyphs.table)
    if share < 1:
        cover = enlarged(cover, size[::-1], cover.new_tensor([share]), cover.new_zeros(1).long()).clamp(0, 1)
    boxes = rendered.boxes * np.tile(np.divide(size, rendered.picture.shape[1::-1]), 2)
    return (255 - drawn) / 255, cover[0].numpy(), boxes, views.boxes(blocks.characters[1], scales)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cap_height": 12.0},
        {"cap_height": 70.0},
        {"crisp": True},
        {"stretch": 0.75},
        {"alignment": "justified", "pitch": 1.6},
        {"alignment": "right", "letter_spacing": 0.2, "gap": (0.4, 2.0)},
        {"margins": (-0.1, -0.1, 1.0, 0.3)},
        {"above": "neighbour", "below": "gjpqy", "margins": (0.3, 0.4, 0.3, 0.4)},
        {"underlined": True},
        {"rules": (0.2, None, None, 0.1)},
    ],
)
def test_pictures_and_boxes_are_those_of_pil(atlas, glyphs, changes):
    """The share of ink differs by at most 0.05 on average over the pixels, the sides of boxes by 1.5 pixels."""
    for face in range(len(atlas.faces)):
        drawn, composed, boxes, placed = both(LINES, face, replace(STYLE, **changes), atlas, glyphs)
        assert np.abs(drawn - composed).mean() < 0.05
        assert np.corrcoef(drawn.flatten(), composed.flatten())[0, 1] > 0.92
        assert np.abs(boxes - placed).max() < 1.5


def test_pictures_of_a_batch_are_those_of_single_ones(atlas, glyphs):
    styles = [STYLE, replace(STYLE, cap_height=12.0, above="x"), replace(STYLE, rules=(0.1, 0.1, None, None))]
    blocks = set_blocks([LINES, ["one"], ["two", "three"]], np.array([0, 1, 2]), styles, atlas)
    scales = np.array([[210, 98]]) / blocks.sizes
    together = ink(lay_out(blocks, flat(blocks), (98, 210), scales, glyphs), glyphs.table)
    for i in range(3):
        one = blocks.only(np.array([i]))
        alone = ink(lay_out(one, flat(one), (98, 210), scales[i : i + 1], glyphs), glyphs.table)
        np.testing.assert_allclose(together[i], alone[0], atol=2e-3)


def test_tilted_letters_stay_in_their_boxes(atlas, glyphs):
    """With the page turned, seen aside and bent, the ink of a letter alone lies in its box and nowhere else."""
    text = "  H    H  "
    blocks = set_blocks([[text]] * 32, np.zeros(32, int), [replace(STYLE, margins=(0.5,) * 4)] * 32, atlas)
    views = draw_views(np.random.default_rng(1), blocks.sizes, blocks.bands.sum(axis=1), np.ones(32))
    assert not views.are_flat.all()
    scales = np.array([[280, 70]]) / views.sizes
    cover = ink(lay_out(blocks, views, (70, 280), scales, glyphs), glyphs.table).numpy()
    boxes = views.boxes(blocks.characters[1], scales)[:, [2, 7]]
    for picture, pair in zip(cover, boxes, strict=True):
        seen = np.zeros_like(picture, bool)
        for left, top, right, bottom in pair:
            inside = np.s_[max(0, int(top) - 1) : int(bottom) + 2, max(0, int(left) - 1) : int(right) + 2]
            assert picture[inside].sum() > 0.4 * picture.sum()
            seen[inside] = True
        assert picture[~seen].sum() < 0.01 * picture.sum()


def test_letters_come_back_in_reading_order(atlas):
    blocks = set_blocks([LINES, ["x"]], np.array([0, 1]), [STYLE, replace(STYLE, above="never", below="this")], atlas)
    letters, boxes = blocks.characters
    written = ["".join(ALPHABET[letter] for letter in row if letter != NONE) for row in letters]
    assert written == ["".join(LINES), "x"]
    assert boxes.shape == (2, len("".join(LINES)), 4)
    assert not boxes[1, 1:].any()


def test_characters_outside_the_alphabet_are_named(atlas):
    with pytest.raises(ValueError, match="Ω"):
        set_blocks([["aΩ"]], np.array([0]), [STYLE], atlas)
