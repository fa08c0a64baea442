"""Batches of pictures of lines by number, composed as tensors on the training device.

A batch is a pure function of (seed, number): a run that was killed resumes with exactly the batches that would have
come next. The host's part of a batch is drawn ahead by other processes, if there are any.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, fields
from functools import cache
from math import gcd
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from demiglace.batch import STILL, Visual, to_device
from demiglace.bootstrap.collate import LabelledPictures, PictureLabels
from demiglace.bootstrap.label_tensors import label_pictures, letter_places
from demiglace.bootstrap.picture_shards import ShardSpec
from demiglace.data import worker_process
from demiglace.processing import slicing
from demiglace.typography.block_layout import NONE
from demiglace.typography.glyph_atlas import GlyphAtlas
from demiglace.typography.glyph_columns import GlyphColumns, glyph_columns
from demiglace.typography.line_pictures import DrawnLines, draw_lines, draw_pages
from demiglace.typography.style_samples import WordGaps
from demiglace.typography.wear_chances import NoiseBank, noise_bank

NUM_SIZES = 64  # ours: approximate number of picture sizes in a sheaf
RUN = 64  # ours: maximum number of pictures of one size in a batch
REFERENCE_PAGES = 2048  # ours: random pages whose aspect ratios determine the sizes
AHEAD = 8  # ours: sheaves drawn ahead


@dataclass(frozen=True)
class LineSource:
    """Draws the host's part of batches, several batches at once: a *sheaf*.

    Every sheaf has the same picture sizes, at equal quantiles of the pages' aspect ratios, so that a page hardly needs
    margins to fit its picture. The first batch has sizes from narrow to wide, the next one the sizes in between, and so
    on: there are as many sets of tensor shapes as batches in a sheaf.

    spec: ValueError if it has shares of pages or of damaged words, because only lines are drawn; its `size` is not
        used, and the faces are those of the atlas.
    atlas: a file of `GlyphAtlas.save`.
    """

    spec: ShardSpec
    batch_size: int
    atlas: Path

    def __post_init__(self) -> None:
        for name in ("document_share", "layout_share", "stack_share", "damaged_share"):
            if getattr(self.spec, name):
                raise ValueError(f"of lines as tensors {name} must be 0, got {getattr(self.spec, name)}")

    @property
    def run(self) -> int:
        """Number of pictures of one size in a batch."""
        return gcd(self.batch_size, RUN)

    @property
    def batches(self) -> int:
        """Number of batches in a sheaf."""
        return max(1, round(NUM_SIZES * self.run / self.batch_size))

    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of the pictures of each run of a sheaf, from narrow to wide."""
        spec, count = self.spec, self.batches * self.batch_size // self.run
        shapes = _shapes(self.atlas, spec.max_lines, spec.max_characters, spec.gaps)
        config = slicing.SlicingConfig(spec.scale_resolution, spec.patch_size, max_slices=1)
        plans = [
            slicing.plan(round(1000 * shape), 1000, config).overview
            for shape in np.quantile(shapes, (np.arange(count) + 0.5) / count)
        ]
        return [(height, width) for width, height in plans]

    def draw(self, sheaf: int) -> list[list[DrawnLines]]:
        """The runs of each batch."""
        (atlas, glyphs), spec = _atlas(self.atlas), self.spec
        rng = np.random.default_rng((spec.seed, sheaf))
        lines = spec.max_lines, spec.max_characters
        runs = draw_lines(rng, self.sizes(), self.run, *lines, atlas, glyphs, spec.gaps)
        return [runs[batch :: self.batches] for batch in range(self.batches)]


@cache
def _atlas(path: Path) -> tuple[GlyphAtlas, GlyphColumns]:
    atlas = GlyphAtlas.load(path)
    return atlas, glyph_columns(atlas)


@cache
def _shapes(path: Path, max_lines: int, max_characters: int, gaps: WordGaps) -> np.ndarray:
    """float64 (REFERENCE_PAGES,), width / height of random pages."""
    rng = np.random.default_rng(0)
    return draw_pages(rng, REFERENCE_PAGES, max_lines, max_characters, _atlas(path)[0], gaps).shapes


def _drawn(source: LineSource, sheaf: int) -> bytes:
    """A pickled sheaf: torch would otherwise send each of about a thousand tensors between processes as a file."""
    return pickle.dumps(source.draw(sheaf))


