"""Slicing against the released arithmetic (examples) and against the same arithmetic in transformers (parity)."""

import random

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from demiglace.processing.slicing import MAX_ASPECT_RATIO, Plan, SlicingConfig, cut, patch_grid, patchify, plan

sides = st.integers(1, 20_000)


@pytest.fixture(scope="module")
def reference():
    """The successor's processor cuts pictures alike; a patch size of 3.5 gives it our rounding to 14 pixels."""
    module = pytest.importorskip("transformers.models.minicpmv4_6.image_processing_pil_minicpmv4_6")
    return module.MiniCPMV4_6ImageProcessorPil()


def reference_plan(processor, width: int, height: int, max_slices: int) -> Plan:
    size, common = (height, width), {"scale_resolution": 448, "patch_size": 3.5, "downsample_mode": "16x"}
    grid = processor.get_sliced_grid(size, max_slices, 448)
    overview = processor.find_best_resize(size, **common, allow_upscale=grid is None)
    if grid is None:
        return Plan(overview[::-1])
    refined = processor.get_refine_size(size, grid, **common, allow_upscale=True)
    return Plan(overview[::-1], (grid[1], grid[0]), refined[::-1])


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1344, 1344), Plan((448, 448), (3, 3), (1344, 1344))),
        ((1920, 1080), Plan((602, 336), (4, 2), (1680, 952))),
        ((1280, 720), Plan((602, 336), (3, 2), (1470, 812))),
        ((640, 480), Plan((518, 392), (2, 1), (728, 546))),
        ((448, 448), Plan((448, 448))),
        ((100, 100), Plan((448, 448))),
        ((100, 2000), Plan((98, 2002))),
        ((1, 1), Plan((448, 448))),
        ((1, 5000), Plan((14, 31682))),
    ],
)
def test_released_examples(size, expected):
    assert plan(*size, SlicingConfig()) == expected


@pytest.mark.parametrize(
    ("size", "pictures"), [((1344, 1344), 10), ((1920, 1080), 9), ((1280, 720), 7), ((640, 480), 3)]
)
def test_released_token_counts(size, pictures):
    assert plan(*size, SlicingConfig()).num_pictures == pictures


def test_arithmetic_is_the_reference_on_25000_sizes(reference):
    draw = random.Random(0)
    sizes = [(draw.randint(1, 4000), draw.randint(1, 4000)) for _ in range(12_500)]
    sizes += [(int(2 ** draw.uniform(0, 13)), int(2 ** draw.uniform(0, 13))) for _ in range(12_500)]
    for width, height in sizes:
        max_slices = draw.choice([1, 2, 4, 9, 9, 9, 16, 36])
        ours = plan(width, height, SlicingConfig(max_slices=max_slices))
        assert ours == reference_plan(reference, width, height, max_slices), (width, height, max_slices)


@pytest.mark.parametrize("size", [(1100, 700), (300, 200), (450, 2300)])
def test_pixels_are_the_reference(reference, size):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    config = SlicingConfig(patch_size=56)  # the reference rounds sides to four patches of 14
    pictures = cut(Image.fromarray(pixels), config)
    theirs = reference(Image.fromarray(pixels), return_tensors="pt")
    ours = torch.cat([patchify(picture, 14) for picture in pictures])
    strip = theirs["pixel_values"][0].unflatten(-1, (-1, 14))  # (channel, row inside, patches, column inside)
    assert [list(patch_grid(picture.size, 14)) for picture in pictures] == theirs["target_sizes"].tolist()
    torch.testing.assert_close(ours, strip.permute(2, 0, 1, 3).flatten(1), atol=1e-4, rtol=0)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(sides, sides, st.integers(1, 16), st.sampled_from([14, 16]), st.booleans())
