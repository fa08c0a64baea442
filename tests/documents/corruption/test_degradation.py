import numpy as np
import pytest

from demiglace.documents.corruption import degradation
from demiglace.documents.corruption.degradation import degrade

HEIGHT, WIDTH, BAND = 60, 400, 30.0
WEARS = [wear for wear, _ in (*degradation._ON_PAPER, *degradation._IN_THE_SCANNER)]


@pytest.fixture
def boxes():
    left = np.arange(20, 380, 30, dtype=np.float32)
    return np.stack([left, np.full_like(left, 15), left + 30, np.full_like(left, 45)], axis=1)


@pytest.fixture
def picture(boxes):
    """A dark block in the middle of each box, on white."""
    drawn = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for left, top, right, bottom in boxes.astype(int):
        drawn[top + 5 : bottom - 5, left + 8 : right - 8] = 20
    return drawn


def ink_centres(picture, boxes):
    """(boxes, 2): where the ink in each box is centred, x then y, in pixels."""
    centres = []
    for left, top, right, bottom in boxes.round().astype(int):
        ink = 255.0 - picture[top:bottom, left:right]
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        centres.append([(x * ink).sum() / ink.sum(), (y * ink).sum() / ink.sum()])
    return np.array(centres)


def test_strength_zero_touches_nothing(picture, boxes):
    worn, moved = degrade(np.random.default_rng(0), picture, boxes, 0.0)
    np.testing.assert_array_equal(worn, picture)
    np.testing.assert_array_equal(moved, boxes)


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_strength_outside_its_range_is_an_error(picture, boxes, strength):
    with pytest.raises(ValueError, match=rf"0\.\.1, got {strength}"):
        degrade(np.random.default_rng(0), picture, boxes, strength)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_follow_the_ink_when_tilted(picture, boxes, seed):
    warped, moved = degradation.tilt(np.random.default_rng(seed), picture, boxes, 1.0)
    assert not np.allclose(moved, boxes, atol=0.1)
    np.testing.assert_allclose(ink_centres(warped, moved), (moved[:, :2] + moved[:, 2:]) / 2, atol=1.0)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_follow_the_ink_when_bent(picture, boxes, seed):
    warped, moved = degradation.bend(np.random.default_rng(seed), picture, boxes, BAND, 1.0)
    assert not np.allclose(moved, boxes, atol=0.1)
    np.testing.assert_allclose(ink_centres(warped, moved), (moved[:, :2] + moved[:, 2:]) / 2, atol=1.0)


@pytest.mark.parametrize("wear", WEARS, ids=lambda wear: wear.__name__)
@pytest.mark.parametrize("coloured", [False, True])
def test_every_wear_changes_pixels_and_keeps_the_text_in_sight(picture, boxes, wear, coloured):
    before = np.stack([picture] * 3, axis=2) if coloured else picture
    worn = wear(np.random.default_rng(2), before, BAND, 0.8)
    assert worn.dtype == np.uint8
    assert worn.shape[:2] == (HEIGHT, WIDTH)
    assert (worn.reshape(HEIGHT, WIDTH, -1)[..., 0] != picture).any()
    grey = worn if worn.ndim == 2 else worn.mean(axis=2)
    assert grey[picture < 128].mean() + 60 < grey[picture > 128].mean()


def test_binarised_pictures_have_two_levels(picture):
    assert set(np.unique(degradation.binarise(np.random.default_rng(0), picture, BAND, 1.0))) == {0, 255}


def test_binarising_keeps_light_ink_light(picture):
    inverted = 255 - picture
    worn = degradation.binarise(np.random.default_rng(0), inverted, BAND, 0.2)
    assert worn[inverted > 128].mean() > 200
    assert worn[inverted < 128].mean() < 55


def test_small_letters_keep_their_resolution(picture):
    worn = degradation.coarsen(np.random.default_rng(0), picture, degradation.SMALLEST_BAND, 1.0)
    np.testing.assert_array_equal(worn, picture)


def test_the_same_seed_wears_alike(picture, boxes):
    (first, moved), (again, moved_again) = (degrade(np.random.default_rng(7), picture, boxes, 0.9) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(moved, moved_again)


def test_strong_wear_shows_in_most_pictures(picture, boxes):
    results = [degrade(np.random.default_rng(i), picture, boxes, 1.0)[0] for i in range(30)]
    changed = [result.shape != picture.shape or (result != picture).any() for result in results]
    assert sum(changed) > 25
