"""Initialisation of the 64 queries: each attends to its own place in reading order (ours).

The encoder already predicts the place of each patch in reading order. So queries, keys and the last projection of the
resampler are fitted by least squares to a few images, and training continues from there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from demiglace.batch import IGNORE
from demiglace.bootstrap.collate import LabelledPictures
from demiglace.bootstrap.learner import Learner
from demiglace.model.resampler import PackageGrids, Resampler, patch_positions

WIDTH = 1.0  # visual tokens: standard deviation of a query's target around its place
SHARPNESS = 20.0  # attention score of a patch at a query's place, relative to a patch far from it


@torch.no_grad()
def init_queries(learner: Learner, pictures: LabelledPictures) -> None:
    """Initialise the resampler: query j pools the features at place j, its token is fitted to the codebook's ideal one.

    Keys and values start as the features themselves. Raises ValueError if the encoder's feature size differs from the
    hidden size.
    """
    resampler = learner.model.resampler
    hidden, features = resampler.config.hidden_size, resampler.config.feature_size
    if hidden != features:
        raise ValueError(f"the encoder gives features of {features}, tokens have {hidden}: they cannot start as equals")
    visual, labels = pictures.visual, pictures.labels
    _pass_features_through(resampler)
    seen = learner.model.vpm(visual.patches, visual.grids)
    grids = PackageGrids([(height, width) for height, width in visual.grids.tolist()], visual.package_sizes.tolist())
    keys = resampler.ln_kv(resampler.kv_proj(seen)) + patch_positions(grids, visual.ticks, hidden)
    _aim(resampler, least_squares(keys, soft_targets(labels.places, resampler.config.num_queries)))
    resampler.proj.copy_(torch.eye(hidden))
    pooled = resampler(seen, visual.grids, visual.package_sizes, visual.ticks).flatten(0, 1)
    wanted = learner.book.write(labels.frames, labels.frame_halves)
    resampler.proj.copy_(least_squares(pooled, wanted))


def soft_targets(places: Tensor, num_places: int) -> Tensor:
    """int64 (patches,) -> (patches, num_places): a Gaussian around a patch's place with maximum 1; 0 without text."""
    distance = (places.unsqueeze(-1) - torch.arange(num_places, device=places.device)) / WIDTH
    return torch.exp(-0.5 * distance.square()) * (places != IGNORE).unsqueeze(-1)


def least_squares(given: Tensor, wanted: Tensor, ridge: float = 1e-2) -> Tensor:
    """Ridge regression of centred `wanted` (n, outputs) on centred `given` (n, inputs): matrix (inputs, outputs)."""
    given, wanted = (given - given.mean(0)).double(), (wanted - wanted.mean(0)).double()
    gram = given.T @ given
    damped = gram + torch.eye(len(gram), device=gram.device) * ridge * gram.diagonal().mean()
    return torch.linalg.solve(damped, given.T @ wanted).float()


def _pass_features_through(resampler: Resampler) -> None:
    """Make the values, and the inputs of the keys, equal to the features."""
    identity = torch.eye(resampler.config.hidden_size)
    resampler.kv_proj.weight.copy_(identity)
    resampler.attn.in_proj_weight.chunk(3)[2].copy_(identity)
    resampler.attn.in_proj_bias.zero_()
    resampler.attn.out_proj.weight.copy_(identity)
    resampler.attn.out_proj.bias.zero_()


def _aim(resampler: Resampler, weight: Tensor) -> None:
    """Give every head scores of SHARPNESS * weight (hidden, queries), approximated to the rank that its size allows."""
    num_heads = resampler.config.num_heads
    head_dim = resampler.config.hidden_size // num_heads
    left, values, right = torch.linalg.svd(weight, full_matrices=False)
    rank = min(head_dim, len(values))  # the remaining dimensions of a head stay 0
    root = values[:rank].sqrt()
    aims = right[:rank].T * root * SHARPNESS * head_dim**0.5  # (queries, rank)
    keys, queries = torch.zeros(2, num_heads, head_dim, weight.shape[0], device=weight.device)
    keys[:, :rank] = (left[:, :rank] * root).T
    queries[:, :rank] = (_pseudo_inverse(resampler.ln_q(resampler.query)) @ aims).T
    query_weight, key_weight, _ = resampler.attn.in_proj_weight.chunk(3)
    query_weight.copy_(queries.flatten(0, 1))
    key_weight.copy_(keys.flatten(0, 1))


def _pseudo_inverse(matrix: Tensor) -> Tensor:
    """Without `torch.linalg.lstsq`, whose default driver gives different last digits in every process."""
    return torch.linalg.pinv(matrix.double(), rtol=1e-6).float()
