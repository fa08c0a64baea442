"""Attention by segment computes what the mask computes."""

import pytest
import torch

from demiglace.batch import PADDING
from demiglace.model import packed_attention
from demiglace.model.layers import causal_attention, visibility
from demiglace.model.packed_attention import segment_lengths
from demiglace.model.qwen3 import Qwen3, Qwen3Config


@pytest.fixture(autouse=True)
def _short_rows_too(monkeypatch):
    monkeypatch.setattr(packed_attention, "LONGEST_MASKED_ROW", 4)


def rows_of(*lengths, size=12):
    """Positions and segments of rows that hold samples of these lengths and end with padding."""
    positions, segments = torch.zeros(len(lengths), size, dtype=torch.int64), torch.full((len(lengths), size), PADDING)
    for row, held in enumerate(lengths):
        start = 0
        for number, length in enumerate(held, 1):
            positions[row, start : start + length] = torch.arange(length)
            segments[row, start : start + length] = number
            start += length
    return positions, segments


PACKED = [([5, 3, 4], [12]), ([4, 4, 3], [1, 6]), ([2], [7, 5]), ([3, 3, 3, 3], [3, 3, 3, 3])]


@pytest.mark.parametrize("lengths", PACKED, ids=str)
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_by_segment_is_under_the_mask(lengths, kv_heads):
    torch.manual_seed(0)
    positions, segments = rows_of(*lengths)
    query = torch.randn(2, 4, 12, 8, requires_grad=True)
    key, value = (torch.randn(2, kv_heads, 12, 8, requires_grad=True) for _ in range(2))
    masked = causal_attention(query, key, value, visibility(positions, segments, positions, segments))
    packed = packed_attention.packed_attention(query, key, value, segment_lengths(positions, segments))
    inside = (segments != PADDING)[:, None, :, None]
    torch.testing.assert_close(packed * inside, masked * inside, atol=1e-6, rtol=0)
    assert packed.isfinite().all()

    weights = torch.randn(masked.shape) * inside
    mine, theirs = (torch.autograd.grad((got * weights).sum(), (query, key, value)) for got in (packed, masked))
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)


def test_each_token_of_padding_is_a_segment():
    assert segment_lengths(*rows_of([5, 3], [9], size=12)) == (5, 3, 1, 1, 1, 1, 9, 1, 1, 1)


def test_rows_of_one_segment_are_plain():
    assert segment_lengths(*rows_of([12], [12])) is None


def test_short_rows_keep_the_mask():
    assert segment_lengths(*rows_of([2, 2], [4], size=4)) is None


def test_padding_before_a_sample_is_taken_and_padding_within_one_is_not():
    positions, segments = torch.tensor([[0, 0, 0, 1, 2, 3]]), torch.tensor([[0, 0, 1, 1, 1, 1]])
    assert segment_lengths(positions, segments) == (1, 1, 4)
    assert segment_lengths(torch.tensor([[0, 1, 0, 2, 3, 4]]), torch.tensor([[1, 1, 0, 1, 1, 1]])) is None


def test_positions_that_do_not_rise_keep_the_mask():
    assert segment_lengths(torch.tensor([[0, 1, 1, 2, 0, 1]]), torch.tensor([[1, 1, 1, 1, 2, 2]])) is None


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_decoder_computes_the_same_either_way(monkeypatch, checkpointing):
    torch.manual_seed(0)
    decoder = Qwen3(Qwen3Config(40, 24, 36, 2, 4, 2, 8, 5_000.0, 1e-5, 64))
    positions, segments = rows_of([5, 3], [4, 4, 3])
    embeddings, inside = torch.randn(2, 12, 24), (segments != PADDING).unsqueeze(-1)

    def computed():
        decoder.zero_grad()
        hidden = decoder(embeddings, positions, segments, checkpointing=checkpointing) * inside
        hidden.square().sum().backward()
        return hidden.detach(), decoder.model.layers[0].self_attn.q_proj.weight.grad.clone()

    by_segment = computed()
    monkeypatch.setattr(packed_attention, "LONGEST_MASKED_ROW", 100)
    torch.testing.assert_close(by_segment, computed(), atol=1e-4, rtol=1e-5)
