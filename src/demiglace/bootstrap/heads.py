"""Heads only for training: they predict what is in a patch and in a visual token, and where the next letter is.

The released model has none of them; their losses replace the separate pre-training of its encoder and decoder
(ours, see docs/nano.md). They are saved with a training checkpoint, never with the model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demiglace.batch import IGNORE


class PatchHead(nn.Module):
    """Patch features -> character and half of each cell, and the patch's place in reading order."""

    def __init__(self, hidden_size: int, num_classes: int, num_cells: int, num_places: int) -> None:
        super().__init__()
        self.num_cells = num_cells
        self.glyphs = nn.Linear(hidden_size, num_cells * num_classes)
        self.halves = nn.Linear(hidden_size, num_cells)
        self.places = nn.Linear(hidden_size, num_places)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(patches, hidden) -> logits of glyphs (patches, cells, classes), halves (patches, cells) and places."""
        glyphs = self.glyphs(features).unflatten(-1, (self.num_cells, -1))
        return glyphs, self.halves(features), self.places(features)


class GlyphCodebook(nn.Module):
    """One embedding for each (slot of a token, character, half): gives ideal visual tokens, and logits of real ones.

    The decoder is first trained to transcribe the ideal tokens of plain text; the resampler is then trained to give
    tokens that the same codebook classifies correctly. Both share one table, so the decoder can read these tokens.
    """

    def __init__(self, hidden_size: int, num_classes: int, frames_per_token: int) -> None:
        super().__init__()
        self.frames_per_token = frames_per_token
        self.num_classes = num_classes
        self.glyphs = nn.Parameter(torch.empty(frames_per_token, num_classes, hidden_size))
        self.halves = nn.Parameter(torch.empty(frames_per_token, 2, hidden_size))
        self.log_scale = nn.Parameter(torch.ones(()))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the embeddings (ours), by default from torch's global generator."""
        self.glyphs.normal_(0.0, 0.1, generator=generator)
        self.halves.normal_(0.0, 0.05, generator=generator)

    def write(self, classes: Tensor, halves: Tensor) -> Tensor:
        """Characters and halves, int64 (samples, tokens, slots) each -> ideal tokens (samples, tokens, hidden)."""
        frame = torch.arange(self.frames_per_token, device=classes.device)
        return (self.glyphs[frame, classes] + self.halves[frame, halves]).sum(dim=-2)

    def read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(tokens, hidden) -> glyph logits (tokens, slots, classes), half logits (tokens, slots, 2)."""
        scale = self.log_scale.exp()
        glyphs = torch.einsum("th,fch->tfc", tokens, self.glyphs) * scale
        halves = torch.einsum("th,fch->tfc", tokens, self.halves) * scale
        return glyphs, halves

    def loss(self, tokens: Tensor, classes: Tensor, halves: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of (tokens, hidden) against characters and halves, int64 (tokens, slots), and glyph accuracy.

        Slots whose class is IGNORE are left out.
        """
        glyph_logits, half_logits = self.read(tokens)
        loss = F.cross_entropy(glyph_logits.flatten(0, 1), classes.flatten(), ignore_index=IGNORE)
        half_loss = F.cross_entropy(half_logits.flatten(0, 1), halves.flatten())
        return loss + half_loss * 0.3, share(glyph_logits.argmax(-1) == classes, among=classes != IGNORE)


class LetterPlaceHead(nn.Module):
    """Hidden states of the decoder -> the place, in reading order, of the character that comes next.

    A decoder that has to predict where it reads skips and repeats fewer syllables (ours).
    """

    def __init__(self, hidden_size: int, num_places: int) -> None:
        super().__init__()
        self.places = nn.Linear(hidden_size, num_places)

    def loss(self, hidden: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of (..., hidden) against int64 (...), and the share that is off by at most one place.

        Places that are IGNORE are left out.
        """
        logits = self.places(hidden)
        near = (logits.argmax(-1) - places).abs() <= 1
        loss = F.cross_entropy(logits.flatten(0, -2), places.flatten(), ignore_index=IGNORE)
        return loss, share(near, among=places != IGNORE)


class ItemHead(nn.Module):
    """Patch features or visual tokens -> the share of each that each form and each colour covers; class 0 is none."""

    def __init__(self, hidden_size: int, num_forms: int, num_colours: int) -> None:
        super().__init__()
        self.forms = ColourHead(hidden_size, num_forms)
        self.colours = ColourHead(hidden_size, num_colours)

    def loss(self, features: Tensor, forms: Tensor, colours: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The sum of both losses, and the accuracy of each, as in `ColourHead`."""
        form_loss, forms_right = self.forms.loss(features, forms)
        colour_loss, colours_right = self.colours.loss(features, colours)
        return form_loss + colour_loss, forms_right, colours_right


class ColourHead(nn.Module):
    """Patch features -> the share of each colour in the patch; class 0 is any other colour."""

    def __init__(self, hidden_size: int, num_colours: int) -> None:
        super().__init__()
        self.colours = nn.Linear(hidden_size, 1 + num_colours)

    def loss(self, features: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of (patches, hidden) against float (patches, 1 + colours), whose rows sum to 1.

        The second value is the accuracy on patches more than half of which has one colour.
        """
        logits = self.colours(features)
        clear = shares[:, 1:].amax(dim=-1) > 0.5
        return F.cross_entropy(logits, shares), share(logits.argmax(-1) == shares.argmax(-1), among=clear)


def share(true: Tensor, among: Tensor) -> Tensor:
    """The share of `among` that is `true`, computed without waiting for the device to count."""
    return (true & among).sum().float() / among.sum().float()
