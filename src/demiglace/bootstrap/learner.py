"""The model and its training heads, as one module."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from demiglace.bootstrap import colour_labels, item_labels
from demiglace.bootstrap.glyph_labels import CELL_COLUMNS, CELL_ROWS
from demiglace.bootstrap.heads import ColourHead, GlyphCodebook, ItemHead, LetterPlaceHead, PatchHead
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.training.initialisation import initialise
from demiglace.typography.corpus import ALPHABET

NUM_CLASSES = 1 + len(ALPHABET)  # blank first
SLOTS_PER_TOKEN = 4  # ours: 256 frames for 64 tokens, so about 150 letters keep more than one frame each
_BOOK_STREAM = 1  # the other weights are drawn from the bare seed


class Learner(nn.Module):
    """`model.*` is exported; the heads and the codebook are only for training."""

    def __init__(self, config: MiniCPMVConfig) -> None:
        super().__init__()
        self.model = MiniCPMV(config)
        num_queries = config.resampler.num_queries
        self.patch_head = PatchHead(config.vision.hidden_size, NUM_CLASSES, CELL_ROWS * CELL_COLUMNS, num_queries)
        self.book = GlyphCodebook(config.llm.hidden_size, NUM_CLASSES, SLOTS_PER_TOKEN)
        self.colour_head = ColourHead(config.vision.hidden_size, len(colour_labels.NAMES))
        self.letter_place_head = LetterPlaceHead(config.llm.hidden_size, num_queries)
        names = len(item_labels.FORMS), len(item_labels.COLOURS)
        self.item_head = ItemHead(config.vision.hidden_size, *names)
        self.token_item_head = ItemHead(config.llm.hidden_size, *names)


def learner_from_seed(config: MiniCPMVConfig, seed: int) -> Learner:
    """A learner with random weights, determined by `seed` alone."""
    learner = Learner(config)
    initialise(learner, seed, except_for=("book.",))
    stream = np.random.SeedSequence([seed, _BOOK_STREAM]).generate_state(1)
    learner.book.reset_parameters(torch.Generator().manual_seed(int(stream[0])))
    return learner
