"""Losses of the nano recipe: features and hidden states against labels; each also gives an accuracy.

`fixed_shapes`: the loss is computed over all positions with unlabelled ones masked, instead of over labelled positions
only, so that the host does not wait for a count from the GPU (`Computation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from demiglace.batch import IGNORE, Batch
from demiglace.bootstrap.collate import PictureLabels
from demiglace.bootstrap.heads import share
from demiglace.bootstrap.learner import Learner
from demiglace.model.qwen3 import Qwen3
from demiglace.training.objective import UnreadFigures


def patch_loss(
    learner: Learner, features: Tensor, labels: PictureLabels, fixed_shapes: bool = False
) -> tuple[Tensor, UnreadFigures]:
    """Encoder pre-training: the character in each cell, its half, and the patch's place in reading order."""
    glyphs, halves, places = learner.patch_head(features)
    inked = labels.cells > 0
    glyph_loss = F.cross_entropy(glyphs.flatten(0, 1), labels.cells.flatten())
    half_loss = _half_loss(halves, labels.cell_halves.float(), inked, fixed_shapes)
    place_loss = F.cross_entropy(places, labels.places, ignore_index=IGNORE)
    right = share(glyphs.argmax(-1) == labels.cells, among=inked)
    figures = {"glyphs": right, "place_loss": place_loss.detach()}
    return glyph_loss + 0.2 * half_loss + 0.1 * place_loss, figures


def _half_loss(halves: Tensor, wanted: Tensor, inked: Tensor, fixed_shapes: bool) -> Tensor:
    """The mean over inked cells: computed only for those, or for all with the others masked."""
    if not fixed_shapes:
        return F.binary_cross_entropy_with_logits(halves[inked], wanted[inked])
    each = F.binary_cross_entropy_with_logits(halves, wanted, reduction="none")
    return (each * inked).sum() / inked.sum()


def answer_loss(
    learner: Learner, batch: Batch, hidden: Tensor, fixed_shapes: bool = False
) -> tuple[Tensor, UnreadFigures]:
    """Next-token loss, mean over labelled positions: logits only for those, or for all with the others masked.

    hidden: the decoder's (rows, length, hidden_size).
    """
    assert batch.labels is not None
    hidden, wanted = hidden[:, :-1], batch.labels[:, 1:]
    learned = wanted != IGNORE
    if not fixed_shapes:
        hidden, wanted, learned = hidden[learned], wanted[learned], learned[learned]
    logits = learner.model.logits(hidden)
    loss = F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), ignore_index=IGNORE)
    return loss, {"tokens": share(logits.argmax(-1) == wanted, among=learned)}


def letter_place_loss(
    learner: Learner, places: Tensor, hidden: Tensor, fixed_shapes: bool = False
) -> tuple[Tensor, Tensor]:
    """The place of the next character along the lines: loss, and the share that is off by at most one place.

    places: from `collate.letter_places`. hidden: of a layer of the decoder, (rows, length, hidden_size).
    """
    hidden, wanted = hidden[:, :-1], places[:, 1:]
    if not fixed_shapes:
        written = wanted != IGNORE
        hidden, wanted = hidden[written], wanted[written]
    return learner.letter_place_head.loss(hidden, wanted)


@dataclass
class MiddleState:
    """Runs the decoder's layers, and keeps the hidden states after half of them: (rows, length, hidden_size)."""

    decoder: Qwen3
    kept: Tensor | None = None

    def __call__(self, layer: nn.Module, *inputs: Any) -> Tensor:
        output: Tensor = layer(*inputs)
        layers = self.decoder.model.layers
        if layer is layers[len(layers) // 2 - 1]:
            self.kept = output
        return output
