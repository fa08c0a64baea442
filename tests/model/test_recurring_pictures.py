"""Each distinct picture attended to once gives what attending to all pictures of a package gives."""

import pytest
import torch

from demiglace.batch import STILL
from demiglace.model.recurring_pictures import resample_recurring
from demiglace.model.resampler import Resampler, ResamplerConfig

CONFIG = ResamplerConfig(num_queries=5, hidden_size=96, feature_size=40, num_heads=3)
SIZES = [(4, 6), (3, 5), (2, 7)]
SHOWN = [[0, 0, 0, 0], [1], [0, 2, 0, 1], [2, 2, 1]]
TICKS = torch.tensor([0, 3, 5, 71_999, STILL, 2, 6, STILL, 7, 0, 0, 40])


@torch.no_grad()
def random_resampler() -> Resampler:
    """Its norms and biases do something, and its attention prefers some patches by far."""
    torch.manual_seed(0)
    resampler = Resampler(CONFIG).eval()
    for norm in (resampler.ln_q, resampler.ln_kv, resampler.ln_post):
        norm.weight.normal_(1, 0.3)
        norm.bias.normal_(0, 0.3)
    resampler.attn.in_proj_weight.mul_(2)
    resampler.attn.in_proj_bias.normal_(0, 0.3)
    return resampler


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 2e-5), (torch.float64, 1e-6)])
@torch.no_grad()
def test_equals_the_plain_resampler(dtype: torch.dtype, bound: float) -> None:
    """In float64 the scores are still float32."""
    resampler = random_resampler().to(dtype)
    features = [torch.randn(height * width, CONFIG.feature_size, dtype=dtype) + 0.5 for height, width in SIZES]
    in_order = [picture for package in SHOWN for picture in package]
    expected = resampler(
        torch.cat([features[picture] for picture in in_order]),
        torch.tensor([SIZES[picture] for picture in in_order]),
        torch.tensor([len(package) for package in SHOWN]),
        TICKS,
    )
    found = resample_recurring(resampler, features, SIZES, SHOWN, TICKS)
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected, atol=bound, rtol=0)
