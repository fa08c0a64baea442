from dataclasses import replace

import pytest
import torch
from torch import Tensor

from demiglace.batch import PADDING
from demiglace.model.kv_cache import KVCache
from demiglace.model.qwen3 import Qwen3, Qwen3Config

CONFIG = Qwen3Config(
    vocab_size=40,
    hidden_size=24,
    intermediate_size=36,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=8,  # not hidden_size / num_heads
    rope_theta=5_000.0,
    rms_norm_eps=1e-5,
    max_position_embeddings=64,
)


@pytest.fixture(scope="module")
def decoder() -> Qwen3:
    torch.manual_seed(0)
    built = Qwen3(CONFIG)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return built.requires_grad_(False)


def random_tokens(rows: int, length: int) -> Tensor:
    return torch.randint(0, CONFIG.vocab_size, (rows, length), generator=torch.Generator().manual_seed(1))


def one_segment(tokens: Tensor) -> tuple[Tensor, Tensor]:
    return torch.arange(tokens.shape[1]).expand(tokens.shape), torch.ones_like(tokens)


def hidden(decoder: Qwen3, tokens: Tensor, positions: Tensor, segments: Tensor, cache: KVCache | None = None) -> Tensor:
    return decoder(decoder.model.embed_tokens(tokens), positions, segments, cache)


def new_cache(rows: int, capacity: int) -> KVCache:
    return KVCache(CONFIG.num_layers, rows, CONFIG.num_kv_heads, capacity, CONFIG.head_dim, torch.float32, "cpu")


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_parity_with_transformers(decoder: Qwen3) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(
            vocab_size=40,
            hidden_size=24,
            intermediate_size=36,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            rope_parameters={"rope_type": "default", "rope_theta": 5_000.0},
            rms_norm_eps=1e-5,
            max_position_embeddings=64,
            tie_word_embeddings=False,
        )
    ).eval()
    theirs.load_state_dict(decoder.state_dict())
    tokens = random_tokens(3, 50)
    expected = theirs(tokens).logits
    assert expected.abs().max() > 1
    assert_close(decoder.lm_head(hidden(decoder, tokens, *one_segment(tokens))), expected)


@pytest.mark.parametrize("pieces", [[9, 1, 1, 1], [5, 7], [1] * 12], ids=str)
def test_cached_is_full(decoder: Qwen3, pieces: list[int]) -> None:
    tokens = random_tokens(2, 12)
    positions, segments = one_segment(tokens)
    cache = new_cache(2, 16)
    parts = [
        hidden(decoder, *part, cache)
        for part in zip(tokens.split(pieces, 1), positions.split(pieces, 1), segments.split(pieces, 1), strict=True)
    ]
    assert_close(torch.cat(parts, 1), hidden(decoder, tokens, positions, segments))
    assert cache.length == 12


def test_packed_is_separate(decoder: Qwen3) -> None:
    tokens = random_tokens(1, 12)
    samples = tokens.split([5, 3, 4], 1)
    positions = torch.cat([torch.arange(sample.shape[1]) for sample in samples])[None]
    segments = torch.cat([torch.full_like(sample, number) for number, sample in enumerate(samples, 1)], 1)
    alone = [hidden(decoder, sample, *one_segment(sample)) for sample in samples]
    assert_close(hidden(decoder, tokens, positions, segments), torch.cat(alone, 1))


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_is_unpadded(decoder: Qwen3, side: str) -> None:
    tokens = random_tokens(2, 9)
    positions, segments = (x.clone() for x in one_segment(tokens))
    kept = slice(0, 6) if side == "right" else slice(3, 9)
    positions[1], segments[1] = 0, PADDING
    positions[1, kept], segments[1, kept] = torch.arange(6), 1
    padded = hidden(decoder, tokens, positions, segments)
    assert padded.isfinite().all()
    for row, own in ((0, slice(0, 9)), (1, kept)):
        alone = tokens[row : row + 1, own]
        assert_close(padded[row, own], hidden(decoder, alone, *one_segment(alone))[0])


def test_rows_of_unequal_prompts_continue_together(decoder: Qwen3) -> None:
    """Prompts of 5 and 3 tokens, padded on the right, then three more tokens each."""
    tokens, lengths, cache = random_tokens(2, 8), torch.tensor([5, 3]), new_cache(2, 8)
    places = torch.arange(5).expand(2, -1)
    inside = places < lengths[:, None]
    hidden(decoder, tokens[:, :5], places * inside, inside.long(), cache)
    ones = torch.ones(2, 1, dtype=torch.int64)
    new = [hidden(decoder, tokens[:, 5 + i : 6 + i], lengths[:, None] + i, ones, cache) for i in range(3)]
    for row, length in enumerate(lengths.tolist()):
        alone = torch.cat((tokens[row : row + 1, :length], tokens[row : row + 1, 5:]), 1)
        expected = hidden(decoder, alone, *one_segment(alone))[0, length:]
        assert_close(torch.cat(new, 1)[row], expected)


