"""Rendered images, made ahead by other processes and read back in a fixed order.

A shard is a pure function of (spec, index): the same numbers give the same file, so a run that was
killed resumes with exactly the samples that would have come next. Rendering runs in separate processes
because the interpreter lock would otherwise halve the training speed.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

from demiglace.bootstrap import glyph_labels
from demiglace.data import worker_process
from demiglace.data.text_crops.text_crops import WINDOWS_OF_A_PAGE, ReadingPictures
from demiglace.processing import slicing
from demiglace.safe_files import atomic_path
from demiglace.typography.corpus import ALPHABET
from demiglace.typography.style_samples import USUAL_GAPS


@dataclass(frozen=True, kw_only=True)
class ShardSpec(ReadingPictures):
    """The pictures and the contents of a shard; `seed` makes training, validation and stages different."""

    seed: int
    size: int  # samples
    scale_resolution: int  # pixels: side of the square with the area of a slice
    patch_size: int
    num_places: int  # visual tokens of a picture
    num_frames: int  # steps along the text for the frame labels

    @property
    def name(self) -> str:
        levels = "".join(f"{level[0]}{round(100 * chance)}" for level, chance in self.levels)
        pages = f"{round(100 * self.document_share)}p{round(100 * self.layout_share)}"
        stacks = f"s{round(100 * self.stack_share)}" if self.stack_share else ""
        fonts = "" if self.fonts is None else "f"
        gaps = "" if self.gaps == USUAL_GAPS else f"g{round(100 * self.gaps.share)}w{self.gaps.widest:g}"
        shares = f"{pages}{stacks}d{round(100 * self.damaged_share)}{levels}{fonts}{gaps}"
        return f"{self.seed}-{self.max_lines}x{self.max_characters}-{self.scale_resolution}-{shares}-{self.size}"


@dataclass(frozen=True)
class ReadingSample:
    """One rendered picture, resized as by the processor, with its text and labels.

    patches: uint8 (patches, patch_size**2), gray levels; grid: (height, width) in patches.
    """

    patches: np.ndarray
    grid: tuple[int, int]
    text: str
    labels: glyph_labels.GlyphLabels


def make_sample(spec: ShardSpec, index: int) -> ReadingSample:
    """Sample `index` of the endless sequence defined by `spec`."""
    rng = np.random.default_rng((spec.seed, index))
    rendered, hidden = spec.draw(rng, page=(spec.seed, index // WINDOWS_OF_A_PAGE))
    classes = character_classes(rendered.text.replace("\n", ""))
    classes[hidden] = glyph_labels.UNKNOWN
    picture = Image.fromarray(rendered.picture).convert("L")
    config = slicing.SlicingConfig(scale_resolution=spec.scale_resolution, patch_size=spec.patch_size, max_slices=1)
    width, height = slicing.plan(*picture.size, config).overview
    scale = np.array([width / picture.width, height / picture.height] * 2)
    grid = slicing.patch_grid((width, height), spec.patch_size)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))
    patches = slicing.cut_patches(pixels, spec.patch_size)
    labels = glyph_labels.label(
        classes, rendered.boxes * scale, grid, spec.patch_size, spec.num_places, spec.num_frames
    )
    return ReadingSample(patches.reshape(-1, spec.patch_size**2), grid, rendered.text, labels)


def character_classes(text: str) -> np.ndarray:
    """uint8 (characters,), 1 + index in the alphabet; a character outside it is a ValueError."""
    try:
        return np.array([1 + ALPHABET.index(character) for character in text], dtype=np.uint8)
    except ValueError:
        strange = sorted(set(text) - set(ALPHABET))
        raise ValueError(f"characters outside the alphabet: {strange}") from None


def write_shard(spec: ShardSpec, number: int, folder: Path) -> Path:
    """Render shard `number` into `folder`, atomically; an existing one is not changed."""
    path = folder / f"{spec.name}-{number:05d}.safetensors"
    if path.exists():
        return path
    samples = [make_sample(spec, number * spec.size + offset) for offset in range(spec.size)]
    written = [sample.text.encode() for sample in samples]
    columns = {
        "patches": np.concatenate([sample.patches for sample in samples]),
        "grids": np.array([sample.grid for sample in samples], dtype=np.int64),
        "text": np.frombuffer(b"".join(written), dtype=np.uint8),
        "text_lengths": np.array([len(piece) for piece in written], dtype=np.int64),
        "cells": np.concatenate([sample.labels.cells for sample in samples]),
        "cell_halves": np.concatenate([sample.labels.cell_halves for sample in samples]),
        "places": np.concatenate([sample.labels.places for sample in samples]),
        "frames": np.stack([sample.labels.frames for sample in samples]),
        "frame_halves": np.stack([sample.labels.frame_halves for sample in samples]),
        "letter_places": np.concatenate([sample.labels.letter_places for sample in samples]),
        "letter_counts": np.array([len(sample.labels.letter_places) for sample in samples], dtype=np.int64),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as aside:
        save_file(columns, aside)
    return path


class Shard:
    """A shard in memory, by sample."""

    def __init__(self, path: Path) -> None:
        self.columns = load_file(path)
        self.patch_ends = np.cumsum(self.columns["grids"].prod(axis=1))
        self.text_ends = np.cumsum(self.columns["text_lengths"])
        self.letter_ends = np.cumsum(self.columns["letter_counts"])

    def __len__(self) -> int:
        return len(self.patch_ends)

    def __getitem__(self, index: int) -> ReadingSample:
        end = self.patch_ends[index]
        height, width = (int(side) for side in self.columns["grids"][index])
        rows = slice(end - height * width, end)
        text_end = self.text_ends[index]
        text = self.columns["text"][text_end - self.columns["text_lengths"][index] : text_end]
        letter_end = self.letter_ends[index]
        letters = slice(letter_end - self.columns["letter_counts"][index], letter_end)
        labels = glyph_labels.GlyphLabels(
            *(self.columns[name][rows] for name in ("cells", "cell_halves", "places")),
            *(
                self.columns[name][at]
                for name, at in (("frames", index), ("frame_halves", index), ("letter_places", letters))
            ),
        )
        return ReadingSample(self.columns["patches"][rows], (height, width), text.tobytes().decode(), labels)


def renderers(count: int = 1) -> ProcessPoolExecutor:
    """Processes that render; beside training on two cores one, because a second would slow it more than it saves."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=worker_process.follow_parent)


