from dataclasses import replace

import pytest
import torch
from torch import Tensor

from demiglace.batch import STILL, Batch, Visual
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig

CONFIG = MiniCPMVConfig(
    vision=SiglipConfig(hidden_size=16, intermediate_size=24, num_layers=1, num_heads=2, patch_size=2),
    resampler=ResamplerConfig(num_queries=3, hidden_size=24, feature_size=16, num_heads=2),
    llm=Qwen3Config(
        vocab_size=40,
        hidden_size=24,
        intermediate_size=36,
        num_layers=2,
        num_heads=2,
        num_kv_heads=1,
        head_dim=8,
        rope_theta=10_000.0,
        rms_norm_eps=1e-6,
        max_position_embeddings=64,
    ),
)


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    torch.manual_seed(0)
    built = MiniCPMV(CONFIG)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return built.requires_grad_(False)


@pytest.fixture
def batch() -> Batch:
    """An image and a package of two frames in the first row, an image in the second."""
    torch.manual_seed(1)
    grids = torch.tensor([[2, 3], [3, 3], [3, 2], [1, 5]])
    visual = Visual(
        patches=torch.randn(26, 12),
        grids=grids,
        package_sizes=torch.tensor([1, 2, 1]),
        ticks=torch.tensor([STILL, 4, 9, STILL]),
    )
    places = torch.tensor([1, 2, 3, 5, 6, 7, 12, 13, 14])
    positions = torch.arange(10).repeat(2, 1)
    return Batch(torch.randint(0, 40, (2, 10)), positions, torch.ones_like(positions), places, visual)


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_visual_tokens_fill_their_places_in_order(model: MiniCPMV, batch: Batch) -> None:
    embeddings = model.embed(batch).flatten(0, 1)
    visual = model.visual_tokens(batch.visual)
    assert visual.shape == (9, 24)
    assert_close(embeddings[batch.visual_places], visual)
    others = torch.ones(20, dtype=torch.bool).index_fill(0, batch.visual_places, False)
    assert_close(embeddings[others], model.llm.model.embed_tokens(batch.tokens).flatten(0, 1)[others])


def test_the_token_under_a_visual_place_does_not_matter(model: MiniCPMV, batch: Batch) -> None:
    tokens = batch.tokens.flatten().index_fill(0, batch.visual_places, 7).unflatten(0, (2, 10))
    assert_close(model(replace(batch, tokens=tokens)), model(batch))


def test_forward_gives_hidden_states_and_logits_follow(model: MiniCPMV, batch: Batch) -> None:
    hidden = model(batch)
    assert hidden.shape == (2, 10, 24)
    assert model.logits(hidden).shape == (2, 10, 40)
    assert_close(model.logits(hidden[0, 3:5]), model.logits(hidden)[0, 3:5])


def test_pictures_are_seen_after_their_places_only(model: MiniCPMV, batch: Batch) -> None:
    patches = batch.visual.patches.clone()
    patches[6:] += 1.0  # all but the first picture: the places from 5 on
    moved = (model(batch) - model(replace(batch, visual=replace(batch.visual, patches=patches)))).abs().amax(-1)
    assert moved[0, :5].max() < 1e-5
    assert moved[0, 5:].min() > 1e-3


def test_chunks_change_nothing(model: MiniCPMV, batch: Batch) -> None:
    assert_close(model(batch, max_patches_per_chunk=1), model(batch))


def test_text_alone(model: MiniCPMV, batch: Batch) -> None:
    text = replace(batch, visual=None, visual_places=torch.empty(0, dtype=torch.int64))
    assert_close(model.embed(text), model.llm.model.embed_tokens(batch.tokens))


def test_cached_is_full(model: MiniCPMV, batch: Batch) -> None:
    llm = CONFIG.llm
    cache = KVCache(llm.num_layers, 2, llm.num_kv_heads, 11, llm.head_dim, torch.float32, "cpu")
    model(batch, cache)
    ones = torch.ones(2, 1, dtype=torch.int64)
    none = torch.empty(0, dtype=torch.int64)
    following = model(Batch(ones * 5, ones * 10, ones, none), cache)
    longer = replace(
        batch,
        tokens=torch.cat((batch.tokens, ones * 5), 1),
        positions=torch.cat((batch.positions, ones * 10), 1),
        segments=torch.cat((batch.segments, ones), 1),
        visual_places=batch.visual_places + (batch.visual_places >= 10).long(),
    )
    assert_close(following, model(longer)[:, 10:])


@pytest.mark.parametrize("places", [0, 8, 10])
def test_a_wrong_number_of_places_raises_with_both_numbers(model: MiniCPMV, batch: Batch, places: int) -> None:
    with pytest.raises(ValueError, match=f"9 visual tokens.* {places} places"):
        model(replace(batch, visual_places=torch.arange(places)))


def test_places_without_pictures_raise(model: MiniCPMV, batch: Batch) -> None:
    with pytest.raises(ValueError, match=r"0 visual tokens.* 9 places"):
        model(replace(batch, visual=None))


@pytest.mark.parametrize("autocast", [False, True])
def test_a_training_step_reaches_every_part(batch: Batch, autocast: bool) -> None:
    torch.manual_seed(0)
    model = MiniCPMV(CONFIG)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        logits = model.logits(model(batch)).float()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.tokens.roll(-1, 1).flatten()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    for part in (model.vpm, model.resampler, model.llm):
        assert max(parameter.grad.abs().max() for parameter in part.parameters()) > 0


def test_half_precision_follows_float32(model: MiniCPMV, batch: Batch) -> None:
    half = MiniCPMV(CONFIG).to(torch.bfloat16)
    half.load_state_dict(model.state_dict())
    hidden = half(batch.to("cpu", torch.bfloat16))
    assert hidden.dtype == torch.bfloat16
    agreement = torch.cosine_similarity(hidden.float(), model(batch), dim=-1)
    assert agreement.min() > 0.98


def test_parts_that_do_not_fit_say_why() -> None:
    with pytest.raises(ValueError, match="features have size 16, but the resampler expects 12"):
        replace(CONFIG, resampler=replace(CONFIG.resampler, feature_size=12))
    with pytest.raises(ValueError, match="tokens have size 32, but the decoder expects 24"):
        replace(CONFIG, resampler=replace(CONFIG.resampler, hidden_size=32))
