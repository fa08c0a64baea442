"""Batches of lines as tensors: functions of their numbers, with labels that fit what is shown."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from demiglace.bootstrap.learner import SLOTS_PER_TOKEN
from demiglace.bootstrap.line_stream import LineSource, LineStream
from demiglace.bootstrap.objectives import GlyphObjective, ReadingObjective
from demiglace.bootstrap.picture_shards import ShardSpec
from demiglace.jobs.nano_samples import prompt
from demiglace.typography.corpus import ALPHABET

SPEC = ShardSpec(
    seed=5, size=6, max_lines=2, max_characters=30, scale_resolution=112, patch_size=14, num_places=64, num_frames=256
)

pytestmark = pytest.mark.usefixtures("installed_prose")


@pytest.fixture(scope="module")
def atlas_file(atlas, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("atlas") / "atlas.safetensors"
    atlas.save(path)
    return path


@pytest.fixture(scope="module")
def source(atlas_file) -> LineSource:
    return LineSource(SPEC, 32, atlas_file)


def same(one, other) -> bool:
    return (
        one.texts == other.texts
        and torch.equal(one.visual.patches, other.visual.patches)
        and torch.equal(one.labels.cells, other.labels.cells)
        and torch.equal(one.labels.frames, other.labels.frames)
    )


def test_a_batch_is_a_function_of_seed_and_number(source):
    stream, reopened = LineStream(source, SLOTS_PER_TOKEN), LineStream(source, SLOTS_PER_TOKEN)
    batches = [stream.batch(number) for number in range(3)]
    assert same(reopened.batch(2), batches[2])
    assert not same(batches[0], batches[1])
    other = LineStream(replace(source, spec=replace(SPEC, seed=6)), SLOTS_PER_TOKEN)
    assert not same(other.batch(2), batches[2])


def test_what_is_drawn_ahead_is_the_same(source):
    with ThreadPoolExecutor(1) as pool:
        ahead = LineStream(replace(source, batch_size=8), SLOTS_PER_TOKEN, pool=pool)
        alone = LineStream(replace(source, batch_size=8), SLOTS_PER_TOKEN)
        assert same(ahead.batch(9), alone.batch(9))
        pool.shutdown(cancel_futures=True)


def test_shapes_of_batches_come_again(source):
    stream = LineStream(source, SLOTS_PER_TOKEN)
    grids = [stream.batch(number).visual.grids for number in (1, 1 + source.batches)]
    assert torch.equal(*grids)
    assert torch.equal(stream.batch(1).visual.package_sizes, torch.ones(32, dtype=torch.int64))


def test_pictures_are_as_the_encoder_takes_them(source):
    batch = LineStream(source, SLOTS_PER_TOKEN).batch(0)
    counts = batch.visual.grids.prod(dim=1)
    assert batch.visual.patches.shape == (int(counts.sum()), 3 * 14**2)
    assert batch.visual.patches.min() >= -1 - 1e-5
    assert batch.visual.patches.max() <= 1 + 1e-5
    assert counts.max() <= 1.3 * (112 / 14) ** 2
    assert batch.labels.cells.shape == (int(counts.sum()), 8)
    assert batch.labels.frames.shape == (32 * 64, SLOTS_PER_TOKEN)


def test_labels_name_what_stands_in_the_text(source):
    batch = LineStream(source, SLOTS_PER_TOKEN).batch(0)
    frames = batch.labels.frames.view(32, -1)
    for text, shown, places in zip(batch.texts, frames, batch.letter_places, strict=True):
        assert {ALPHABET[label - 1] for label in shown.tolist()} <= set(text)
        assert len(places) == len(text.replace("\n", ""))
        assert (np.diff(places.astype(int)) >= 0).all()


def test_ink_lies_under_the_letters(source):
    """Patches without any character vary less than those that have some, in clean and worn pictures alike."""
    batch = LineStream(source, SLOTS_PER_TOKEN).batch(0)
    written = (batch.labels.cells > 1).any(dim=1)
    variation = batch.visual.patches.std(dim=1)
    assert variation[written].mean() > 2 * variation[~written].mean()


def test_what_is_not_drawn_as_tensors_is_refused(source):
    with pytest.raises(ValueError, match=r"damaged_share must be 0, got 0\.5"):
        LineSource(replace(SPEC, damaged_share=0.5), 32, source.atlas)


def test_objectives_take_the_stream(source, learner, processor):
    spec = replace(SPEC, scale_resolution=28, num_places=8, num_frames=8 * SLOTS_PER_TOKEN)
    stream = LineStream(replace(source, spec=spec, batch_size=4), SLOTS_PER_TOKEN)
    asked = [prompt(processor, "?")]
    reading = ReadingObjective(stream, asked, processor.tokenizer, frame_weight=0.5, patch_weight=0.3)
    for objective in (GlyphObjective(stream), reading):
        [(loss, _)] = objective(learner, 3)
        loss.backward()
        assert torch.isfinite(loss)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_draws_the_same(source):
    """Levels within one of 255 but for pixels at a threshold, and equal labels."""
    host, device = (LineStream(source, SLOTS_PER_TOKEN, torch.device(name)).batch(1) for name in ("cpu", "cuda"))
    differences = (host.visual.patches - device.visual.patches.cpu()).abs()
    assert (differences > 2 / 255).float().mean() < 0.01
    for name in ("cells", "cell_halves", "places", "frames", "frame_halves"):
        assert torch.equal(getattr(host.labels, name), getattr(device.labels, name).cpu())
