"""All kinds of generated clips, and held-out clips of each for evaluation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from demiglace.synthesis.clips import events, motion, texts
from demiglace.synthesis.clips.clip_question import ClipGenerator, ClipQuestion, Size

CLIP_KINDS: Mapping[str, ClipGenerator] = {
    "direction": motion.direction,
    "bounce": motion.bounce,
    "collide": motion.collide,
    "appear": events.appear,
    "disappear": events.disappear,
    "order": events.order,
    "count": events.count,
    "recolour": events.recolour,
    "flash": events.flash,
    "flashes": events.flashes,
    "scroll": texts.scroll,
    "flash_text": texts.flash_text,
}
HELD_OUT = 0x436C697073  # no seed of a training run begins with it


def held_out_question(kind: str, number: int, seed: int = 0, side: int = 126) -> ClipQuestion:
    """Held-out clip `number` of a kind; no training run draws it."""
    rng = np.random.default_rng((HELD_OUT, seed, list(CLIP_KINDS).index(kind), number))
    return CLIP_KINDS[kind](rng, random_size(rng, side))


def random_size(rng: np.random.Generator, side: int) -> Size:
    """Width and height, even as encoders want them."""
    ratio = float(np.exp(rng.uniform(-1, 1) * np.log(4 / 3)))
    return 2 * round(side * ratio**0.5 / 2), 2 * round(side / ratio**0.5 / 2)
