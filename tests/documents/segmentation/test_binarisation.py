"""Ink of a page; what is found on whole pages is in `test_line_crops.py`."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from demiglace.documents.segmentation.binarisation import dilated


@pytest.mark.parametrize("reach", range(6))
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (25, 33)])
def test_dilation_is_the_maximum_filter(shape: tuple[int, int], reach: int) -> None:
    mask = np.random.default_rng(reach).random(shape) < 0.05
    mask[0, -1] = True
    largest = Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * reach + 1))
    assert np.array_equal(dilated(mask, reach), np.asarray(largest).astype(bool))


def test_dilation_reaches_beyond_the_mask() -> None:
    mask = np.zeros((3, 7), bool)
    mask[1, 2] = True
    assert dilated(mask, 20).all()
