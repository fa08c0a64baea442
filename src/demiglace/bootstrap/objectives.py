"""Objectives of the nano recipe's stages: step number -> batch -> loss and metrics.

An objective holds its data, is called with (learner, step) and yields the loss of each micro-batch of the step. Its
random numbers are seeded by the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from demiglace.bootstrap import collate
from demiglace.bootstrap.collate import LabelledPictures, Prompt
from demiglace.bootstrap.colour_labels import ColouredSample, make_coloured
from demiglace.bootstrap.computation import ON_HOST, Computation, InPieces
from demiglace.bootstrap.item_labels import ItemSample, make_items
from demiglace.bootstrap.labelled_patches import PicturePatches
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN, Learner
from demiglace.bootstrap.losses import MiddleState, answer_loss, letter_place_loss, patch_loss
from demiglace.bootstrap.picture_shards import ReadingSample, character_classes
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer
from demiglace.training.flops import Learning, model_flops, picture_flops
from demiglace.training.objective import Halvable, Objective, Parts, UnreadFigures
from demiglace.typography import line_samples
from demiglace.typography.corpus import ALPHABET

EVERYTHING = Learning(vision=True, resampler=True, llm=True)


class Seeded(Protocol):
    """The part of a stream's spec that is used here."""

    @property
    def seed(self) -> int: ...


class Pictures(Protocol):
    """Batches of pictures by number: samples, which are made into tensors here, or tensors already on the device."""

    @property
    def spec(self) -> Seeded: ...
    def batch(self, number: int) -> list[ReadingSample] | LabelledPictures: ...


def labelled(stream: Pictures, number: int, rng: np.random.Generator) -> LabelledPictures:
    """A batch of the stream as tensors; `rng` colours samples."""
    drawn = stream.batch(number)
    return drawn if isinstance(drawn, LabelledPictures) else collate.labelled(drawn, rng, SLOTS_PER_TOKEN)


@dataclass
class GlyphObjective(InPieces):
    """Encoder pre-training on rendered images."""

    stream: Pictures
    how: Computation = ON_HOST

    def __call__(self, learner: Learner, step: int) -> Parts:
        pictures = labelled(self.stream, step, np.random.default_rng((self.stream.spec.seed, step, 2)))
        yield from self.losses(len(pictures.texts), lambda piece: self._loss(learner, pictures.only(piece)))

    def _loss(self, learner: Learner, pictures: LabelledPictures) -> tuple[Tensor, UnreadFigures]:
        counts = {"num_flops": 3 * picture_flops(learner.model.config, pictures.visual)} if self.how.counts else {}
        visual, labels = pictures.visual.to(self.how.device), pictures.labels.to(self.how.device)
        features = learner.model.vpm(visual.patches, visual.grids)
        loss, figures = patch_loss(learner, features, labels, self.how.fixed_shapes)
        return loss, {**figures, **counts}


@dataclass(frozen=True)
class WrittenText:
    """Texts as ideal visual tokens with errors. classes, halves: int64 (texts, tokens, slots)."""

    prompts: Sequence[Prompt]
    texts: Sequence[str]
    classes: Tensor
    halves: Tensor


