"""Dynamic corruption of a rendered line or a crop of a page: each word draws its own level (paper, section 2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from demiglace.documents.corruption.corruption import corrupt, draw_targets
from demiglace.documents.page import Region, hull
from demiglace.typography.rendering import Rendered

LEVELS: Mapping[str, float] = {"low": 0.35, "moderate": 0.5, "high": 0.15}  # ours; the paper gives no shares
LEAST_SHARE = 0.2  # least share of damaged words in a picture; the most is all


def damage_words(
    rng: np.random.Generator, rendered: Rendered, levels: Mapping[str, float] = LEVELS, share: float | None = None
) -> tuple[Rendered, np.ndarray]:
    """The picture with a `share` of its words damaged (None: random; at least one word is), and bool (characters,):
    those of which nothing is visible any more.
    """
    spans = word_spans(rendered)
    words = [Region(text, (hull(rendered.boxes[span]),)) for text, span in spans]
    picture = rendered.picture
    colour = np.repeat(picture[:, :, None], 3, axis=2) if picture.ndim == 2 else picture
    targets = draw_targets(words, rng, float(rng.uniform(LEAST_SHARE, 1)) if share is None else share, levels)
    damaged = corrupt(colour, targets, (int(rng.integers(2**31)),))
    hidden = np.zeros(len(rendered.boxes), bool)
    for target in targets:
        if target.level == "high":
            hidden[spans[words.index(target.region)][1]] = True
    return replace(rendered, picture=damaged), hidden


def word_spans(rendered: Rendered) -> list[tuple[str, slice]]:
    """Every word with the slice of its characters in `rendered.boxes`."""
    spans = []
    begin = 0
    for line in rendered.text.split("\n"):
        spans += [(word[0], slice(begin + word.start(), begin + word.end())) for word in re.finditer(r"\S+", line)]
        begin += len(line)
    return spans
