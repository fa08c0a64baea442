"""Objectives of the nano recipe's stages: step number -> batch -> loss and figures.

An objective holds its data, is called with (learner, step) and yields the loss of each micro-batch of the step. Its
random numbers are seeded by the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from demiglace.batch import IGNORE, Batch
from demiglace.bootstrap import collate
from demiglace.bootstrap.collate import PictureLabels, Prompt
from demiglace.bootstrap.colour_labels import make_coloured
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN, Learner
from demiglace.bootstrap.picture_shards import PictureStream, ReadingSample, character_classes
from demiglace.model.qwen3 import Qwen3
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer
from demiglace.training.metrics import Figures
from demiglace.training.objective import Objective
from demiglace.typography import line_samples
from demiglace.typography.corpus import ALPHABET


def patch_loss(learner: Learner, features: Tensor, labels: PictureLabels) -> tuple[Tensor, Figures]:
    """Encoder warm-up: the character in each cell, its half, and the patch's place in reading order."""
    glyphs, halves, places = learner.patch_head(features)
    inked = labels.cells > 0
    glyph_loss = F.cross_entropy(glyphs.flatten(0, 1), labels.cells.flatten())
    half_loss = F.binary_cross_entropy_with_logits(halves[inked], labels.cell_halves[inked].float())
    place_loss = F.cross_entropy(places, labels.places, ignore_index=IGNORE)
    right = (glyphs.argmax(-1) == labels.cells)[inked].float().mean()
    figures = {"glyphs": float(right), "place_loss": float(place_loss.detach())}
    return glyph_loss + 0.2 * half_loss + 0.1 * place_loss, figures


def answer_loss(learner: Learner, batch: Batch, hidden: Tensor) -> tuple[Tensor, Figures]:
    """Next-token loss, mean over the places with labels; logits are computed for those places alone.

    hidden: the decoder's (rows, length, hidden_size).
    """
    assert batch.labels is not None
    learned = batch.labels[:, 1:] != IGNORE
    logits = learner.model.logits(hidden[:, :-1][learned])
    wanted = batch.labels[:, 1:][learned]
    return F.cross_entropy(logits, wanted), {"tokens": float((logits.argmax(-1) == wanted).float().mean())}


def letter_place_loss(
    learner: Learner, batch: Batch, samples: Sequence[ReadingSample], hidden: Tensor
) -> tuple[Tensor, float]:
    """Where, along the lines, the next character stands: loss, and the share that is off by at most one place.

    hidden: of a layer of the decoder, (rows, length, hidden_size).
    """
    assert batch.labels is not None
    wanted = collate.letter_places(samples, batch.labels)[:, 1:]
    written = wanted != IGNORE
    loss, near = learner.letter_place_head.loss(hidden[:, :-1][written], wanted[written])
    return loss, float(near)


