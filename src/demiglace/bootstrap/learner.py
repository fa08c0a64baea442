"""The model and the heads that teach it, as one module."""

from __future__ import annotations

from torch import nn

from demiglace.bootstrap import colour_labels
from demiglace.bootstrap.glyph_labels import CELL_COLUMNS, CELL_ROWS
from demiglace.bootstrap.heads import ColourHead, FrameBook, PatchHead
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.typography.corpus import ALPHABET

NUM_CLASSES = 1 + len(ALPHABET)  # blank first
FRAMES_PER_TOKEN = 4  # ours: 256 frames for 64 tokens, so about 150 letters keep more than one frame each


class Learner(nn.Module):
    """`model.*` is what ships; `patch_head.*`, `book.*` and `colour_head.*` stay behind."""

    def __init__(self, config: MiniCPMVConfig) -> None:
        super().__init__()
        self.model = MiniCPMV(config)
        num_queries = config.resampler.num_queries
        self.patch_head = PatchHead(config.vision.hidden_size, NUM_CLASSES, CELL_ROWS * CELL_COLUMNS, num_queries)
        self.book = FrameBook(config.llm.hidden_size, NUM_CLASSES, FRAMES_PER_TOKEN)
        self.colour_head = ColourHead(config.vision.hidden_size, len(colour_labels.NAMES))