def test_a_finished_row_may_bring_padding(decoder: Qwen3) -> None:
    tokens, cache = random_tokens(2, 4), new_cache(2, 4)
    hidden(decoder, tokens[:, :3], *one_segment(tokens[:, :3]), cache)
    positions, segments = torch.tensor([[3], [0]]), torch.tensor([[1], [PADDING]])
    last = hidden(decoder, tokens[:, 3:], positions, segments, cache)
    assert last.isfinite().all()
    assert_close(last[:1], hidden(decoder, tokens[:1], *one_segment(tokens[:1]))[:, 3:])


def test_a_later_token_changes_nothing_before_it(decoder: Qwen3) -> None:
    tokens = random_tokens(1, 8)
    other = tokens.clone()
    other[0, 5] = (other[0, 5] + 1) % CONFIG.vocab_size
    before, after = (hidden(decoder, x, *one_segment(x)) for x in (tokens, other))
    assert_close(before[:, :5], after[:, :5])
    assert ((before - after)[0, 5:].abs().amax(1) > 1e-3).all()


def test_gradients_are_finite_with_padding() -> None:
    torch.manual_seed(0)
    decoder, tokens = Qwen3(CONFIG), random_tokens(2, 6)
    positions, segments = one_segment(tokens)
    segments = segments.clone()
    segments[1, 4:] = PADDING
    states = hidden(decoder, tokens, positions, segments)[segments != PADDING]
    torch.nn.functional.cross_entropy(decoder.lm_head(states), tokens[segments != PADDING]).backward()
    assert all(parameter.grad.isfinite().all() for parameter in decoder.parameters())
    assert all(parameter.grad.abs().max() > 0 for parameter in decoder.parameters())


def test_a_full_cache_is_refused(decoder: Qwen3) -> None:
    tokens = random_tokens(1, 6)
    with pytest.raises(ValueError, match="6 tokens do not fit a KV cache of 5"):
        hidden(decoder, tokens, *one_segment(tokens), new_cache(1, 5))


def test_new_embeddings_are_small() -> None:
    torch.manual_seed(0)
    assert Qwen3(CONFIG).model.embed_tokens.weight.std() < 0.03


def test_a_config_that_cannot_work_says_why() -> None:
    with pytest.raises(ValueError, match="num_heads 4 is not a multiple of num_kv_heads 3"):
        replace(CONFIG, num_kv_heads=3)
    with pytest.raises(ValueError, match="even, got 7"):
        replace(CONFIG, head_dim=7)


@pytest.mark.parametrize("lengths", [(9, 9), (4, 9)], ids=["alike", "padded"])
def test_the_last_place_alone_is_that_of_all(decoder: Qwen3, lengths: tuple[int, int]) -> None:
    tokens = random_tokens(2, 9)
    positions, _ = one_segment(tokens)
    segments = (positions < torch.tensor(lengths).unsqueeze(1)).long()
    last = torch.tensor(lengths) - 1
    embeddings = decoder.model.embed_tokens(tokens)
    caches = new_cache(2, 12), new_cache(2, 12)
    whole = decoder(embeddings, positions, segments, caches[0])
    alone = decoder(embeddings, positions, segments, caches[1], last=last)
    assert alone.shape == (2, 1, CONFIG.hidden_size)
    assert_close(alone[:, 0], whole[torch.arange(2), last])
    for one, other in ((caches[0].keys, caches[1].keys), (caches[0].values, caches[1].values)):
        assert_close(one[:, 0, :, : lengths[0]], other[:, 0, :, : lengths[0]])
        assert_close(one[:, 1, :, :9], other[:, 1, :, :9])


def test_rows_some_at_a_time_are_as_at_once(decoder: Qwen3, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = random_tokens(5, 9)
    positions, segments = one_segment(tokens)
    embeddings, last = decoder.model.embed_tokens(tokens), torch.tensor([8, 8, 3, 8, 6])
    caches = new_cache(5, 12), new_cache(5, 12)
    at_once = decoder(embeddings, positions, segments, caches[0], last=last)
    monkeypatch.setattr("demiglace.model.qwen3.MAX_TOKENS_AT_ONCE", 20)
    assert_close(decoder.last_states(embeddings, positions, segments, caches[1], last), at_once)
    assert caches[1].length == 9
    following = (tokens[:, :1], positions[:, :1] + 9, segments[:, :1])
    assert_close(hidden(decoder, *following, caches[1]), hidden(decoder, *following, caches[0]))