def test_sides_divide_and_slices_are_bounded(width, height, max_slices, patch_size, upscale):
    assume(max(width, height) <= MAX_ASPECT_RATIO * min(width, height))
    config = SlicingConfig(patch_size=patch_size, max_slices=max_slices, upscale=upscale)
    planned = plan(width, height, config)
    shapes = [planned.overview]
    if planned.grid is not None:
        columns, rows = planned.grid
        assert 1 < columns * rows <= max_slices
        assert planned.refined[0] % columns == planned.refined[1] % rows == 0
        shapes.append((planned.refined[0] // columns, planned.refined[1] // rows))
    for shape in shapes:
        patch_rows, patch_columns = patch_grid(shape, patch_size)
        assert 1 <= patch_rows * patch_columns <= 3200


@settings(max_examples=200, deadline=None, derandomize=True)
@given(sides, sides)
def test_without_upscaling_nothing_grows_by_more_than_the_rounding(width, height):
    assume(max(width, height) <= MAX_ASPECT_RATIO * min(width, height))
    planned = plan(width, height, SlicingConfig(upscale=False))
    columns, rows = planned.grid or (1, 1)
    refined = planned.refined or planned.overview
    assert refined[0] <= width + 14 * columns
    assert refined[1] <= height + 14 * rows


@pytest.mark.parametrize(("size", "kept"), [((200, 100), (196, 98)), ((9, 30), (14, 28)), ((448, 448), (448, 448))])
def test_without_upscaling_small_pictures_keep_their_size(size, kept):
    assert plan(*size, SlicingConfig(upscale=False)) == Plan(kept)


def test_cut_is_overview_then_slices_row_by_row():
    picture = Image.new("RGB", (1280, 720))
    for column in range(3):
        for row in range(2):
            picture.paste((60 * column, 100 * row, 200), (427 * column, 360 * row, 427 * (column + 1), 360 * (row + 1)))
    overview, *slices = cut(picture, SlicingConfig())
    assert overview.size == (602, 336)
    assert [piece.size for piece in slices] == [(490, 406)] * 6
    assert [piece.getpixel((245, 203)) for piece in slices] == [
        (60 * column, 100 * row, 200) for row in range(2) for column in range(3)
    ]


def test_patch_values_run_by_channel_row_column():
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    patches = patchify(Image.fromarray(pixels), 2)
    assert (patches.shape, patches.dtype) == ((6, 12), torch.float32)
    second_row_third_column = pixels[2:4, 4:6].transpose(2, 0, 1).reshape(-1)
    np.testing.assert_allclose(patches[5].numpy(), second_row_third_column / 127.5 - 1, atol=1e-6)


def test_patches_span_minus_one_to_one():
    assert patchify(Image.new("RGB", (14, 14), "black"), 14).unique().tolist() == [-1.0]
    assert patchify(Image.new("RGB", (14, 14), "white"), 14).unique().tolist() == [1.0]


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes_are_cut(size):
    pictures = cut(Image.new("RGB", size, "white"), SlicingConfig())
    assert len(pictures) == 1
    assert patchify(pictures[0], 14).shape[0] == np.prod(patch_grid(pictures[0].size, 14))


def test_too_long_a_picture_is_refused_with_both_numbers():
    plan(10_000, 1, SlicingConfig())
    with pytest.raises(ValueError, match=r"10001 x 1 .* 10000:1"):
        plan(10_001, 1, SlicingConfig())


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)])
def test_empty_pictures_are_refused(size):
    with pytest.raises(ValueError, match="at least 1 x 1"):
        plan(*size, SlicingConfig())


def test_patch_grid_refuses_sides_that_do_not_divide():
    assert patch_grid((28, 14), 14) == (1, 2)
    with pytest.raises(ValueError, match=r"30 x 14 .* 14 x 14"):
        patch_grid((30, 14), 14)


@pytest.mark.parametrize(
    "wrong",
    [{"max_slices": 0}, {"patch_size": 0}, {"scale_resolution": 13}, {"max_slices": 2.5}, {"patch_size": "14"}],
)
def test_config_refuses_nonsense(wrong):
    with pytest.raises(ValueError, match=r"\d"):
        SlicingConfig(**wrong)
