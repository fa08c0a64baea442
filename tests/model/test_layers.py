import pytest
import torch
from torch import Tensor

from demiglace.model.layers import (
    SHORTEST_IN_BFLOAT16,
    LayerNorm,
    RMSNorm,
    causal_attention,
    chunks_by_length,
    grouped_attention,
    packed_rows,
    rotary_table,
    rotate,
    visibility,
)


def softmax_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(heads, queries, head_dim), (heads, keys, head_dim), spelled out."""
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    return scores.softmax(-1) @ value


def test_rms_norm_is_the_formula() -> None:
    torch.manual_seed(0)
    norm, x = RMSNorm(16, eps=1e-3), torch.randn(3, 16)
    torch.nn.init.normal_(norm.weight)
    expected = x / (x.square().mean(-1, keepdim=True) + 1e-3).sqrt() * norm.weight
    torch.testing.assert_close(norm(x), expected)


def test_rms_norm_keeps_the_dtype_of_its_input() -> None:
    assert RMSNorm(16, eps=1e-6)(torch.randn(3, 16, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_a_layer_norm_learns_from_a_sum_in_float32() -> None:
    """torch 2.13 adds its gradients up in bfloat16 on a CPU, where 256 + 1 is 256
    (findings/torch_bfloat16_gradients_stop.sh)."""
    torch.manual_seed(0)
    norm, x = LayerNorm(2, eps=1e-6), torch.randn(2000, 2).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        normed = norm(x)
    normed.sum().backward()
    assert normed.dtype == torch.bfloat16
    assert norm.bias.grad.tolist() == [2000, 2000]
    with torch.no_grad():
        torch.testing.assert_close(normed, norm(x), atol=1e-3, rtol=0.02)  # by torch's own


def test_rotary_is_a_complex_rotation() -> None:
    torch.manual_seed(0)
    positions, x = torch.tensor([[0, 3, 900]]), torch.randn(1, 2, 3, 8)
    turned = rotate(x, rotary_table(positions, 8, 10_000.0, torch.float32))
    angles = positions[0].double()[:, None] * 10_000.0 ** -(torch.arange(4).double() / 4)
    expected = torch.complex(x[..., :4].double(), x[..., 4:].double()) * torch.polar(torch.ones_like(angles), angles)
    torch.testing.assert_close(turned, torch.cat((expected.real, expected.imag), -1).float(), atol=1e-4, rtol=0)


def test_rotary_angles_are_those_of_qwen3_to_the_bit() -> None:
    positions = torch.tensor([[0, 1, 4_095, 40_959]])
    frequencies = 1.0 / (1e6 ** (torch.arange(0, 128, 2, dtype=torch.int64).float() / 128))  # transformers
    angles = positions.float().unsqueeze(-1) * torch.cat((frequencies, frequencies))
    cos, sin = rotary_table(positions, 128, 1e6, torch.float32)
    assert torch.equal(cos[:, 0], angles.cos())
    assert torch.equal(sin[:, 0], angles.sin())


def test_rotary_tables_are_float32_inside_a_half_precision_model() -> None:
    positions = torch.tensor([[4001]])
    half, full = (rotary_table(positions, 8, 1e6, dtype) for dtype in (torch.bfloat16, torch.float32))
    torch.testing.assert_close(half[0], full[0].bfloat16())


@pytest.mark.parametrize("limit", [None, 1, 7, 10, 1000])
def test_chunks_hold_every_group_once_and_keep_the_limit(limit: int | None) -> None:
    lengths = [5, 3, 12, 3, 4, 5]
    chunks = chunks_by_length(lengths, limit)
    assert sorted(group for chunk in chunks for group in chunk) == list(range(6))
    assert [lengths[group] for chunk in chunks for group in chunk] == sorted(lengths)
    assert all(len(chunk) == 1 or sum(lengths[g] for g in chunk) <= (limit or 1000) for chunk in chunks)
    assert limit is not None or len(chunks) == 1


def test_packed_rows_follow_the_order_of_the_groups() -> None:
    assert packed_rows([2, 3, 1], [2, 0], torch.device("cpu")).tolist() == [5, 0, 1]


@pytest.mark.parametrize(
    ("query_lengths", "key_lengths"),
    [([4, 4, 4], [4, 4, 4]), ([1, 5, 2, 2], [1, 5, 2, 2]), ([3, 3, 3], [2, 7, 7])],
    ids=["equal", "mixed", "cross"],
)
def test_grouped_attention_is_attention_in_each_group(query_lengths: list[int], key_lengths: list[int]) -> None:
    torch.manual_seed(0)
    query = torch.randn(sum(query_lengths), 2, 8, requires_grad=True)
    key, value = (torch.randn(sum(key_lengths), 2, 8, requires_grad=True) for _ in range(2))
    groups = zip(query.split(query_lengths), key.split(key_lengths), value.split(key_lengths), strict=True)
    expected = [softmax_attention(*(x.transpose(0, 1) for x in group)).transpose(0, 1) for group in groups]
    got = grouped_attention(query, key, value, query_lengths, key_lengths)
    torch.testing.assert_close(got, torch.cat(expected), atol=1e-5, rtol=0)

    weights = torch.randn(got.shape)
    got_grads = torch.autograd.grad((got * weights).sum(), (query, key, value))
    expected_grads = torch.autograd.grad((torch.cat(expected) * weights).sum(), (query, key, value))
    torch.testing.assert_close(got_grads, expected_grads, atol=1e-5, rtol=0)


@pytest.mark.parametrize("length", [SHORTEST_IN_BFLOAT16 - 1, SHORTEST_IN_BFLOAT16])
@pytest.mark.parametrize("has_bias", [False, True])
def test_groups_that_learn_in_bfloat16_are_close_to_float32_and_keep_their_dtype(length: int, has_bias: bool) -> None:
    torch.manual_seed(0)
    exact = [torch.randn(2 * length, 2, 8, requires_grad=True) for _ in range(3)]
    rough = [x.detach().bfloat16().requires_grad_() for x in exact]
    bias = torch.randn(2 * length) if has_bias else None
    mixed = grouped_attention(*exact, [length] * 2, [length] * 2, bias)
    with torch.autocast("cpu", torch.bfloat16):
        found = grouped_attention(*rough, [length] * 2, [length] * 2, None if bias is None else bias.bfloat16())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), mixed, atol=0.05, rtol=0.05)
    mixed.square().sum().backward()
    found.float().square().sum().backward()
    for one, other in zip(exact, rough, strict=True):
        assert other.grad.dtype == torch.bfloat16
        assert (one.grad - other.grad.float()).norm() < 0.03 * one.grad.norm()


def test_plain_rows_need_no_mask() -> None:
    positions, segments = torch.arange(4).expand(2, -1), torch.ones(2, 4, dtype=torch.int64)
    assert visibility(positions, segments, positions, segments) is None
    assert visibility(positions[:, -1:], segments[:, -1:], positions, segments) is None


def test_a_continued_row_of_several_tokens_needs_a_mask() -> None:
    positions, segments = torch.arange(4).expand(1, -1), torch.ones(1, 4, dtype=torch.int64)
    visible = visibility(positions[:, 2:], segments[:, 2:], positions, segments)
    assert visible[0, 0].tolist() == [[True, True, True, False], [True, True, True, True]]


def test_packed_samples_and_padding_see_only_their_own() -> None:
    positions, segments = torch.tensor([[0, 1, 0, 1, 0]]), torch.tensor([[1, 1, 2, 2, 0]])
    visible = visibility(positions, segments, positions, segments)
    assert visible[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_padding_between_a_prompt_and_its_answer_is_not_seen() -> None:
    positions, segments = torch.tensor([[0, 1, 0, 2]]), torch.tensor([[1, 1, 0, 1]])
    visible = visibility(positions[:, 3:], segments[:, 3:], positions, segments)
    assert visible[0, 0].tolist() == [[True, True, False, True]]


@pytest.mark.parametrize("queries", [1, 3, 5])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_causal_attention_shares_key_heads(queries: int, kv_heads: int) -> None:
    torch.manual_seed(0)
    query = torch.randn(2, 4, queries, 8)
    key, value = torch.randn(2, kv_heads, 5, 8), torch.randn(2, kv_heads, 5, 8)
    positions, segments = torch.arange(5).expand(2, -1), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 2, 2, 2]])
    visible = visibility(positions[:, -queries:], segments[:, -queries:], positions, segments)
    got = causal_attention(query, key, value, visible)
    for row in range(2):
        for head in range(4):
            for index in range(queries):
                seen = visible[row, 0, index]
                shared = head // (4 // kv_heads)
                expected = softmax_attention(
                    query[row, head, index : index + 1], key[row, shared, seen], value[row, shared, seen]
                )
                torch.testing.assert_close(got[row, head, index], expected[0], atol=1e-5, rtol=0)


def test_causal_attention_without_a_mask_is_causal() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(1, 4, 6, 8), torch.randn(1, 2, 6, 8), torch.randn(1, 2, 6, 8)
    mask = torch.ones(1, 1, 6, 6, dtype=torch.bool).tril()
    torch.testing.assert_close(causal_attention(query, key, value, None), causal_attention(query, key, value, mask))
