"""Heads that exist only while learning: they say what stands under a patch and inside a visual token.

The released model has none of them; they replace what its encoder and decoder brought from their own
pre-training (ours, see docs/nano.md). They are saved with a training checkpoint, never with the model.
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
    """One embedding for each (frame of a token, character, half): writes ideal visual tokens and reads real ones.

    The decoder first learns to transcribe tokens written by this book from plain text; the resampler then
    learns to produce tokens that the same book reads. Writing and reading share the table, so the two meet.
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
        """Draw the embeddings (ours), from torch's global generator where none is given."""
        self.glyphs.normal_(0.0, 0.1, generator=generator)
        self.halves.normal_(0.0, 0.05, generator=generator)

    def write(self, classes: Tensor, halves: Tensor) -> Tensor:
        """int64 (samples, tokens, frames) twice -> ideal visual tokens (samples, tokens, hidden)."""
        frame = torch.arange(self.frames_per_token, device=classes.device)
        return (self.glyphs[frame, classes] + self.halves[frame, halves]).sum(dim=-2)

    def read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(tokens, hidden) -> glyph logits (tokens, frames, classes), half logits (tokens, frames, 2)."""
        scale = self.log_scale.exp()
        glyphs = torch.einsum("th,fch->tfc", tokens, self.glyphs) * scale
        halves = torch.einsum("th,fch->tfc", tokens, self.halves) * scale
        return glyphs, halves

    def loss(self, tokens: Tensor, classes: Tensor, halves: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of reading (tokens, hidden) against int64 (tokens, frames) twice; share of glyphs right.

        Frames whose class is IGNORE are left out.
        """
        glyph_logits, half_logits = self.read(tokens)
        loss = F.cross_entropy(glyph_logits.flatten(0, 1), classes.flatten(), ignore_index=IGNORE)
        half_loss = F.cross_entropy(half_logits.flatten(0, 1), halves.flatten())
        right = (glyph_logits.argmax(-1) == classes)[classes != IGNORE].float().mean()
        return loss + half_loss * 0.3, right


class ColourHead(nn.Module):
    """Patch features -> which share of the patch has which colour; 0 is what has none of those that are named."""

    def __init__(self, hidden_size: int, num_colours: int) -> None:
        super().__init__()
        self.colours = nn.Linear(hidden_size, 1 + num_colours)

    def loss(self, features: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of (patches, hidden) against float (patches, 1 + colours), whose rows add to 1.

        And, of the patches that are more than half of one colour, the share for which it is the likeliest.
        """
        logits = self.colours(features)
        clear = shares[:, 1:].amax(dim=-1) > 0.5
        right = (logits.argmax(-1) == shares.argmax(-1))[clear].float().mean()
        return F.cross_entropy(logits, shares), right
