"""Samples -> tensors: pictures with their labels, and rows of prompt, visual places and answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from demiglace.batch import IGNORE, PADDING, STILL, Batch, Visual, to_device
from demiglace.bootstrap.colour_labels import ColouredSample
from demiglace.bootstrap.glyph_labels import NO_PLACE, UNKNOWN
from demiglace.bootstrap.item_labels import ItemSample
from demiglace.bootstrap.labelled_patches import PicturePatches
from demiglace.bootstrap.picture_shards import ReadingSample


class TensorLabels:
    """Base of dataclasses that hold only tensors."""

    def to(self, device: torch.device | str) -> Self:
        return type(self)(*(to_device(getattr(self, field.name), device) for field in fields(self)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class PictureLabels(TensorLabels):
    """Labels of a batch of images, packed like its patches.

    cells, cell_halves: int64 (patches, cells); places: int64 (patches,), IGNORE where there is no text;
    frames, frame_halves: int64 (visual tokens, slots of a token). Hidden characters are IGNORE in cells and frames.
    """

    cells: Tensor
    cell_halves: Tensor
    places: Tensor
    frames: Tensor
    frame_halves: Tensor


@dataclass(frozen=True)
class LabelledPictures:
    """A batch of pictures as inputs of the encoder, with their labels and texts.

    letter_places: for each text uint8 (characters,), as in `GlyphLabels`; on the host.
    """

    visual: Visual
    labels: PictureLabels
    texts: Sequence[str]
    letter_places: Sequence[np.ndarray]

    def to(self, device: torch.device | str) -> LabelledPictures:
        return replace(self, visual=self.visual.to(device), labels=self.labels.to(device))

    def only(self, piece: slice) -> LabelledPictures:
        """A slice of the pictures."""
        begin, end, _ = piece.indices(len(self.texts))
        if (begin, end) == (0, len(self.texts)):
            return self
        ends = [0, *self.visual.grids.prod(dim=1).cumsum(0).tolist()]
        patches = slice(ends[begin], ends[end])
        each = self.labels.frames.shape[0] // len(self.texts)  # visual tokens of a picture
        visual, labels, tokens = self.visual, self.labels, slice(begin * each, end * each)
        return LabelledPictures(
            Visual(visual.patches[patches], visual.grids[piece], visual.package_sizes[piece], visual.ticks[piece]),
            PictureLabels(
                labels.cells[patches], labels.cell_halves[patches], labels.places[patches],
                labels.frames[tokens], labels.frame_halves[tokens],
            ),
            self.texts[piece],
            self.letter_places[piece],
        )  # fmt: skip


@dataclass(frozen=True)
class Prompt:
    """The token ids around an image, as laid out by the processor, and the id that ends an answer."""

    tokens: Tensor  # int64 (length,), visual places filled with the placeholder
    visual_places: Tensor  # int64 (queries,)
    end: int


def labelled(samples: Sequence[ReadingSample], rng: np.random.Generator, frames_per_token: int) -> LabelledPictures:
    """`pictures` and `picture_labels` of the samples."""
    return LabelledPictures(
        pictures(samples, rng),
        picture_labels(samples, frames_per_token),
        [sample.text for sample in samples],
        [sample.labels.letter_places for sample in samples],
    )


def pictures(samples: Sequence[ReadingSample], rng: np.random.Generator) -> Visual:
    """Grey patches as three channels; coloured paper or ink with a probability of 0.3."""
    coloured = np.concatenate([_colour(sample.patches, rng) for sample in samples])
    return _stills(coloured, [sample.grid for sample in samples])


def coloured_pictures(samples: Sequence[ColouredSample]) -> tuple[Visual, Tensor]:
    """Images and the shares of their colours, float32 (patches, 1 + colours)."""
    return _in_colour(samples), torch.from_numpy(np.concatenate([sample.shares for sample in samples]))


@dataclass(frozen=True)
class ItemLabels(TensorLabels):
    """Labels of a batch of simple pictures, packed like patches and visual tokens.

    forms, colours: float32 (patches, 1 + names); token_forms, token_colours: (visual tokens, 1 + names); places: int64
    (patches,).
    """

    forms: Tensor
    colours: Tensor
    token_forms: Tensor
    token_colours: Tensor
    places: Tensor


def item_pictures(samples: Sequence[ItemSample], num_tokens: int) -> tuple[Visual, ItemLabels]:
    """Images and their labels; num_tokens: visual tokens of each."""
    token_forms, token_colours = zip(*(sample.token_shares(num_tokens) for sample in samples), strict=True)
    columns = [
        [sample.forms for sample in samples], [sample.colours for sample in samples], token_forms, token_colours,
        [sample.places(num_tokens) for sample in samples],
    ]  # fmt: skip
    return _in_colour(samples), ItemLabels(*(torch.from_numpy(np.concatenate(column)) for column in columns))


def _in_colour(samples: Sequence[PicturePatches]) -> Visual:
    pixels = np.concatenate([sample.patches for sample in samples]).astype(np.float32) / 127.5 - 1
    by_channel = pixels.reshape(len(pixels), -1, 3).transpose(0, 2, 1).reshape(len(pixels), -1)
    return _stills(by_channel, [sample.grid for sample in samples])


def _stills(patches: np.ndarray, grids: Sequence[tuple[int, int]]) -> Visual:
    """Images, each a package of its own."""
    return Visual(
        patches=torch.from_numpy(patches),
        grids=torch.tensor(grids),
        package_sizes=torch.ones(len(grids), dtype=torch.int64),
        ticks=torch.full((len(grids),), STILL),
    )


def _colour(gray: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (patches, pixels) -> float32 (patches, 3 * pixels) in [-1, 1]."""
    level = gray.astype(np.float32) / 127.5 - 1
    dark, light = -np.ones(3, dtype=np.float32), np.ones(3, dtype=np.float32)
    if rng.random() < 0.3:
        dark, light = dark + rng.random(3, dtype=np.float32) * 0.5, light - rng.random(3, dtype=np.float32) * 0.3
    share = (level + 1) / 2
    return np.concatenate([low + share * (high - low) for low, high in zip(dark, light, strict=True)], axis=1)


