"""Pictures come to vLLM as they come to our model; vLLM itself need not be there."""

from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from patterns import pattern

from demiglace.batch import Visual
from demiglace.integrations.vllm.pictures import ImageProcessor, picture_of_array
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.prompt_layout import Layout
from demiglace.processing.slicing import SlicingConfig

CONFIG = ProcessorConfig(SlicingConfig(scale_resolution=56, max_slices=4), num_queries=3)


def laid_out(picture: PIL.Image.Image, config: ProcessorConfig = CONFIG) -> tuple[str, Visual]:
    layout = Layout(config.slicing, config.num_queries, config.use_image_id)
    text, visual = layout.image(picture), layout.visual()
    assert visual is not None
    return text, visual


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150))
def test_the_patches_are_ours_side_by_side(width: int, height: int) -> None:
    picture = pattern(width, height)
    _, visual = laid_out(picture)
    found = ImageProcessor(CONFIG).slices([picture])
    (slices,), (grids,) = found["pixel_values"], found["tgt_sizes"]
    assert torch.equal(grids, visual.grids)
    # A slice is a strip as high as one patch.
    patches = [torch.nn.functional.unfold(strip.unsqueeze(0), 14, stride=14).squeeze(0).T for strip in slices]
    assert torch.equal(torch.cat(patches), visual.patches)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150))
def test_the_places_follow_from_the_size_alone(width: int, height: int) -> None:
    text, visual = laid_out(pattern(width, height))
    processor = ImageProcessor(CONFIG)
    assert processor.get_slice_image_placeholder((width, height)) == text
    columns, rows = processor.get_sliced_grid((width, height)) or (0, 0)
    assert 1 + columns * rows == len(visual.package_sizes)
    assert text.count("<unk>") == len(visual.package_sizes) * processor.image_feature_size


def test_images_are_numbered_where_the_checkpoint_says_so() -> None:
    assert ImageProcessor(CONFIG).get_slice_image_placeholder((20, 20), 7).startswith("<image_id>7</image_id><image>")
    plain = ImageProcessor(ProcessorConfig(CONFIG.slicing, CONFIG.num_queries, use_image_id=False))
    assert plain.get_slice_image_placeholder((20, 20), 7).startswith("<image><unk>")


def test_a_caller_can_have_fewer_slices() -> None:
    processor = ImageProcessor(CONFIG)
    assert processor.get_sliced_grid((150, 150)) == (2, 2)
    assert processor.get_sliced_grid((150, 150), max_slice_nums=1) is None
    assert "<slice>" not in processor.get_slice_image_placeholder((150, 150), max_slice_nums=1)


def test_several_pictures_stay_apart() -> None:
    pictures = [pattern(20, 40), pattern(150, 60)]
    found = ImageProcessor(CONFIG).slices(pictures)
    assert [len(slices) for slices in found["pixel_values"]] == [len(grids) for grids in found["tgt_sizes"]] == [1, 4]
    assert [size.tolist() for size in found["image_sizes"]] == [[20, 40], [150, 60]]


def test_a_picture_on_its_side_is_refused() -> None:
    picture = pattern(20, 40)
    picture.getexif()[0x0112] = 6
    with pytest.raises(ValueError, match=r"upright, from \(20, 40\) to \(40, 20\)"):
        ImageProcessor(CONFIG).slices([picture])


@pytest.mark.parametrize("most", [0.0, 0.02])
def test_a_checkpoint_that_leaves_out_static_patches_is_refused(most: float) -> None:
    with pytest.raises(ValueError, match=rf"leaves out static patches \(up to {most:g}\), which vLLM's encoder cannot"):
        ImageProcessor(replace(CONFIG, static_patches=most))


def test_a_checkpoint_that_encodes_all_patches_is_taken() -> None:
    assert ImageProcessor(replace(CONFIG, static_patches=None)).config == CONFIG
    assert ImageProcessor(replace(CONFIG, static_patches=-1.0)).max_slice_nums == 4


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_arrays_are_the_pictures_they_were_made_from(mode: str) -> None:
    picture = pattern(50, 30, 1).convert(mode)
    array = np.asarray(picture)
    last = array if array.ndim == 3 else array[..., None]
    for one in (array, last, np.moveaxis(last, -1, 0)):
        assert picture_of_array(one).tobytes() == picture.tobytes()
        assert picture_of_array(one).size == (50, 30)


@pytest.mark.parametrize(
    "array", [np.zeros((30, 50, 3), np.float32), np.zeros(9, np.uint8), np.zeros((2, 30, 50), np.uint8)]
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"array of uint8 with 1, 3 or 4 channels, got \w+ \("):
        picture_of_array(array)
