"""Shards hold what was rendered, and a stream gives the same batches however often it is opened."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from demiglace.bootstrap.picture_shards import (
    PictureStream,
    Shard,
    ShardSpec,
    character_classes,
    make_sample,
    write_shard,
)
from demiglace.typography.line_samples import ALPHABET

SPEC = ShardSpec(
    seed=5, size=6, max_lines=2, max_characters=30, scale_resolution=112, patch_size=14, num_places=64, num_frames=256
)


pytestmark = pytest.mark.usefixtures("training_faces", "installed_prose")


def open_stream(folder, pool):
    return PictureStream(replace(SPEC, size=4), 2, folder, pool)


def test_a_sample_is_a_function_of_spec_and_number():
    first, again, other = make_sample(SPEC, 3), make_sample(SPEC, 3), make_sample(SPEC, 4)
    assert first.text == again.text
    assert np.array_equal(first.patches, again.patches)
    assert first.text != other.text


def test_windows_of_layouts_join_by_their_share():
    texts = {make_sample(replace(SPEC, layout_share=share), 3).text for share in (0.0, 1.0)}
    assert len(texts) == 2


def test_labels_fit_the_picture():
    for number in range(8):
        sample = make_sample(SPEC, number)
        num_patches = sample.grid[0] * sample.grid[1]
        assert sample.patches.shape == (num_patches, 14**2)
        assert sample.labels.cells.shape[0] == sample.labels.places.shape[0] == num_patches
        shown = {ALPHABET[label - 1] for label in sample.labels.frames.tolist()}
        assert shown <= set(sample.text)


def test_a_shard_gives_back_what_was_made(tmp_path):
    shard = Shard(write_shard(SPEC, 1, tmp_path))
    assert len(shard) == SPEC.size
    for offset in (0, SPEC.size - 1):
        made, held = make_sample(SPEC, SPEC.size + offset), shard[offset]
        assert (made.text, made.grid) == (held.text, held.grid)
        assert np.array_equal(made.patches, held.patches)
        assert np.array_equal(made.labels.places, held.labels.places)
        assert np.array_equal(made.labels.frame_halves, held.labels.frame_halves)


def test_no_part_of_an_unfinished_shard_remains(tmp_path):
    write_shard(SPEC, 0, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_a_reopened_stream_goes_on_with_the_same_batches(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        whole = open_stream(tmp_path / "full", pool)
        texts = [[sample.text for sample in whole.batch(number)] for number in range(6)]
        reopened = open_stream(tmp_path / "decay", pool)
        assert [[sample.text for sample in reopened.batch(number)] for number in range(3, 6)] == texts[3:]
    first, second = (sorted(texts[start] + texts[start + 1]) for start in (0, 2))
    assert first == second  # two passes over one shard


def test_a_size_that_does_not_divide_is_refused(tmp_path):
    with pytest.raises(ValueError, match="6 samples does not divide into batches of 4"):
        PictureStream(SPEC, 4, tmp_path, pool=None)


def test_strange_characters_are_named():
    with pytest.raises(ValueError, match="Ω"):
        character_classes("aΩb")