def picture_labels(samples: Sequence[ReadingSample], frames_per_token: int) -> PictureLabels:
    labels = [sample.labels for sample in samples]
    places = torch.from_numpy(np.concatenate([label.places for label in labels])).long()
    frames = torch.from_numpy(np.stack([label.frames for label in labels])).long()
    halves = torch.from_numpy(np.stack([label.frame_halves for label in labels])).long()
    cells = torch.from_numpy(np.concatenate([label.cells for label in labels])).long()
    return PictureLabels(
        cells=cells.masked_fill(cells == UNKNOWN, IGNORE),
        cell_halves=torch.from_numpy(np.concatenate([label.cell_halves for label in labels])).long(),
        places=places.masked_fill(places == NO_PLACE, IGNORE),
        frames=frames.masked_fill(frames == UNKNOWN, IGNORE).unflatten(1, (-1, frames_per_token)).flatten(0, 1),
        frame_halves=halves.unflatten(1, (-1, frames_per_token)).flatten(0, 1),
    )


def rows(
    prompts: Sequence[Prompt], answers: Sequence[Sequence[int]], visual: Visual | None, multiple: int = 1
) -> Batch:
    """One padded row for each prompt and its answer; the loss is only on the answer and its end.

    All are as long as the longest, rounded up to a `multiple`; larger multiples give fewer different shapes.
    """
    lengths = [len(prompt.tokens) + len(answer) + 1 for prompt, answer in zip(prompts, answers, strict=True)]
    shape = (len(prompts), -(-max(lengths) // multiple) * multiple)
    tokens, segments = torch.zeros(shape, dtype=torch.int64), torch.full(shape, PADDING)
    labels = torch.full(shape, IGNORE)
    places = []
    for row, (prompt, answer, length) in enumerate(zip(prompts, answers, lengths, strict=True)):
        begin = len(prompt.tokens)
        tokens[row, :begin] = prompt.tokens
        tokens[row, begin:length] = labels[row, begin:length] = torch.tensor([*answer, prompt.end])
        segments[row, :length] = 1
        places.append(prompt.visual_places + row * shape[1])
    positions = torch.arange(shape[1]).expand(shape)
    return Batch(tokens, positions, segments, torch.cat(places), visual, labels)


def letter_places(texts: Sequence[str], places_of_letters: Sequence[np.ndarray], labels: Tensor) -> Tensor:
    """int64 (rows, length): the reading place of the character that each label is a byte of; else IGNORE.

    places_of_letters: uint8 (characters,) for each text. labels: those of `rows` with the texts as answers.
    A newline and the end of an answer have no place.
    """
    places = torch.full_like(labels, IGNORE)
    for row, (text, of_letters) in enumerate(zip(texts, places_of_letters, strict=True)):
        each = iter(of_letters.tolist())
        of_bytes = [
            place for letter in text for place in [IGNORE if letter == "\n" else next(each)] * len(letter.encode())
        ]
        written = (labels[row] != IGNORE).nonzero().flatten()[:-1]
        places[row, written] = torch.tensor(of_bytes)
    return places


def questions(prompts: Sequence[Prompt], visual: Visual | None) -> Batch:
    """Only the prompts, one per row, for the model to answer."""
    length = max(len(prompt.tokens) for prompt in prompts)
    tokens, segments = (
        torch.zeros((len(prompts), length), dtype=torch.int64),
        torch.full((len(prompts), length), PADDING),
    )
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt.tokens)] = prompt.tokens
        segments[row, : len(prompt.tokens)] = 1
    places = torch.cat([prompt.visual_places + row * length for row, prompt in enumerate(prompts)])
    return Batch(tokens, torch.arange(length).expand(tokens.shape), segments, places, visual)
