"""Steps with a cache of fixed shapes give the tokens of the engine's, row by row."""

import pytest
import torch
from checkpoints import tiny_config

from demiglace.batch import Batch
from demiglace.engine.graph_decoding import GreedyDecoder
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV

NEW = 12
LENGTHS = (9, 5)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    built = MiniCPMV(tiny_config(384)).eval()
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return built.requires_grad_(False)


@pytest.fixture
def batch():
    """Two rows, the second padded."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 384, (2, LENGTHS[0]), generator=generator)
    segments = (torch.arange(LENGTHS[0]) < torch.tensor(LENGTHS).unsqueeze(1)).long()
    return Batch(tokens, torch.arange(LENGTHS[0]).repeat(2, 1), segments, torch.empty(0, dtype=torch.int64))


def test_tokens_are_those_of_the_engine(model, batch):
    expected = [[], []]
    for step in generate(model, batch, [TokenSampler(SamplingParams.greedy(NEW)) for _ in range(2)]):
        expected[step.row].append(step.sampled.token)
    llm = model.config.llm
    cache = KVCache(llm.num_layers, 2, llm.num_kv_heads, LENGTHS[0] + NEW, llm.head_dim, torch.float32, "cpu")
    cache.keys.fill_(torch.nan)  # what is not filled yet may hold anything
    cache.values.fill_(torch.nan)
    hidden = model(batch, cache)
    last = torch.tensor(LENGTHS)
    first = model.logits(hidden[torch.arange(2), last - 1]).argmax(dim=-1, keepdim=True)
    decoder = GreedyDecoder(model, cache, first, last.unsqueeze(1))
    found = torch.cat([first, decoder.steps(NEW - 1)], dim=1)
    assert found.tolist() == expected
    assert decoder.cache.filled.item() == LENGTHS[0] + NEW - 1


def test_what_was_taken_back_is_not_seen(model, batch):
    llm = model.config.llm
    cache = KVCache(llm.num_layers, 2, llm.num_kv_heads, LENGTHS[0] + NEW, llm.head_dim, torch.float32, "cpu")
    model(batch, cache)
    decoder = GreedyDecoder(model, cache, torch.tensor([[3], [4]]), torch.tensor(LENGTHS).unsqueeze(1))
    held = [one.clone() for one in (decoder.tokens, decoder.positions, decoder.cache.filled)]
    first = decoder.steps(4)
    for one, value in zip((decoder.tokens, decoder.positions, decoder.cache.filled), held, strict=True):
        one.copy_(value)
    decoder.cache.hide_behind_filled()
    assert torch.equal(decoder.steps(4), first)
