"""Sources whose records are known by their numbers, in a module that worker processes can import."""

import os
import signal
from dataclasses import dataclass

import numpy as np
import PIL.Image

from demiglace.conversation import Conversation, Image, Message, Part, Text
from demiglace.records.bad_record import BadRecord


@dataclass(frozen=True)
class Numbered:
    """Record (block, row) says so, in 1 to `most` words; every third shows a picture that `seed` draws.

    bad: rows that raise BadRecord; lost: rows that name a file which does not exist.
    """

    name: str
    blocks: tuple[int, ...] | None
    most: int = 8
    bad: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    shuffled_blocks: int | None = None

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        if row in self.bad:
            raise BadRecord(self.where(block, row), "no answer")
        words = " ".join(["word"] * (1 + (7 * row) % self.most))
        return answered(words, f"{self.name} {block} {row}", *self._shown(row, seed))

    def where(self, block: int, row: int) -> str:
        return f"{self.name}[{block}]:{row}"

    def _shown(self, row: int, seed: tuple[int, ...]) -> list[Part]:
        if row in self.lost:
            return [Image("/no/such/file.png")]
        if row % 3:
            return []
        pixels = np.random.default_rng(seed).integers(0, 256, (30, 20 + row % 7, 3), dtype=np.uint8)
        return [Image(PIL.Image.fromarray(pixels))]


@dataclass(frozen=True)
class Deadly:
    """Ends the process that reads its record 5."""

    name: str = "deadly"
    blocks: tuple[int, ...] | None = None
    shuffled_blocks: int | None = None

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        if row == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return answered("Still there?", "Yes.")

    def where(self, block: int, row: int) -> str:
        return f"deadly:{row}"


def answered(question: str, answer: str, *parts: Part) -> Conversation:
    asked = Conversation.ask(question, *parts)
    return Conversation((*asked.messages, Message("assistant", (Text(answer),))))