@dataclass
class TranscriptionObjective(InPieces):
    """Decoder pre-training: transcribe text from ideal visual tokens with errors in them.

    The paper's language model is pre-trained: it can copy symbols in reading order and infer those hidden by errors.
    """

    prompts: Sequence[Prompt]
    tokenizer: Tokenizer
    batch_size: int
    max_characters: int
    seed: int
    how: Computation = ON_HOST

    def __call__(self, learner: Learner, step: int) -> Parts:
        rng = np.random.default_rng((self.seed, step))
        text = self._draw(rng, learner.book.frames_per_token)
        shape = (*text.classes.shape[:2], learner.model.config.llm.hidden_size)
        noise = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        yield from self.losses(len(text.texts), lambda piece: self._loss(learner, text, noise, piece))

    def _draw(self, rng: np.random.Generator, frames_per_token: int) -> WrittenText:
        written = [_text(rng, self.max_characters) for _ in range(self.batch_size)]
        prompts = [self.prompts[int(rng.integers(len(self.prompts)))] for _ in written]
        num_frames = len(prompts[0].visual_places) * frames_per_token
        frames = [_simulated_frames(text, num_frames, rng) for text in written]
        classes, halves = (torch.from_numpy(np.stack(column)).long() for column in zip(*frames, strict=True))
        classes, halves = (t.unflatten(1, (-1, frames_per_token)) for t in (classes, halves))
        return WrittenText(prompts, written, _spoil(classes, rng), halves)

    def _loss(self, learner: Learner, text: WrittenText, noise: Tensor, piece: slice) -> tuple[Tensor, UnreadFigures]:
        answers = [self.tokenizer.encode(one) for one in text.texts[piece]]
        batch = collate.rows(text.prompts[piece], answers, None, self.how.row_multiple)
        counts = {"num_flops": model_flops(learner.model.config, batch, EVERYTHING)} if self.how.counts else {}
        batch = batch.to(self.how.device)
        classes, halves, spread = (self.how.to_device(held[piece]) for held in (text.classes, text.halves, noise))
        tokens = learner.book.write(classes, halves) + spread * 0.1
        embeddings = learner.model.merge_visual_tokens(batch, tokens.flatten(0, 1))
        fixed = self.how.fixed_shapes
        hidden = learner.model.llm(embeddings, batch.positions, batch.segments, is_causal=fixed)
        loss, figures = answer_loss(learner, batch, hidden, fixed)
        book_loss, right = learner.book.loss(tokens.flatten(0, 1), classes.flatten(0, 1), halves.flatten(0, 1))
        return loss + 0.3 * book_loss, {**figures, "frames": right, **counts}


@dataclass
class ReadingObjective(InPieces):
    """The paper's three stages: an image and a request in, its text out. The caller weights the auxiliary losses.

    learning: the trainable parts, for counting operations.
    """

    stream: Pictures
    prompts: Sequence[Prompt]
    tokenizer: Tokenizer
    frame_weight: float
    patch_weight: float
    letter_place_weight: float = 0.0
    how: Computation = ON_HOST
    learning: Learning = EVERYTHING

    def __call__(self, learner: Learner, step: int) -> Parts:
        rng = np.random.default_rng((self.stream.spec.seed, step, 3))
        pictures = labelled(self.stream, step, rng)
        prompts = [self.prompts[int(rng.integers(len(self.prompts)))] for _ in pictures.texts]

        def loss(piece: slice) -> tuple[Tensor, UnreadFigures]:
            return self._loss(learner, pictures.only(piece), prompts[piece])

        yield from self.losses(len(prompts), loss)

    def _loss(
        self, learner: Learner, pictures: LabelledPictures, prompts: Sequence[Prompt]
    ) -> tuple[Tensor, UnreadFigures]:
        answers = [self.tokenizer.encode(text) for text in pictures.texts]
        batch = collate.rows(prompts, answers, pictures.visual, self.how.row_multiple)
        counts = {"num_flops": model_flops(learner.model.config, batch, self.learning)} if self.how.counts else {}
        assert batch.labels is not None
        places = collate.letter_places(pictures.texts, pictures.letter_places, batch.labels)
        batch, labels = batch.to(self.how.device), pictures.labels.to(self.how.device)
        assert batch.visual is not None
        visual = batch.visual
        features = learner.model.vpm(visual.patches, visual.grids)
        tokens = learner.model.resampler(features, visual.grids, visual.package_sizes, visual.ticks).flatten(0, 1)
        embeddings = learner.model.merge_visual_tokens(batch, tokens)
        middle, fixed = MiddleState(learner.model.llm), self.how.fixed_shapes
        hidden = learner.model.llm(embeddings, batch.positions, batch.segments, checkpointing=middle, is_causal=fixed)
        loss, figures = answer_loss(learner, batch, hidden, fixed)
        if self.letter_place_weight:
            assert middle.kept is not None
            place_loss, near = letter_place_loss(learner, self.how.to_device(places), middle.kept, fixed)
            loss, figures = loss + self.letter_place_weight * place_loss, {**figures, "letter_places": near}
        frame_loss, right = learner.book.loss(tokens, labels.frames, labels.frame_halves)
        loss = loss + self.frame_weight * frame_loss
        if self.patch_weight:
            seen, patch_figures = patch_loss(learner, features, labels, self.how.fixed_shapes)
            loss, figures = loss + self.patch_weight * seen, {**figures, **patch_figures}
        return loss, {**figures, "frames": right, **counts}


