"""Initial queries: least squares is exact where it can be, and the queries find what lies at their places."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from demiglace.batch import IGNORE
from demiglace.bootstrap import collate
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN
from demiglace.bootstrap.query_init import init_queries, least_squares, soft_targets


class KnowingEncoder(nn.Module):
    """Features that tell a patch's gray level and its place along the line, as a learned encoder's do."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.glyph = torch.randn(3, hidden_size, generator=generator)
        self.place = torch.randn(2, hidden_size, generator=generator)

    def forward(self, patches, grids):
        share = torch.cat([(torch.arange(width) + 0.5) / width for _, width in grids.tolist()])
        angle = share[:, None] * torch.pi
        turned = torch.cat([angle.cos(), angle.sin()], dim=-1) @ self.place
        return 0.5 * self.glyph[(patches[:, 0] * 1.5 + 1.5).long().clamp(0, 2)] + turned


def test_least_squares_finds_a_linear_map():
    torch.manual_seed(0)
    given, truth = torch.randn(200, 6), torch.randn(6, 3)
    assert torch.allclose(least_squares(given, given @ truth, ridge=1e-8), truth, atol=1e-4)


def test_soft_targets_stand_at_their_places_and_nowhere_without_text():
    table = soft_targets(torch.tensor([2, IGNORE]), 5)
    assert table[0].argmax() == 2
    assert table[0, 2] == 1
    assert table[1].sum() == 0


def test_initialised_queries_read_better_than_they_did(learner, draw):
    rng = np.random.default_rng(1)
    samples = [draw("".join(rng.choice(list("abc"), 8))) for _ in range(64)]
    learner.model.vpm = KnowingEncoder(32)
    labels = collate.picture_labels(samples, SLOTS_PER_TOKEN)

    @torch.no_grad()
    def loss():
        visual = collate.pictures(samples, np.random.default_rng(0))
        features = learner.model.vpm(visual.patches, visual.grids)
        tokens = learner.model.resampler(features, visual.grids, visual.package_sizes, visual.ticks)
        return float(learner.book.loss(tokens.flatten(0, 1), labels.frames, labels.frame_halves)[0])

    before = loss()
    init_queries(learner, collate.labelled(samples, np.random.default_rng(0), SLOTS_PER_TOKEN))
    assert loss() < 0.9 * before


def test_unequal_sizes_are_refused(learner, samples):
    resampler = learner.model.resampler
    resampler.config = replace(resampler.config, feature_size=16)
    with pytest.raises(ValueError, match="features of 16, tokens have 32"):
        init_queries(learner, collate.labelled(samples, np.random.default_rng(0), SLOTS_PER_TOKEN))
