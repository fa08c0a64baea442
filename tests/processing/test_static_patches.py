"""Which patches are static, and what is left of a video without them."""

from dataclasses import replace

import PIL.Image
import pytest
import torch
from patterns import one_colour
from still_frames import frames, without
from torch import Tensor

from demiglace.batch import STILL, Visual
from demiglace.conversation import Conversation, Image, Video, VideoSampling
from demiglace.processing.packing import pack
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.static_patches import without_static_patches
from demiglace.processing.tokenizer import Tokenizer

MIXED = frames([(2, 3)], [(3, 4)] * 6, [(2, 2), (2, 2), (4, 1), (4, 1)], [(3, 4)] * 2)


def one_patch(*levels: float) -> Visual:
    """A package of pictures of one patch of 12 equal numbers."""
    patches = torch.tensor(levels).unsqueeze(1).repeat(1, 12) / 127.5 - 1
    count = len(levels)
    return Visual(patches, torch.ones(count, 2, dtype=torch.int64), torch.tensor([count]), torch.arange(count))


def run_lengths(visual: Visual, threshold: float) -> list[int]:
    """Place by place, without tensors of a package."""
    left = [[0] * int(grid.prod()) for grid in visual.grids]
    patches = visual.patches.split([len(places) for places in left])
    grids, first = visual.grids.tolist(), 0
    for size in visual.package_sizes.tolist():
        for place in range(max(map(len, left[first : first + size]))):
            standing = first
            for number in range(first, first + size):
                if place < len(left[number]):
                    is_anew = number == first or grids[number] != grids[number - 1]
                    if is_anew or _difference(patches[number][place], patches[standing][place]) > threshold:
                        standing = number
                    left[standing][place] += 1
        first += size
    return [length for places in left for length in places]


def _difference(first: Tensor, second: Tensor) -> float:
    return float((((first - second) * 127.5) ** 2).mean() ** 0.5)


@pytest.mark.parametrize("threshold", [None, -1, -0.5])
def test_without_a_threshold_nothing_is_touched(threshold: float | None) -> None:
    assert without_static_patches(MIXED, threshold) is MIXED


def test_where_no_patch_is_static_nothing_is_touched() -> None:
    moving = frames([(3, 4)] * 6, [(2, 2)], moving=1)
    assert without_static_patches(moving, 0) is moving


def test_images_are_left_alone() -> None:
    images = frames([(2, 3)], [(2, 3)])
    assert without_static_patches(replace(images, patches=torch.zeros(12, 12)), 255) is not None
    assert without_static_patches(images, 255) is images


@pytest.mark.parametrize("threshold", [0, 60, 90, 255])
def test_run_lengths_are_those_counted_place_by_place(threshold: float) -> None:
    found = without_static_patches(MIXED, threshold)
    assert found.run_lengths is not None
    assert found.run_lengths.tolist() == run_lengths(MIXED, threshold)
    assert torch.equal(found.patches, MIXED.patches[found.run_lengths > 0])
    for name in ("grids", "package_sizes", "ticks"):
        assert torch.equal(getattr(found, name), getattr(MIXED, name))


def test_the_unit_is_a_level_of_255() -> None:
    for threshold, lengths in ((3.9, [1, 1]), (4.1, [2, 0])):
        found = without_static_patches(one_patch(100, 104), threshold)
        assert ([1, 1] if found.run_lengths is None else found.run_lengths.tolist()) == lengths


def test_a_small_part_that_changes_much_is_a_change() -> None:
    visual = one_patch(100, 100)
    visual.patches[1, 5] += 60 / 127.5  # one of 12 numbers: the mean of the differences is 5, their root mean square 17
    assert without_static_patches(visual, 17) is visual
    assert without_static_patches(visual, 18).patches.shape == (1, 12)


def test_a_slow_change_adds_up_until_the_patch_is_kept_anew() -> None:
    found = without_static_patches(one_patch(100, 102, 104, 106, 108, 110), 5)
    assert found.run_lengths is not None
    assert found.run_lengths.tolist() == [3, 0, 0, 3, 0, 0]


def test_packages_begin_anew() -> None:
    visual = one_patch(100, 100, 100, 100)
    found = without(replace(visual, package_sizes=torch.tensor([2, 2])))
    assert found.run_lengths is not None
    assert found.run_lengths.tolist() == [2, 0, 2, 0]


@pytest.fixture(scope="module")
def processor() -> Processor:
    return Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=56)))


def still(*tones: int) -> Conversation:
    """A clip of one package, grey but for its left top corner."""
    pictures = []
    for tone in tones:
        picture = one_colour(56, 56)
        picture.paste((tone, tone, tone), (0, 0, 14, 14))
        pictures.append(picture)
    return Conversation.ask("Why?", Video(pictures, VideoSampling(fps=2, package_frames=6, force_package_frames=True)))


def test_a_processor_leaves_them_out_where_it_is_told_to(processor: Processor) -> None:
    conversation = still(10, 10, 200)
    plain, told = processor.prepare(conversation), processor.with_static_patches(0).prepare(conversation)
    assert plain.visual is not None
    assert plain.visual.run_lengths is None
    assert told.visual is not None
    assert told.visual.run_lengths is not None
    assert told.visual.run_lengths.tolist() == [2, *[3] * 15, *[0] * 16, 1, *[0] * 15]
    assert torch.equal(told.tokens, plain.tokens)
    assert processor.with_static_patches(4).sliced(max_slices=1).with_static_patches(None).config.static_patches == 4
    same = processor.with_static_patches(0).with_static_patches(-1).prepare(conversation)
    assert same.visual is not None
    assert same.visual.run_lengths is None
    assert torch.equal(same.visual.patches, plain.visual.patches)


@pytest.mark.parametrize("threshold", [256.0, float("nan"), float("inf")])
def test_a_threshold_that_is_none_is_refused(processor: Processor, threshold: float) -> None:
    with pytest.raises(ValueError, match=r"static_patches must be a number in \[-255, 255\], got"):
        processor.with_static_patches(threshold)


def test_batches_hold_pictures_with_and_without(processor: Processor) -> None:
    told = processor.with_static_patches(0)
    image = told.prepare(Conversation.ask("Why?", Image(PIL.Image.new("RGB", (56, 56)))))
    samples = [told.prepare(still(10, 10)), image, told.prepare(still(1, 2, 3))]
    assert image.visual is not None
    assert image.visual.ticks[0] == STILL
    for batch in (told.batch(samples), pack([samples], 512, 0)):
        assert batch.visual is not None
        assert batch.visual.run_lengths is not None
        assert batch.visual.run_lengths.tolist() == [length for sample in samples for length in lengths(sample)]


def lengths(sample: Sample) -> list[int]:
    assert sample.visual is not None
    found = sample.visual.run_lengths
    return [1] * len(sample.visual.patches) if found is None else found.tolist()


def test_run_lengths_must_fit_the_grids() -> None:
    found = without(MIXED)
    assert found.run_lengths is not None
    with pytest.raises(ValueError, match="run lengths of sum"):
        replace(found, run_lengths=found.run_lengths + 1)
    with pytest.raises(ValueError, match="patches, but the grids announce"):
        replace(found, patches=found.patches[1:])
