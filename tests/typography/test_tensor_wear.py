"""Wear on tensors: nothing at strength 0, levels in range, the same from the same numbers, more at more strength."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from demiglace.typography import tensor_wear
from demiglace.typography.tensor_wear import KINDS, draw_kinds, wear
from demiglace.typography.wear_chances import NUM_DRAWS, NoiseBank, Worn, noise_bank

KIND_FUNCTIONS = [kind for kind, _ in KINDS]
BY_STRENGTH = [kind for kind in KIND_FUNCTIONS if kind is not tensor_wear.binarise]  # two levels are so at any strength


@pytest.fixture(scope="module")
def bank() -> NoiseBank:
    return noise_bank()


def pictures(count=6) -> torch.Tensor:
    """Dark bars on light paper."""
    levels = torch.full((count, 42, 98), 230.0)
    levels[:, 12:30, 10:90:8] = 20.0
    levels[:, 12:30, 11:90:8] = 20.0
    return levels


def worn(strength: float, count=6, ratio=1.0) -> Worn:
    rng = np.random.default_rng(3)
    known = np.tile([strength, 30.0, ratio, 20.0, 230.0, 1.0], (count, 1))
    numbers = np.concatenate([known, rng.random((count, NUM_DRAWS))], axis=1).astype(np.float32)
    return Worn(torch.from_numpy(numbers), torch.from_numpy(rng.integers(0, 1000, count)))


@pytest.mark.parametrize("kind", BY_STRENGTH)
def test_no_strength_is_no_wear(kind, bank):
    before = pictures()
    changed = (kind(before.clone(), worn(0.0), bank) - before).abs()
    if kind is tensor_wear.compress:
        assert changed.max() < 6  # quality 95
    elif kind in (tensor_wear.defocus, tensor_wear.shake):
        assert changed.max() < 1e-2
    else:
        assert changed.max() < 1e-3


@pytest.mark.parametrize("kind", KIND_FUNCTIONS)
def test_strength_wears_and_levels_stay_levels(kind, bank):
    before = pictures()
    after = kind(before.clone(), worn(1.0), bank)
    assert (after - before).abs().mean() > 0.3
    assert after.min() > -1e-2
    assert after.max() < 255 + 1e-2


@pytest.mark.parametrize("kind", BY_STRENGTH)
def test_more_strength_wears_more(kind, bank):
    before = pictures()
    weak, strong = ((kind(before.clone(), worn(s), bank) - before).abs().mean() for s in (0.3, 1.0))
    assert strong > 1.2 * weak


@pytest.mark.parametrize("kind", KIND_FUNCTIONS)
def test_a_picture_is_worn_alike_in_any_batch(kind, bank):
    together, numbers = kind(pictures(), worn(0.8), bank), worn(0.8)
    for i in range(len(together)):
        alone = kind(pictures(1), numbers.only(torch.tensor([i])), bank)
        torch.testing.assert_close(alone[0], together[i], atol=1e-2, rtol=0)


def test_only_chosen_pictures_are_worn(bank):
    before = pictures()
    nobody = [torch.zeros(0, dtype=torch.int64) for _ in KINDS]
    assert torch.equal(wear(before.clone(), worn(1.0), nobody, bank), before)
    third = [torch.tensor([2]) for _ in KINDS]
    after = wear(before.clone(), worn(1.0), third, bank)
    assert (after != before).flatten(1).any(dim=1).tolist() == [False, False, True, False, False, False]
    assert torch.equal(after, wear(before.clone(), worn(1.0), third, bank))


def test_chances_follow_the_strength():
    strengths = np.repeat([0.0, 0.2, 1.0], 20_000)
    for (_, chance), pictures_of_kind in zip(KINDS, draw_kinds(np.random.default_rng(0), strengths), strict=True):
        shares = np.histogram(pictures_of_kind, [0, 20_000, 40_000, 60_000])[0] / 20_000
        assert shares == pytest.approx([0, chance * 0.5, chance], abs=0.012)


def test_two_levels_are_black_and_white(bank):
    assert set(tensor_wear.binarise(pictures(), worn(0.0), bank).unique().tolist()) == {0.0, 255.0}


def test_quantised_blocks_keep_a_flat_picture(bank):
    flat = torch.full((1, 30, 45), 128.0)
    torch.testing.assert_close(tensor_wear.compress(flat.clone(), worn(1.0, 1), bank), flat, atol=1e-3, rtol=0)


def test_blocks_are_those_of_jpeg(bank):
    """Nearer to what PIL's own JPEG makes of a picture at that quality than to the picture."""
    numbers = worn(1.0, 1)
    quality = round(float(95 - 70 * numbers.draw(0, 0.3, 1.0)))
    picture = np.random.default_rng(0).uniform(40, 210, (16, 32)).repeat(3, 0).repeat(3, 1).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=quality)
    before, wanted = (torch.from_numpy(np.asarray(image, np.float32)) for image in (picture, Image.open(held)))
    seen = tensor_wear.compress(before[None], numbers, bank)[0]
    assert (seen - wanted).abs().mean() < 0.2 * (before - wanted).abs().mean()