@dataclass
class LineStream:
    """Batches of `source` on `device`; drawn ahead by `pool`, or on demand without one."""

    source: LineSource
    frames_per_token: int
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    pool: Executor | None = None

    def __post_init__(self) -> None:
        self.table: Tensor = _atlas(self.source.atlas)[1].table.to(self.device)
        self.bank: NoiseBank = noise_bank(self.device)
        self.coming: dict[int, Future[bytes]] = {}
        self.held: tuple[int, list[list[DrawnLines]]] | None = None

    @property
    def spec(self) -> ShardSpec:
        return self.source.spec

    def batch(self, number: int) -> LabelledPictures:
        sheaf, place = divmod(number, self.source.batches)
        if self.held is None or self.held[0] != sheaf:
            self.held = sheaf, self._fetch(sheaf)
        return self.pictures(self.held[1][place])

    def pictures(self, runs: Sequence[DrawnLines]) -> LabelledPictures:
        """Pictures as inputs of the encoder, with their labels, on the device."""
        spec = self.spec
        grids = [slicing.patch_grid(run.size[::-1], spec.patch_size) for run in runs]
        counts = [len(run.texts) for run in runs]
        ends = np.cumsum([height * width * count for (height, width), count in zip(grids, counts, strict=True)])
        patches = torch.empty(int(ends[-1]), 3 * spec.patch_size**2, device=self.device)
        labels = []
        for run, grid, piece in zip(runs, grids, patches.tensor_split(torch.from_numpy(ends[:-1])), strict=True):
            self._write(run, piece.view(len(run.texts), -1, 3, spec.patch_size**2))
            classes, boxes = (to_device(values, self.device) for values in (run.letters - NONE, run.boxes))
            numbers = spec.patch_size, spec.num_places, spec.num_frames, self.frames_per_token
            labels.append(label_pictures(classes, boxes, grid, *numbers))
        visual = Visual(
            patches=patches,
            grids=torch.tensor(grids).repeat_interleave(torch.tensor(counts), dim=0),
            package_sizes=torch.ones(sum(counts), dtype=torch.int64),
            ticks=torch.full((sum(counts),), STILL, device=self.device),
        )
        places = [place for run in runs for place in _letter_places(run, spec.num_places)]
        return LabelledPictures(visual, _joined(labels), [text for run in runs for text in run.texts], places)

    def _write(self, run: DrawnLines, patches: Tensor) -> None:
        """Draw a run into `patches` (pictures, patches, 3, patch_size**2), tinted, in [-1, 1]."""
        dark, light = (2 * to_device(run.tints, self.device) - 1)[:, :, None, :, None].unbind(1)
        begin = 0
        for drawing in run.drawings:
            cells = _cells(drawing.to(self.device).levels(self.table, self.bank), self.spec.patch_size)
            piece = slice(begin, begin + len(cells))
            torch.mul(cells, (light - dark)[piece] / 255, out=patches[piece]).add_(dark[piece])
            begin = piece.stop

    def _fetch(self, sheaf: int) -> list[list[DrawnLines]]:
        if self.pool is None:
            return self.source.draw(sheaf)
        for wanted in range(sheaf, sheaf + 1 + AHEAD):
            if wanted not in self.coming:
                with worker_process.signals_blocked():
                    self.coming[wanted] = self.pool.submit(_drawn, self.source, wanted)
        for old in [passed for passed in self.coming if passed < sheaf]:
            del self.coming[old]
        drawn: list[list[DrawnLines]] = pickle.loads(self.coming[sheaf].result())
        return drawn


def _cells(levels: Tensor, patch_size: int) -> Tensor:
    """(pictures, height, width) -> (pictures, patches, 1, patch_size**2)."""
    cells = levels.unflatten(2, (-1, patch_size)).unflatten(1, (-1, patch_size)).transpose(2, 3)
    return cells.reshape(len(levels), -1, 1, patch_size**2)


def _joined(labels: Sequence[PictureLabels]) -> PictureLabels:
    names = [one.name for one in fields(PictureLabels)]
    return PictureLabels(**{name: torch.cat([getattr(one, name) for one in labels]) for name in names})


def _letter_places(drawn: DrawnLines, num_places: int) -> list[np.ndarray]:
    """For each text uint8 (characters,)."""
    places = letter_places(drawn.letters - NONE, drawn.boxes, num_places).numpy()
    counts = (drawn.letters != NONE).sum(dim=1).tolist()
    return [row[:count] for row, count in zip(places, counts, strict=True)]
