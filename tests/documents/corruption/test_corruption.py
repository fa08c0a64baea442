from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from demiglace.documents.corruption.corruption import MODERATE_FROM, Target, corrupt, draw_targets
from demiglace.documents.page import Region

HEIGHT, WIDTH = 48, 64
SEVERITIES = {"clean": 0.0, "low": 0.2, "moderate": 0.5, "high": 1.0}


def region(*boxes):
    return Region("\n".join("text" for _ in boxes), boxes)


def noise(seed, height=HEIGHT, width=WIDTH):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@st.composite
def any_region(draw):
    """Anywhere, also over the edge of the page, and of one to three lines."""
    left, top = draw(st.floats(-5, WIDTH - 1)), draw(st.floats(-5, HEIGHT - 1))
    right = draw(st.floats(max(left, 0.1), WIDTH + 5))
    height = draw(st.floats(0.5, 20))
    edges = top + height * np.arange(draw(st.integers(1, 3)) + 1)
    edges -= min(0.0, edges[-1] - 0.1)
    return region(*((left, float(a), right, float(b)) for a, b in pairwise(edges)))


severities = st.sampled_from([0.0, 0.01, 0.2, 1 / 3, 0.5, 0.66, 2 / 3, 0.8, 1.0]) | st.floats(0, 1)
any_targets = st.lists(st.builds(Target, any_region(), severities), min_size=1, max_size=5)


def inside(targets):
    """bool (height, width): pixels that the boxes of `targets` touch."""
    touched = np.zeros((HEIGHT, WIDTH), bool)
    for target in targets:
        for left, top, right, bottom in target.region.boxes:
            rows = slice(max(0, int(np.floor(top))), max(0, int(np.ceil(bottom))))
            touched[rows, max(0, int(np.floor(left))) : max(0, int(np.ceil(right)))] = True
    return touched


@settings(max_examples=150, deadline=None)
@given(
    targets=any_targets,
    hidden=any_region(),
    place=st.integers(0, 5),
    severity=st.floats(2 / 3, 1),
    seed=st.integers(0, 99),
)
def test_nothing_of_a_masked_region_is_left(targets, hidden, place, severity, seed):
    """Pages that differ only inside it become the same picture, whatever is done to regions beside or over it."""
    masked = Target(hidden, severity)
    targets.insert(min(place, len(targets)), masked)
    page, other = noise(0), noise(0)
    other[inside([masked])] = noise(1)[inside([masked])]
    np.testing.assert_array_equal(corrupt(page, targets, (seed,)), corrupt(other, targets, (seed,)))


def test_a_masked_paragraph_does_not_show_how_long_its_lines_were():
    lines = Target(region((10, 10, 60, 18), (10, 22, 30, 30)), 1.0)
    beside = (slice(22, 30), slice(30, 60))
    page, other = noise(0), noise(0)
    other[beside] = noise(1)[beside]
    np.testing.assert_array_equal(corrupt(page, [lines], (0,)), corrupt(other, [lines], (0,)))


def test_the_mask_covers_what_print_leaves_just_outside_the_boxes():
    page, inked = np.full((HEIGHT, WIDTH, 3), 255, np.uint8), np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    inked[19:31, 19:41] = 90
    masked = [Target(region((20, 20, 40, 30)), 1.0)]
    np.testing.assert_array_equal(corrupt(page, masked, (0,)), corrupt(inked, masked, (0,)))


def test_masks_are_of_the_paper_around_of_a_grey_or_of_noise():
    page = np.full((HEIGHT, WIDTH, 3), (250, 240, 200), np.uint8)
    page[20:30, 20:40] = (0, 0, 90)
    masks = [corrupt(page, [Target(region((20, 20, 40, 30)), 0.9)], (seed,))[20:30, 20:40] for seed in range(60)]
    papers = sum((mask == (250, 240, 200)).all() for mask in masks)
    flats = sum((mask == mask[0, 0]).all() for mask in masks)
    assert 20 <= papers <= 40 <= flats < 60


@settings(max_examples=100, deadline=None)
@given(targets=any_targets, seed=st.integers(0, 99))
def test_severity_zero_and_the_rest_of_the_page_keep_every_pixel(targets, seed):
    page = noise(0)
    clean = [replace(target, severity=0.0) for target in targets]
    np.testing.assert_array_equal(corrupt(page, clean, (seed,)), page)
    damaged = [replace(target, severity=min(target.severity, 0.6)) for target in targets[1:]]
    kept = inside(clean[:1])
    np.testing.assert_array_equal(corrupt(page, [*clean[:1], *damaged], (seed,))[kept], page[kept])


@settings(max_examples=60, deadline=None)
@given(
    others=st.lists(severities, min_size=3, max_size=3),
    pair=st.tuples(severities, severities),
    changed=st.integers(0, 3),
)
def test_a_level_changes_nothing_outside_its_region(others, pair, changed):
    regions = [region((left, top, left + 24, top + 14)) for left in (4, 36) for top in (4, 26)]
    results = []
    for severity in pair:
        levels = [*others[:changed], severity, *others[changed:]]
        results.append(corrupt(noise(0), [Target(*pair) for pair in zip(regions, levels, strict=True)], (7,)))
    left, top, right, bottom = regions[changed].boxes[0]
    for result in results:
        result[top - 2 : bottom + 2, left - 2 : right + 2] = 0
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("level", ["low", "moderate"])
@pytest.mark.parametrize("seed", range(12))
def test_damage_reads_nothing_outside_its_region(level, seed):
    target = Target(region((10, 10, 50, 34)), SEVERITIES[level])
    page, other = noise(0), noise(1)
    other[8:36, 8:52] = page[8:36, 8:52]
    crops = [corrupt(picture, [target], (seed,))[8:36, 8:52] for picture in (page, other)]
    np.testing.assert_array_equal(*crops)


