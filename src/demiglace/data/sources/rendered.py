"""Our own pictures of text, without end: "Read the text."."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import PIL.Image

from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.data.rendering import random_sample

QUESTIONS = ("Read the text.", "What does it say?", "Transcribe the picture.", "What is written here?")  # ours


@dataclass(frozen=True)
class RenderedText:
    """Pictures of up to `max_lines` lines and `max_characters` characters in all, as `rendering` draws them."""

    name: str
    max_lines: int = 8
    max_characters: int = 400

    @property
    def blocks(self) -> None:
        return None

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """Raises ValueError that names the Debian packages to install where fonts or prose are missing."""
        rng = np.random.default_rng((*seed, block, row))
        rendered = random_sample(rng, self.max_lines, self.max_characters)
        question = QUESTIONS[rng.integers(len(QUESTIONS))]
        shown = (Image(PIL.Image.fromarray(rendered.picture)), Text(question))
        return Conversation((Message("user", shown), Message("assistant", (Text(rendered.text),))))

    def where(self, block: int, row: int) -> str:
        return f"{self.name}, picture {row}"
