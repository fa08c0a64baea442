import pytest
import torch

from demiglace.model.kv_cache import KVCache


def test_cache_holds_what_was_appended() -> None:
    cache = KVCache(2, 1, 2, capacity=5, head_dim=4, dtype=torch.float32, device="cpu")
    pieces = [torch.randn(1, 2, length, 4) for length in (3, 1)]
    for start, piece in zip((0, 3), pieces, strict=True):
        positions = torch.arange(start, start + piece.shape[2])[None]
        seen, segments = cache.advance(positions, torch.ones_like(positions))
        keys, values = cache.append(1, piece, -piece)
    assert seen.tolist() == [[0, 1, 2, 3]]
    assert segments.tolist() == [[1, 1, 1, 1]]
    torch.testing.assert_close(keys, torch.cat(pieces, 2))
    torch.testing.assert_close(values, -keys)


def test_a_full_cache_says_both_numbers() -> None:
    cache = KVCache(1, 1, 1, capacity=3, head_dim=2, dtype=torch.float32, device="cpu")
    cache.advance(torch.zeros(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match="4 tokens do not fit a KV cache of 3"):
        cache.advance(torch.zeros(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.int64))
    assert cache.length == 2


def filled_cache() -> KVCache:
    """Four rows of three tokens each; row r holds 10 r + place."""
    cache = KVCache(1, 4, 1, capacity=5, head_dim=1, dtype=torch.float32, device="cpu")
    numbers = 10 * torch.arange(4).unsqueeze(1) + torch.arange(3)
    cache.advance(numbers, numbers + 1)
    cache.append(0, numbers[:, None, :, None].float(), -numbers[:, None, :, None].float())
    return cache


def rows_of(cache: KVCache) -> list[list[int]]:
    """What the rows hold, the same in keys, values, positions and segments."""
    keys, values = (held[0, :, 0, : cache.length, 0].long() for held in (cache.keys, -cache.values))
    positions, segments = cache.positions[:, : cache.length], cache.segments[:, : cache.length] - 1
    assert keys.tolist() == values.tolist() == positions.tolist() == segments.tolist()
    return keys.tolist()


@pytest.mark.parametrize(("rows", "left"), [([3], [0, 1, 2]), ([0], [3, 1, 2]), ([2, 0], [3, 1]), ([0, 1, 3], [2])])
def test_the_last_rows_take_the_places_of_those_let_go(rows: list[int], left: list[int]) -> None:
    cache = filled_cache()
    assert cache.drop(rows) == left
    assert rows_of(cache) == [[10 * row, 10 * row + 1, 10 * row + 2] for row in left]
    one_more = torch.full((len(left), 1), 7)
    cache.advance(one_more, one_more + 1)
    cache.append(0, one_more[:, :, None, None].float(), -one_more[:, :, None, None].float())
    assert rows_of(cache) == [[10 * row, 10 * row + 1, 10 * row + 2, 7] for row in left]


def test_rows_take_the_ends_of_others() -> None:
    cache = filled_cache()
    cache.reorder(torch.tensor([1, 1, 0, 3]), start=1)
    assert rows_of(cache) == [[0, 11, 12], [10, 11, 12], [20, 1, 2], [30, 31, 32]]


def test_a_repeated_cache_has_its_own_rows() -> None:
    cache = filled_cache()
    cache.drop([2, 3])
    twice = cache.repeated(2)
    assert rows_of(twice) == [[0, 1, 2], [0, 1, 2], [10, 11, 12], [10, 11, 12]]
    twice.reorder(torch.tensor([2, 2, 2, 2]), start=0)
    assert rows_of(cache) == [[0, 1, 2], [10, 11, 12]]
