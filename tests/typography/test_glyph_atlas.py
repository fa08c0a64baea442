"""An atlas has the letters that PIL draws, and comes back from its file as it was."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.numpy import save_file

from demiglace.typography.corpus import ALPHABET
from demiglace.typography.fonts import load_font, proportions
from demiglace.typography.glyph_atlas import CAP, GlyphAtlas
from demiglace.typography.glyph_columns import LEVEL_CAPS, ROWS, baseline_row, glyph_columns


def test_letters_are_those_that_pil_draws(atlas):
    """At the nearest size of font: within 0.15 of the ink on average and 2 pixels of the box, since PIL hints there."""
    for face, share in enumerate(atlas.caps):
        font = load_font(atlas.faces[face], round(CAP / share))
        for letter in "Hg@.":
            place = ALPHABET.index(letter)
            left, top, width, height = (int(side) for side in atlas.boxes[face, place])
            canvas = Image.new("L", (120, 120))
            ImageDraw.Draw(canvas).text((40, 60), letter, 255, font, anchor="ls")
            box = canvas.getbbox()
            assert np.abs(np.subtract(box, (40 + left, 60 + top, 40 + left + width, 60 + top + height))).max() <= 2
            drawn = np.asarray(canvas, float)[60 + top : 60 + top + height, 40 + left : 40 + left + width]
            assert np.abs(drawn / 255 - atlas.glyphs(face)[place] / 15).mean() < 0.15


def test_capitals_have_the_height_of_the_atlas(atlas):
    assert np.abs(atlas.boxes[:, ALPHABET.index("H"), 3] - CAP).max() <= 1


def test_metrics_are_those_of_the_faces(atlas):
    for face, drawn in enumerate(atlas.faces):
        shares, font = proportions(drawn), load_font(drawn, 200)
        assert atlas.bands[face] == pytest.approx([shares.rise / shares.cap, shares.fall / shares.cap])
        for letter in "Wi ":
            advance = font.getlength(letter) / (200 * shares.cap)
            assert atlas.advances[face, ALPHABET.index(letter)] == pytest.approx(advance, abs=0.01)


def test_a_file_gives_back_the_atlas(atlas, tmp_path):
    atlas.save(tmp_path / "atlas.safetensors")
    held = GlyphAtlas.load(tmp_path / "atlas.safetensors")
    assert [face.family for face in held.faces] == [face.family for face in atlas.faces]
    for name in ("caps", "bands", "advances", "boxes", "ink"):
        assert np.array_equal(getattr(held, name), getattr(atlas, name)), name
    assert [path.name for path in tmp_path.iterdir()] == ["atlas.safetensors"]


def test_the_same_atlas_is_the_same_file(atlas, tmp_path):
    """As a run compares its inputs: one that was drawn anew is the one that the run began with."""
    for number in range(12):  # were the order of its facts left to chance, all would agree once in 8,000
        atlas.save(tmp_path / str(number))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_file_that_is_no_atlas_is_refused(tmp_path):
    path = tmp_path / "atlas.safetensors"
    with pytest.raises(ValueError, match="not an atlas of glyphs"):
        GlyphAtlas.load(path)
    save_file({"ink": np.zeros(4, np.uint8)}, path)
    with pytest.raises(ValueError, match="not an atlas of glyphs"):
        GlyphAtlas.load(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="not an atlas of glyphs"):
        GlyphAtlas.load(path)


def test_columns_at_full_size_are_the_glyphs(atlas):
    glyphs = glyph_columns(atlas)
    for face in range(len(atlas.faces)):
        for letter in (ALPHABET.index(one) for one in "Qjé"):
            start, width = glyphs.starts[0, face, letter], glyphs.widths[0, face, letter]
            left, top, _, height = (int(side) for side in atlas.boxes[face, letter])
            row = baseline_row(CAP) + top
            columns = glyphs.table[start : start + width]
            wanted = torch.from_numpy(atlas.glyphs(face)[letter]).T
            assert torch.equal(columns[:, row : row + height], wanted * 17)
            assert glyphs.lefts[0, face, letter] == left


def test_smaller_columns_keep_the_ink(atlas):
    glyphs = glyph_columns(atlas)
    letter = ALPHABET.index("B")
    sums = []
    for level, cap in enumerate(LEVEL_CAPS):
        start, width = glyphs.starts[level, 0, letter], glyphs.widths[level, 0, letter]
        sums.append(float(glyphs.table[start : start + width].double().sum()) / cap**2)
    assert sums == pytest.approx([sums[0]] * len(sums), rel=0.02)


def test_columns_end_in_blank_rows(atlas):
    table = glyph_columns(atlas).table
    assert table.shape[1] == ROWS
    assert not table[:, [0, -1]].any()
