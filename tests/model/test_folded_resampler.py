import pytest
import torch
from torch import Tensor

from demiglace.batch import STILL, Visual
from demiglace.model.folded_resampler import FoldedResampler, SoftmaxPool, fold_resampler, multiply_adds
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset
from demiglace.model.resampler import Resampler, ResamplerConfig

SMALL = ResamplerConfig(num_queries=5, hidden_size=96, feature_size=40, num_heads=3)
MORE_FEATURES_THAN_HIDDEN = ResamplerConfig(num_queries=3, hidden_size=32, feature_size=48, num_heads=2)

GRIDS = torch.tensor([[4, 6], [3, 5], [3, 5], [8, 2], [1, 1], [2, 90]])
PACKAGE_SIZES = torch.tensor([1, 3, 1, 1])
TICKS = torch.tensor([STILL, 2, 6, 71999, STILL, 0])


@torch.no_grad()
def random_resampler(config: ResamplerConfig) -> Resampler:
    """A resampler whose norms and biases do something, and whose attention has preferences."""
    torch.manual_seed(0)
    resampler = Resampler(config).eval()
    for norm in (resampler.ln_q, resampler.ln_kv, resampler.ln_post):
        norm.weight.normal_(1, 0.3)
        norm.bias.normal_(0, 0.3)
    resampler.attn.in_proj_weight.mul_(2)
    resampler.attn.in_proj_bias.normal_(0, 0.3)
    return resampler


def random_features(grids: Tensor, size: int) -> Tensor:
    return torch.randn(int(grids.prod(dim=1).sum()), size, generator=torch.Generator().manual_seed(1)) + 0.5


@pytest.mark.parametrize("config", [SMALL, MORE_FEATURES_THAN_HIDDEN])
@pytest.mark.parametrize("max_patches_per_chunk", [None, 1, 7, 1000])
@torch.no_grad()
def test_folded_equals_plain(config: ResamplerConfig, max_patches_per_chunk: int | None) -> None:
    resampler = random_resampler(config)
    inputs = random_features(GRIDS, config.feature_size), GRIDS, PACKAGE_SIZES, TICKS
    folded = FoldedResampler(resampler)(*inputs, max_patches_per_chunk)
    torch.testing.assert_close(folded, resampler(*inputs), atol=2e-5, rtol=0)


@torch.no_grad()
def test_folded_bfloat16_is_as_near_to_float32_as_plain_bfloat16() -> None:
    resampler = random_resampler(SMALL)
    features = random_features(GRIDS, SMALL.feature_size)
    exact = resampler(features, GRIDS, PACKAGE_SIZES, TICKS)
    resampler.bfloat16()
    plain = resampler(features.bfloat16(), GRIDS, PACKAGE_SIZES, TICKS)
    folded = FoldedResampler(resampler)(features.bfloat16(), GRIDS, PACKAGE_SIZES, TICKS)
    assert folded.dtype == torch.bfloat16
    assert (folded - exact).abs().mean() <= 1.2 * (plain - exact).abs().mean()


@torch.no_grad()
def test_a_direction_that_kv_proj_damps_does_not_spoil_the_scale() -> None:
    """Large features in such a direction: the variance as a quadratic form of the features gives 4e-4 here."""
    resampler = random_resampler(SMALL)
    direction = torch.nn.functional.normalize(torch.randn(SMALL.feature_size), dim=0)
    weight = resampler.kv_proj.weight
    weight.sub_(0.999 * torch.outer(weight @ direction, direction))
    features = random_features(torch.tensor([[20, 20]]), SMALL.feature_size)
    features += 1000 * torch.rand(400, 1) * direction
    variance = (features.double() @ weight.double().T).var(dim=1, correction=0, keepdim=True)
    expected = features.double() * variance.add(resampler.ln_kv.eps).rsqrt()
    error = (FoldedResampler(resampler)._normalise(features) / expected - 1).abs().max()
    assert error <= 2e-5


def test_softmax_pool_takes_scores_in_any_chunks() -> None:
    torch.manual_seed(0)
    scores, values = 50 * torch.randn(3, 40), torch.randn(40, 4)
    pool = SoftmaxPool(3, 4, scores.device)
    for some_scores, some_values in zip(scores.split(7, dim=1), values.split(7), strict=True):
        pool.add(some_scores.clone(), some_values)
    torch.testing.assert_close(pool.mean(), scores.softmax(dim=1) @ values)


@torch.no_grad()
def test_a_folded_model_gives_the_same_visual_tokens_and_leaves_the_model_alone() -> None:
    torch.manual_seed(0)
    model = MiniCPMV(preset("nano"))
    grids, package_sizes = torch.tensor([[3, 4], [2, 5], [2, 5]]), torch.tensor([1, 2])
    visual = Visual(torch.randn(32, 3 * 14**2), grids, package_sizes, torch.tensor([STILL, 0, 5]))
    names = list(model.state_dict())
    folded = fold_resampler(model)
    torch.testing.assert_close(folded.visual_tokens(visual), model.visual_tokens(visual), atol=1e-4, rtol=0)
    assert folded.vpm is model.vpm
    assert folded.llm is model.llm
    assert list(model.state_dict()) == names
    with pytest.raises(ValueError, match="no state dict"):
        folded.state_dict()


def test_multiply_adds_of_the_release() -> None:
    assert multiply_adds(preset("8b").resampler) == (38_797_312, 6_045_696)


@pytest.mark.slow
@torch.no_grad()
def test_folded_equals_plain_at_full_size() -> None:
    config = preset("8b").resampler
    resampler = random_resampler(config)
    grids, ticks = torch.tensor([[32, 32], [12, 25], [12, 25]]), torch.tensor([STILL, 5, 10])
    inputs = random_features(grids, config.feature_size), grids, torch.tensor([1, 2]), ticks
    plain = resampler(*inputs)
    assert (FoldedResampler(resampler)(*inputs) - plain).abs().max() <= 1e-4
