"""Short crops stand one under another, each once, at one letter height; wide ones stay alone."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from demiglace.documents.segmentation.crop_stacks import MOST_LINES, stack_crops, stacked
from demiglace.documents.segmentation.line_crops import LineCrop


def crop(letters: float, height: int = 10, ink: str = "black", paper: str = "white") -> LineCrop:
    """A bar of ink as long as so many letters, a quarter of its height of paper around."""
    margin = height // 4
    picture = Image.new("RGB", (round(letters * height) + 2 * margin, height + 2 * margin), paper)
    ImageDraw.Draw(picture).rectangle((margin, margin, picture.width - margin - 1, picture.height - margin - 1), ink)
    return LineCrop((0.0, 0.0, *map(float, picture.size)), letters, float(height), picture)


@pytest.mark.parametrize("most_letters", [1, 12, 32, 100])
def test_every_crop_is_in_one_stack_and_no_stack_is_too_large(most_letters: int) -> None:
    lengths = [3.0, 40.0, 11.0, 16.0, 15.0, 9.5, 1.0, 30.0, 10.0, 0.4]
    stacks = stack_crops([crop(letters) for letters in lengths], most_letters)
    assert sorted(number for stack in stacks for number in stack.numbers) == list(range(len(lengths)))
    for stack in stacks:
        widest = max(lengths[number] for number in stack.numbers)
        assert len(stack.numbers) == 1 or len(stack.numbers) * widest <= most_letters
        assert len(stack.numbers) <= MOST_LINES
        assert stack.letters == pytest.approx(sum(lengths[number] for number in stack.numbers))
    widths = [max(lengths[number] for number in stack.numbers) for stack in stacks]
    assert widths == sorted(widths, reverse=True)


def test_a_crop_alone_is_its_own_picture() -> None:
    only = crop(20)
    (stack,) = stack_crops([only], 32)
    assert stack.picture is only.picture


def test_letters_of_a_stack_are_as_high_as_the_highest() -> None:
    small, large = crop(4, height=12), crop(5, height=24)
    whole, (first, second) = stacked([small.picture, large.picture], [12.0, 24.0])
    assert first == (0, 0, 2 * small.picture.width, 2 * small.picture.height)
    assert second == (0, first[3], large.picture.width, first[3] + large.picture.height)
    assert whole.size == (max(first[2], second[2]), second[3])
    ink = np.asarray(whole.convert("L")) < 128
    for left, top, right, bottom in (first, second):
        assert ink[int(top) : int(bottom), int(left) : int(right)].any(axis=1).sum() == pytest.approx(24, abs=1)


def test_a_shorter_line_goes_on_in_its_own_paper() -> None:
    whole, (first, second) = stacked(
        [crop(4, paper="grey").picture, crop(9, ink="white", paper="navy").picture], [10, 10]
    )
    pixels = np.asarray(whole)
    assert first[2] < second[2]
    assert (pixels[: int(first[3]), int(first[2]) :] == (128, 128, 128)).all()
    assert tuple(pixels[-1, -1]) == (0, 0, 128)


def test_no_crops_are_no_stacks() -> None:
    assert stack_crops([], 32) == []
