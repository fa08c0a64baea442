"""The picture of a page that text layers are laid beside."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from text_layers import HEIGHT, WIDTH, WORDS


@pytest.fixture
def picture(tmp_path) -> Path:
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for left, top, right, bottom in WORDS.values():
        pixels[top:bottom, left:right] = 0
    Image.fromarray(pixels).save(tmp_path / "page.png")
    return tmp_path / "page.png"
