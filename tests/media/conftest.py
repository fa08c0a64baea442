"""A picture by which every turn and flip shows."""

import pytest
from PIL import Image


@pytest.fixture
def corners() -> Image.Image:
    """32 x 16: red, green, blue, white quarters, so that every turn and flip shows."""
    picture = Image.new("RGB", (32, 16), "white")
    for colour, place in (("red", (0, 0)), ("lime", (16, 0)), ("blue", (0, 8))):
        picture.paste(colour, (*place, place[0] + 16, place[1] + 8))
    return picture
