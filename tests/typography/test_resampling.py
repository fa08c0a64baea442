"""Enlarging is PIL's, and blur keeps what is even."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from demiglace.typography.resampling import KERNELS, blurred, enlarged, spread

KERNELS_OF_PIL = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.NEAREST)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (height, width)).astype(np.float32)


@pytest.mark.parametrize("kernel", range(len(KERNELS)))
@pytest.mark.parametrize("share", [0.5, 0.25, 1.0])
def test_enlarging_is_that_of_pil(kernel, share):
    height, width = 40, 64
    corner = noise(round(height * share), round(width * share))
    held = np.full((height, width), 999.0, np.float32)
    held[: corner.shape[0], : corner.shape[1]] = corner
    wanted = np.asarray(Image.fromarray(corner).resize((width, height), KERNELS_OF_PIL[kernel]))
    seen = enlarged(torch.from_numpy(held)[None], (height, width), torch.tensor([share]), torch.tensor([kernel]))
    np.testing.assert_allclose(seen[0], wanted, atol=0.02)


def test_each_picture_has_its_own_factor():
    held = torch.from_numpy(np.stack([noise(20, 30)] * 3))
    shares, kernels = torch.tensor([0.5, 0.3, 0.77]), torch.tensor([0, 1, 0])
    together = enlarged(held, (40, 60), shares, kernels)
    for i in range(3):
        alone = enlarged(held[i : i + 1], (40, 60), shares[i : i + 1], kernels[i : i + 1])
        torch.testing.assert_close(together[i], alone[0])


def test_the_curve_of_a_blur_is_that_of_pil():
    picture = noise(40, 50)
    wanted = np.asarray(Image.fromarray(picture.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.5)), float)
    seen = blurred(torch.from_numpy(picture)[None], torch.tensor([1.5]), -torch.ones(1, 2))[0].numpy()
    assert np.abs(seen - wanted)[8:-8, 8:-8].mean() < 2.0
    assert np.corrcoef(seen.flatten(), wanted.flatten())[0, 1] > 0.98


def test_a_box_takes_in_its_reach_along_one_axis():
    picture = torch.zeros(1, 21, 21)
    picture[0, 10, 10] = 5.0
    seen = blurred(picture, torch.tensor([1.0]), torch.tensor([[0.0, 2.0]]))[0]
    assert seen[10, 8:13].tolist() == pytest.approx([1.0] * 5)
    assert seen.sum() == pytest.approx(5.0)


def test_blur_keeps_what_is_even():
    even = torch.full((2, 12, 30), 7.0)
    seen = blurred(even, torch.tensor([0.05, 3.0]), torch.tensor([[-1.0, -1.0], [0.0, 4.8]]))
    torch.testing.assert_close(seen, even)


def test_values_are_spread_evenly():
    values = torch.from_numpy(noise(2, 5))[None]
    seen = spread(values, 42, 105)
    wanted = np.asarray(Image.fromarray(values[0].numpy()).resize((105, 42), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(seen[0], wanted, atol=0.02)