Drawn = TypeVar("Drawn", bound=PicturePatches)


@dataclass
class DrawnObjective(InPieces, Generic[Drawn]):
    """Pictures with dense labels, drawn anew for each step. Subclasses implement `draw` and `loss`."""

    slicing: SlicingConfig
    batch_size: int
    seed: int
    how: Computation = ON_HOST

    def __call__(self, learner: Learner, step: int) -> Parts:
        rng = np.random.default_rng((self.seed, step))
        samples = [self.draw(rng) for _ in range(self.batch_size)]
        yield from self.losses(len(samples), lambda piece: self.loss(learner, samples[piece]))

    def draw(self, rng: np.random.Generator) -> Drawn:
        raise NotImplementedError

    def loss(self, learner: Learner, samples: Sequence[Drawn]) -> tuple[Tensor, UnreadFigures]:
        raise NotImplementedError


class ColourObjective(DrawnObjective[ColouredSample]):
    """Coloured shapes: predict the share of each colour in each patch. Gradients reach only the encoder."""

    def draw(self, rng: np.random.Generator) -> ColouredSample:
        return make_coloured(rng, self.slicing)

    def loss(self, learner: Learner, samples: Sequence[ColouredSample]) -> tuple[Tensor, UnreadFigures]:
        visual, shares = collate.coloured_pictures(samples)
        visual = visual.to(self.how.device)
        features = learner.model.vpm(visual.patches, visual.grids)
        seen, right = learner.colour_head.loss(features, self.how.to_device(shares))
        return seen, {"colours": right}


class ItemObjective(DrawnObjective[ItemSample]):
    """Simple pictures: predict the share of each form and colour in each patch and each visual token, and the patch's
    place. Gradients reach only encoder and resampler.
    """

    def draw(self, rng: np.random.Generator) -> ItemSample:
        return make_items(rng, self.slicing)

    def loss(self, learner: Learner, samples: Sequence[ItemSample]) -> tuple[Tensor, UnreadFigures]:
        visual, labels = collate.item_pictures(samples, learner.model.config.resampler.num_queries)
        visual, labels = visual.to(self.how.device), labels.to(self.how.device)
        features = learner.model.vpm(visual.patches, visual.grids)
        tokens = learner.model.resampler(features, visual.grids, visual.package_sizes, visual.ticks).flatten(0, 1)
        loss, forms, colours = learner.item_head.loss(features, labels.forms, labels.colours)
        token_loss, token_forms, token_colours = learner.token_item_head.loss(
            tokens, labels.token_forms, labels.token_colours
        )
        place_loss = F.cross_entropy(learner.patch_head.places(features), labels.places)
        return loss + token_loss + 0.1 * place_loss, {
            "item_forms": forms, "item_colours": colours, "token_forms": token_forms,
            "token_colours": token_colours, "item_places": place_loss.detach(),
        }  # fmt: skip


@dataclass
class SumOfObjectives:
    """The micro-batches of several objectives as one step; their losses are summed."""

    objectives: Sequence[Objective]

    def __call__(self, learner: Learner, step: int) -> Parts:
        for objective in self.objectives:
            yield from objective(learner, step)

    def halve(self) -> bool:
        """Process every part of the step in halves."""
        parts: Sequence[object] = self.objectives
        return any([part.halve() for part in parts if isinstance(part, Halvable)])  # noqa: C419


def _text(rng: np.random.Generator, max_characters: int) -> str:
    return line_samples.sample_text(rng, int(rng.integers(1, max_characters + 1))).strip() or "a"


def _simulated_frames(text: str, num_frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Slots of a line that is not rendered; characters get plausible widths."""
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
    """Replace a share of the slots, random for each sample and up to a quarter, by random characters."""
    share = rng.random((classes.shape[0], 1, 1)) * 0.25 * (rng.random((classes.shape[0], 1, 1)) < 0.7)
    hit = torch.from_numpy(rng.random(classes.shape) < share)
    others = torch.from_numpy(rng.integers(1, 1 + len(ALPHABET), classes.shape))
    return torch.where(hit, others, classes)
