"""The random numbers for wear: drawn on the host, so that a picture is degraded in the same way on every device."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

from demiglace.batch import to_device

NUM_DRAWS = 14  # uniform numbers that a kind of wear may use for a picture
BANK_SIZE = 2**21  # ours: random numbers in the bank; a picture uses as many as it has pixels
LAST_OFFSET = 2**20  # offsets in the bank are below this; so a picture may have up to 2**20 pixels


class Chance(IntEnum):
    """Columns of `Worn.numbers`; the uniform numbers that a kind of wear may use follow them."""

    STRENGTH = 0  # 0 to 1
    BAND = 1  # pixels of the page from ascenders to descenders
    RATIO = 2  # picture pixels per page pixel
    INK = 3  # level
    PAPER = 4  # level
    SHARE = 5  # of height and width that the page fills, from the upper left corner
    DRAWS = 6


@dataclass(frozen=True)
class Worn:
    """The parameters of each picture's wear.

    numbers: float32 (pictures, `Chance.DRAWS` + `NUM_DRAWS`); offsets: int64 (pictures,), offsets into the bank.
    """

    numbers: Tensor
    offsets: Tensor

    def only(self, chosen: Tensor) -> Worn:
        return Worn(self.numbers.index_select(0, chosen), self.offsets.index_select(0, chosen))

    def turned(self, number: int) -> Worn:
        """The same with its uniform numbers rotated, and with other offsets into the bank."""
        known, draws = self.numbers.tensor_split([int(Chance.DRAWS)], dim=1)
        return Worn(torch.cat([known, draws.roll(number, 1)], dim=1), (self.offsets + 7919 * number) % LAST_OFFSET)

    def to(self, device: torch.device | str) -> Worn:
        return Worn(to_device(self.numbers, device), to_device(self.offsets, device))

    def column(self, number: int) -> Tensor:
        """(pictures, 1, 1)."""
        return self.numbers[:, number, None, None]

    @property
    def strengths(self) -> Tensor:
        return self.column(Chance.STRENGTH)

    @property
    def bands(self) -> Tensor:
        return self.column(Chance.BAND)

    @property
    def ratios(self) -> Tensor:
        return self.column(Chance.RATIO)

    @property
    def inks(self) -> Tensor:
        return self.column(Chance.INK)

    @property
    def papers(self) -> Tensor:
        return self.column(Chance.PAPER)

    def draw(self, number: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self.column(Chance.DRAWS + number) * (high - low) + low

    def noise(self, bank: Tensor, height: int, width: int) -> Tensor:
        windows = bank.as_strided((LAST_OFFSET, height * width), (1, 1))
        return windows[self.offsets].view(-1, height, width)


@dataclass(frozen=True)
class NoiseBank:
    """normal, uniform: float32 (BANK_SIZE,)."""

    normal: Tensor
    uniform: Tensor


def noise_bank(device: torch.device | str = "cpu") -> NoiseBank:
    """The same numbers on every device."""
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal(BANK_SIZE, np.float32), rng.random(BANK_SIZE, np.float32)
    return NoiseBank(*(torch.from_numpy(numbers).to(device) for numbers in drawn))
