"""What the model computes where patches stand for others: the same as if each were there as often as it stands."""

from dataclasses import replace

import pytest
import torch
from prompts import CONFIG, outspoken
from still_frames import frames, without
from torch import Tensor

from demiglace.batch import Visual
from demiglace.model.folded_resampler import FoldedResampler
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.resampler import Resampler, grid_positions, tick_positions
from demiglace.model.siglip import SiglipConfig, SiglipEncoder
from demiglace.processing.sample import joined

PACKAGES: list[list[tuple[int, int]]] = [[(2, 3)], [(3, 4)] * 6, [(2, 2), (2, 2), (4, 1), (4, 1)], [(3, 4)] * 3]
MIXED = without(frames(*PACKAGES))
DEEP = SiglipConfig(16, 32, num_layers=3, num_heads=2, patch_size=2, num_positions_per_side=8)


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken().requires_grad_(False)


@pytest.fixture(scope="module")
def encoder() -> SiglipEncoder:
    torch.manual_seed(0)
    built = SiglipEncoder(DEEP)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return built.requires_grad_(False)


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=2e-5, rtol=0)


def encoded_in_full(encoder: SiglipEncoder, whole: Visual, kept: Tensor) -> Tensor:
    """Features of the kept patches. All places are computed, and after every layer a patch that is not kept is
    overwritten with the one that stands for it."""
    counts = whole.grids.prod(dim=1).tolist()
    grids = [(height, width) for height, width in whole.grids.tolist()]
    states = list(encoder.embeddings(whole.patches, grids).split(counts))
    flags = kept.split(counts)
    for layer in [None, *encoder.encoder.layers]:
        for picture, kept_here in enumerate(flags):
            if layer is not None:
                states[picture] = layer(states[picture], [counts[picture]])
            if not kept_here.all():
                states[picture] = torch.where(kept_here.unsqueeze(1), states[picture], states[picture - 1])
    return encoder.post_layernorm(torch.cat(states)[kept])


@pytest.mark.parametrize("limit", [None, 1, 20])
def test_the_encoder_sees_what_stands_at_a_place(encoder: SiglipEncoder, limit: int | None) -> None:
    assert MIXED.kept is not None
    expected = encoded_in_full(encoder, frames(*PACKAGES), MIXED.kept)
    assert_close(encoder(MIXED.patches, MIXED.grids, limit, False, MIXED.kept), expected)


def test_a_frame_without_any_patch_changes_no_feature(encoder: SiglipEncoder) -> None:
    same = without(frames([(3, 4)] * 3, moving=0))
    assert_close(encoder(same.patches, same.grids, kept=same.kept), encoder(same.patches, same.grids[:1]))


def test_a_place_at_which_no_patch_stands_is_told(encoder: SiglipEncoder) -> None:
    kept = torch.ones(12, dtype=torch.bool)
    kept[3] = False
    with pytest.raises(ValueError, match="a picture of 12 places has 11 patches and follows none of its size"):
        encoder(torch.zeros(11, 12), torch.tensor([[3, 4]]), kept=kept)


def resampled_by_repetition(resampler: Resampler, features: Tensor, visual: Visual) -> Tensor:
    """Each patch as often among keys and values as it stands, with the mean of the ticks' encodings on its key."""
    assert visual.run_lengths is not None
    size = resampler.config.hidden_size
    attention = torch.nn.MultiheadAttention(size, resampler.config.num_heads, batch_first=True)
    attention.load_state_dict(resampler.attn.state_dict())
    values = iter(resampler.ln_kv(resampler.kv_proj(features)))
    runs = iter(visual.run_lengths.tolist())
    tokens, picture = [], 0
    for count in visual.package_sizes.tolist():
        keys, held = [], []
        for number in range(picture, picture + count):
            for place in grid_positions(*visual.grids[number].tolist(), size):
                if length := next(runs):
                    time = tick_positions(visual.ticks[number : number + length], size).mean(dim=0)
                    value = next(values)
                    keys += [value + place + time] * length
                    held += [value] * length
        query = resampler.ln_q(resampler.query)
        attended, _ = attention(query[None], torch.stack(keys)[None], torch.stack(held)[None])
        tokens.append(resampler.ln_post(attended[0]) @ resampler.proj)
        picture += count
    return torch.stack(tokens)


@pytest.mark.parametrize("limit", [None, 1, 20])
def test_a_patch_weighs_as_often_as_it_stands(model: MiniCPMV, limit: int | None) -> None:
    features = torch.randn(len(MIXED.patches), CONFIG.resampler.feature_size)
    given = features, MIXED.grids, MIXED.package_sizes, MIXED.ticks, limit, MIXED.run_lengths
    expected = resampled_by_repetition(model.resampler, features, MIXED)
    assert_close(model.resampler(*given), expected)
    assert_close(FoldedResampler(model.resampler)(*given), expected)


def test_equal_frames_of_one_time_give_the_tokens_of_all(model: MiniCPMV) -> None:
    """Where ticks do not tell the frames of a run apart, leaving patches out loses nothing."""
    whole = frames([(3, 4)] * 6, moving=0)
    whole = replace(whole, ticks=torch.full((6,), 7))
    assert_close(model.visual_tokens(without(whole)), model.visual_tokens(whole))


def test_frames_that_lack_nothing_give_what_they_give_alone(model: MiniCPMV) -> None:
    moving, still = frames([(3, 4)] * 3, moving=1), without(frames([(3, 4)] * 3, moving=0))
    both = joined([moving, still])
    assert both is not None
    alone = torch.cat([model.visual_tokens(moving), model.visual_tokens(still)])
    assert_close(model.visual_tokens(both), alone)


@pytest.mark.parametrize("limit", [None, 1, 20])
def test_packages_together_give_what_each_gives_alone(model: MiniCPMV, limit: int | None) -> None:
    each = [without(frames(package, seed=seed)) for seed, package in enumerate(PACKAGES[1:])]
    both = joined(each)
    assert both is not None
    assert_close(model.visual_tokens(both, limit), torch.cat([model.visual_tokens(one) for one in each]))


def test_gradients_are_those_of_the_repetition() -> None:
    model = outspoken()
    features = torch.randn(len(MIXED.patches), CONFIG.resampler.feature_size, requires_grad=True)
    weights = torch.randn(len(MIXED.package_sizes), *model.resampler.query.shape)
    found = []
    for tokens in (
        model.resampler(features, MIXED.grids, MIXED.package_sizes, MIXED.ticks, None, MIXED.run_lengths),
        resampled_by_repetition(model.resampler, features, MIXED),
    ):
        (gradient,) = torch.autograd.grad((tokens * weights).sum(), features)
        found.append(gradient)
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_every_weight_and_patch_learns(checkpointing: bool) -> None:
    model = outspoken()
    patches = MIXED.patches.clone().requires_grad_()
    tokens = model.visual_tokens(replace(MIXED, patches=patches), checkpointing=checkpointing)
    (tokens * torch.randn_like(tokens)).sum().backward()
    assert patches.grad is not None
    assert (patches.grad.abs().amax(dim=1) > 0).all()
    for part in (model.vpm, model.resampler):
        assert all(one.grad is not None and one.grad.abs().max() > 0 for one in part.parameters())