@pytest.fixture
def printed():
    """A page of three lines of the same words, and their regions."""
    picture = Image.new("RGB", (420, 150), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(24)
    boxes = []
    for top in (10, 55, 100):
        draw.text((10, top), "The quick brown fox jumps over", "black", font)
        boxes.append(tuple(map(float, draw.textbbox((10, top), "The quick brown fox jumps over", font))))
    return np.asarray(picture), [region(box) for box in boxes]


def hidden(picture, corrupted):
    """Share of the letters: 0 where the pictures differ in brightness and contrast alone, 1 where nothing is left.

    The mean change of a pixel tells the levels no longer apart since the kinds of moderate were made lighter: mild wear
    of the whole crop at its worst changes as much as heavy damage at its gentlest.
    """
    return 1 - float(np.corrcoef(picture.ravel(), corrupted.ravel())[0, 1])


def test_damage_grows_with_severity(printed):
    picture, regions = printed
    means = []
    for severity in (0.0, 0.01, 0.16, 0.32, 0.34, 0.5, 0.66):
        targets = [Target(place, severity) for place in regions]
        means.append(np.mean([hidden(picture, corrupt(picture, targets, (seed,))) for seed in range(32)]))
    assert means == sorted(means)
    assert means[0] == pytest.approx(0, abs=1e-9)
    assert means[1] < 0.1 * means[3]
    assert means[4] > 1.5 * means[3], "between low and moderate lies a step"


def test_regions_of_one_look_and_level_are_damaged_in_their_own_ways(printed):
    picture, regions = printed
    corrupted = corrupt(picture, [Target(place, 0.5) for place in regions], (3,))
    first, second, third = (corrupted[top : top + 40] for top in (10, 55, 100))
    assert (first != second).any()
    assert (second != third).any()


def test_corruption_is_a_function_of_page_targets_and_seed(printed):
    picture, regions = printed
    before = picture.copy()
    targets = [Target(place, severity) for place, severity in zip(regions, (0.2, 0.5, 1.0), strict=True)]
    first, again, other = (corrupt(picture, targets, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(picture, before)
    assert (first != other).any()


def test_a_page_masked_all_over_is_white_or_noise():
    masked = [Target(region((0, 0, WIDTH, HEIGHT)), 1.0)]
    colours = {tuple(corrupt(np.zeros((HEIGHT, WIDTH, 3), np.uint8), masked, (seed,))[0, 0]) for seed in range(8)}
    assert (255, 255, 255) in colours


@pytest.mark.parametrize("box", [(70, 5, 90, 15), (5, -20, 15, 0), (5, 5, 4, 15), (float("nan"), 5, 15, 15)])
def test_a_region_outside_the_page_is_an_error(box):
    with pytest.raises(ValueError, match=r"outside the page of 64 x 48"):
        corrupt(noise(0), [Target(region(box), 0.5)], (0,))


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan")])
def test_severity_outside_its_range_is_an_error(severity):
    with pytest.raises(ValueError, match=rf"0\.\.1, got {severity}"):
        Target(region((0, 0, 1, 1)), severity)


def test_levels_meet_at_thirds():
    severities = [0.0, 5e-324, np.nextafter(1 / 3, 0), 1 / 3, np.nextafter(2 / 3, 0), 2 / 3, 1.0]
    levels = [Target(region((0, 0, 1, 1)), severity).level for severity in severities]
    assert levels == ["clean", "low", "low", "moderate", "moderate", "high", "high"]


REGIONS = [region((0, top, 9, top + 1)) for top in range(1000)]


def test_targets_are_a_share_in_order_with_levels_by_weight():
    targets = draw_targets(REGIONS, np.random.default_rng(0), 0.6, {"low": 1, "moderate": 2, "high": 1, "clean": 1})
    assert len(targets) == 600
    tops = [target.region.boxes[0][1] for target in targets]
    assert tops == sorted(set(tops))
    counts = {level: sum(target.level == level for target in targets) for level in SEVERITIES}
    assert 190 < counts["moderate"] < 290
    assert all(80 < counts[level] < 160 for level in ("clean", "low", "high"))


@pytest.mark.parametrize("level", SEVERITIES)
def test_severities_fill_their_level(level):
    targets = draw_targets(REGIONS, np.random.default_rng(1), 1.0, {level: 3})
    assert {target.level for target in targets} == {level}
    spread = np.ptp([target.severity for target in targets])
    assert spread == 0 if level == "clean" else 0.3 < spread <= MODERATE_FROM


def test_few_regions_give_at_least_one_target():
    assert len(draw_targets(REGIONS[:3], np.random.default_rng(0), 0.01, {"low": 1})) == 1
    assert draw_targets([], np.random.default_rng(0), 0.5, {"low": 1}) == []


@pytest.mark.parametrize(
    ("share", "levels", "told"),
    [
        (0.0, {"low": 1}, r"\(0, 1\], got 0"),
        (1.5, {"low": 1}, r"\(0, 1\], got 1.5"),
        (0.5, {"hihg": 1}, "levels: 'hihg' is unknown; there are clean, low, moderate, high"),
        (0.5, {"low": 0}, "must not all have the weight 0"),
        (0.5, {"low": 2, "high": -1}, r"levels.high must be a number in \[0, 1e\+06\], got -1"),
        (0.5, {"low": float("nan")}, "levels.low must be a number in .*, got nan"),
        (0.5, {"low": "x"}, "levels.low must be a number in .*, got 'x'"),
    ],
)
def test_wrong_draws_are_errors(share, levels, told):
    with pytest.raises(ValueError, match=told):
        draw_targets(REGIONS, np.random.default_rng(0), share, levels)