@contextmanager
def middle_states(decoder: Qwen3) -> Iterator[list[Tensor]]:
    """What the decoder's forwards inside give after half of its layers, (rows, length, hidden_size) each."""
    states: list[Tensor] = []
    layers = decoder.model.layers
    handle = layers[len(layers) // 2 - 1].register_forward_hook(lambda layer, inputs, output: states.append(output))
    try:
        yield states
    finally:
        handle.remove()


@dataclass
class GlyphObjective:
    """Encoder warm-up on rendered images."""

    stream: PictureStream

    def __call__(self, learner: Learner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        samples = self.stream.batch(step)
        visual = collate.pictures(samples, np.random.default_rng((self.stream.spec.seed, step, 2)))
        labels = collate.picture_labels(samples, SLOTS_PER_TOKEN)
        yield patch_loss(learner, learner.model.vpm(visual.patches, visual.grids), labels)


@dataclass
class TranscriptionObjective:
    """Decoder warm-up: transcribe text from ideal visual tokens with errors in them.

    The paper's language model is pre-trained: it can copy symbols in reading order and infer those that errors hide.
    """

    prompts: Sequence[Prompt]
    tokenizer: Tokenizer
    batch_size: int
    max_characters: int
    seed: int

    def __call__(self, learner: Learner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        rng = np.random.default_rng((self.seed, step))
        written = [_text(rng, self.max_characters) for _ in range(self.batch_size)]
        prompts = [self.prompts[int(rng.integers(len(self.prompts)))] for _ in written]
        num_frames = len(prompts[0].visual_places) * learner.book.frames_per_token
        frames = [_simulated_frames(text, num_frames, rng) for text in written]
        classes, halves = (torch.from_numpy(np.stack(column)).long() for column in zip(*frames, strict=True))
        classes, halves = (t.unflatten(1, (-1, learner.book.frames_per_token)) for t in (classes, halves))
        batch = collate.rows(prompts, [self.tokenizer.encode(text) for text in written], None)
        noisy = _spoil(classes, rng)
        tokens = learner.book.write(noisy, halves)
        tokens = tokens + torch.from_numpy(rng.standard_normal(tokens.shape, dtype=np.float32)) * 0.1
        embeddings = learner.model.place(batch, tokens.flatten(0, 1))
        loss, figures = answer_loss(learner, batch, learner.model.llm(embeddings, batch.positions, batch.segments))
        book_loss, right = learner.book.loss(tokens.flatten(0, 1), noisy.flatten(0, 1), halves.flatten(0, 1))
        yield loss + 0.3 * book_loss, {**figures, "frames": float(right)}


@dataclass
class ReadingObjective:
    """The three stages: an image and a request in, its text out. The caller weighs the auxiliary losses."""

    stream: PictureStream
    prompts: Sequence[Prompt]
    tokenizer: Tokenizer
    frame_weight: float
    patch_weight: float
    letter_place_weight: float = 0.0

    def __call__(self, learner: Learner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        rng = np.random.default_rng((self.stream.spec.seed, step, 3))
        samples = self.stream.batch(step)
        visual = collate.pictures(samples, rng)
        labels = collate.picture_labels(samples, SLOTS_PER_TOKEN)
        prompts = [self.prompts[int(rng.integers(len(self.prompts)))] for _ in samples]
        batch = collate.rows(prompts, [self.tokenizer.encode(sample.text) for sample in samples], visual)
        features = learner.model.vpm(visual.patches, visual.grids)
        tokens = learner.model.resampler(features, visual.grids, visual.package_sizes, visual.ticks).flatten(0, 1)
        with middle_states(learner.model.llm) as middle:
            embeddings = learner.model.place(batch, tokens)
            hidden = learner.model.llm(embeddings, batch.positions, batch.segments)
        loss, figures = answer_loss(learner, batch, hidden)
        if self.letter_place_weight:
            place_loss, near = letter_place_loss(learner, batch, samples, middle[0])
            loss, figures = loss + self.letter_place_weight * place_loss, {**figures, "letter_places": near}
        frame_loss, right = learner.book.loss(tokens, labels.frames, labels.frame_halves)
        loss = loss + self.frame_weight * frame_loss
        if self.patch_weight:
            seen, patch_figures = patch_loss(learner, features, labels)
            loss, figures = loss + self.patch_weight * seen, {**figures, **patch_figures}
        yield loss, {**figures, "frames": float(right)}


@dataclass
class ColourObjective:
    """Coloured shapes: predict the share of each colour in each patch. Gradients reach the encoder alone."""

    slicing: SlicingConfig
    batch_size: int
    seed: int

    def __call__(self, learner: Learner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        rng = np.random.default_rng((self.seed, step))
        visual, shares = collate.coloured_pictures([make_coloured(rng, self.slicing) for _ in range(self.batch_size)])
        loss, right = learner.colour_head.loss(learner.model.vpm(visual.patches, visual.grids), shares)
        yield loss, {"colours": float(right)}


@dataclass
class SumOfObjectives:
    """The micro-batches of several objectives as one step; their losses are summed."""

    objectives: Sequence[Objective]

    def __call__(self, learner: Learner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        for objective in self.objectives:
            yield from objective(learner, step)


def _text(rng: np.random.Generator, max_characters: int) -> str:
    return line_samples.sample_text(rng, int(rng.integers(1, max_characters + 1))).strip() or "a"


def _simulated_frames(text: str, num_frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Slots of a line that is not rendered: characters get plausible widths."""
    widths = np.array([_width(character) for character in text]) if rng.random() < 0.8 else np.ones(len(text))
    ends = np.cumsum(widths * rng.uniform(0.9, 1.1, len(text)))
    steps = (np.arange(num_frames) + 0.5) / num_frames * ends[-1]
    which = np.minimum(np.searchsorted(ends, steps, side="right"), len(ends) - 1)
    starts = np.concatenate([[0.0], ends[:-1]])
    return character_classes(text)[which], (steps - starts[which]) / (ends - starts)[which] >= 0.5


def _width(character: str) -> float:
    if character in "iljtfr.,:;'|!I ()[]-1":
        return 0.55
    return 1.5 if character in "mwMW@%" else 1.0


def _spoil(classes: Tensor, rng: np.random.Generator) -> Tensor:
    """Replace a share of the slots, drawn for each sample up to a quarter, by random characters."""
    share = rng.random((classes.shape[0], 1, 1)) * 0.25 * (rng.random((classes.shape[0], 1, 1)) < 0.7)
    hit = torch.from_numpy(rng.random(classes.shape) < share)
    others = torch.from_numpy(rng.integers(1, 1 + len(ALPHABET), classes.shape))
    return torch.where(hit, others, classes)