PASSES = 2  # ours
KEPT_SHARDS = 2  # on disk: the shard being read and the one before it
AHEAD = 2  # shards rendered ahead, with one rendering process


class PictureStream:
    """Batches of samples by number, rendered some shards ahead; each shard is used `PASSES` times.

    Batch `n` is the same however often the run was stopped: `n` gives the shard, and the shard's
    own order gives the samples. Samples of similar size share a batch, which keeps padding small.
    """

    def __init__(self, spec: ShardSpec, batch_size: int, folder: Path, pool: Executor, ahead: int = AHEAD) -> None:
        if spec.size % batch_size:
            raise ValueError(f"a shard of {spec.size} samples does not divide into batches of {batch_size}")
        self.spec, self.batch_size, self.folder, self.pool, self.ahead = spec, batch_size, folder, pool, ahead
        self.batches_per_shard = PASSES * (spec.size // batch_size)
        self.coming: dict[int, Future[Path]] = {}
        self.held: tuple[int, Shard, np.ndarray] | None = None

    def batch(self, number: int) -> list[ReadingSample]:
        shard_number, place = divmod(number, self.batches_per_shard)
        if self.held is None or self.held[0] != shard_number:
            self.held = self._fetch(shard_number)
        _, shard, order = self.held
        return [shard[int(index)] for index in order[place]]

    def _fetch(self, number: int) -> tuple[int, Shard, np.ndarray]:
        for wanted in range(number, number + 1 + self.ahead):
            if wanted not in self.coming:
                with worker_process.signals_blocked():
                    self.coming[wanted] = self.pool.submit(write_shard, self.spec, wanted, self.folder)
        shard = Shard(self.coming[number].result())
        for old in [n for n in self.coming if n <= number - KEPT_SHARDS]:
            self.coming.pop(old).result().unlink(missing_ok=True)
        return number, shard, self._order(number, shard)

    def _order(self, number: int, shard: Shard) -> np.ndarray:
        """int (batches, batch_size): similar sizes together, batches in random order, a different one in each pass."""
        rng = np.random.default_rng((self.spec.seed, number, 1))
        sizes = shard.columns["grids"].prod(axis=1)
        dealt = []
        for _ in range(PASSES):
            batches = np.argsort(sizes + rng.random(len(shard))).reshape(-1, self.batch_size)  # ties in random order
            dealt.append(batches[rng.permutation(len(batches))])
        return np.concatenate(dealt)
