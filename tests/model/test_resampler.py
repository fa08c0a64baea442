import ast
import importlib
import importlib.util
import typing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from demiglace.batch import STILL
from demiglace.model.resampler import Resampler, ResamplerConfig, grid_positions, tick_positions

CONFIG = ResamplerConfig(num_queries=5, hidden_size=32, feature_size=12, num_heads=4)
# Packages: an image, six frames, two frames of different grids, an image of an extreme grid, three frames.
GRIDS = torch.tensor([[3, 4], *[[4, 5]] * 6, [2, 3], [4, 2], [1, 90], *[[6, 2]] * 3])
PACKAGE_SIZES = torch.tensor([1, 6, 2, 1, 3])
TICKS = torch.tensor([STILL, 0, 3, 7, 10, 13, 17, 40, STILL, STILL, 71_933, 71_936, 71_940])


def resampler() -> Resampler:
    torch.manual_seed(0)
    built = Resampler(CONFIG)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return built


def random_features(grids: Tensor = GRIDS) -> Tensor:
    return torch.randn(int(grids.prod(1).sum()), 12, generator=torch.Generator().manual_seed(1))


def by_picture(features: Tensor, grids: Tensor = GRIDS) -> tuple[Tensor, ...]:
    return features.split(grids.prod(1).tolist())


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def one_package(ours: Resampler, features: Tensor, grids: Tensor, ticks: Tensor) -> Tensor:
    """The release spelled out for one package, with torch's own attention."""
    attention = torch.nn.MultiheadAttention(32, 4, batch_first=True)
    attention.load_state_dict(ours.attn.state_dict())
    values = ours.ln_kv(features @ ours.kv_proj.weight.T)
    places = []
    for (height, width), tick in zip(grids.tolist(), ticks.tolist(), strict=True):
        for row in range(height):
            for column in range(width):
                place = np.concatenate([sines(column, 16), sines(row, 16)])
                places.append(place if tick == STILL else place + sines(tick, 32))
    keys = values + torch.tensor(np.array(places), dtype=torch.float32)
    attended, _ = attention(ours.ln_q(ours.query)[None], keys[None], values[None])
    return ours.ln_post(attended[0]) @ ours.proj


def sines(place: int, dim: int) -> np.ndarray:
    frequencies = (1.0 / 10000 ** (np.arange(dim // 2, dtype=np.float32) / (dim / 2.0))).astype(np.float32)
    angles = np.float32(place) * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)])


def test_columns_come_before_rows() -> None:
    table = grid_positions(3, 4, 16).unflatten(0, (3, 4))
    assert table.shape == (3, 4, 16)
    torch.testing.assert_close(table[0, :, :8], table[2, :, :8])
    torch.testing.assert_close(table[:, 0, 8:], table[:, 3, 8:])
    assert_close(table[1, 3], torch.from_numpy(np.concatenate([sines(3, 8), sines(1, 8)])))


def test_no_grid_is_too_large() -> None:
    assert_close(grid_positions(2, 700, 8)[-1], torch.from_numpy(np.concatenate([sines(699, 4), sines(1, 4)])))


def test_ticks_follow_the_released_formula_to_the_end_of_a_long_video() -> None:
    ticks = [0, 1, 600, 71_999, 200_000]
    expected = torch.from_numpy(np.stack([sines(tick, 4096) for tick in ticks]))
    assert_close(tick_positions(torch.tensor(ticks), 4096), expected)


def test_a_still_picture_has_no_time() -> None:
    table = tick_positions(torch.tensor([STILL, 0]), 8)
    assert table[0].tolist() == [0.0] * 8
    assert table[1].tolist() == [0.0] * 4 + [1.0] * 4


def test_packages_of_mixed_lengths_are_the_release_one_by_one() -> None:
    ours, features = resampler(), random_features()
    pictures, start, expected = by_picture(features), 0, []
    for size in PACKAGE_SIZES.tolist():
        own = slice(start, start + size)
        expected.append(one_package(ours, torch.cat(pictures[own]), GRIDS[own], TICKS[own]))
        start += size
    got = ours(features, GRIDS, PACKAGE_SIZES, TICKS)
    assert got.shape == (5, 5, 32)
    assert_close(got, torch.stack(expected))


@pytest.mark.parametrize("limit", [1, 30, 130])
def test_chunks_change_nothing(limit: int) -> None:
    ours, features = resampler(), random_features()
    whole = ours(features, GRIDS, PACKAGE_SIZES, TICKS)
    assert_close(ours(features, GRIDS, PACKAGE_SIZES, TICKS, max_patches_per_chunk=limit), whole)


def test_the_order_of_packages_does_not_matter() -> None:
    ours, features = resampler(), random_features()
    order = [2, 4, 0, 3, 1]
    starts = [0, 1, 7, 9, 10]
    pictures = [p for package in order for p in range(starts[package], starts[package] + int(PACKAGE_SIZES[package]))]
    shuffled = torch.cat([by_picture(features)[picture] for picture in pictures])
    got = ours(shuffled, GRIDS[pictures], PACKAGE_SIZES[order], TICKS[pictures])
    assert_close(got, ours(features, GRIDS, PACKAGE_SIZES, TICKS)[order])


def test_frames_with_their_ticks_may_come_in_any_order() -> None:
    ours, order = resampler(), [5, 0, 3, 1, 4, 2]
    grids, ticks, size = GRIDS[1:7], TICKS[1:7], torch.tensor([6])
    features = random_features(grids)
    shuffled = torch.cat([by_picture(features, grids)[frame] for frame in order])
    assert_close(ours(shuffled, grids, size, ticks[order]), ours(features, grids, size, ticks))


def test_time_and_place_are_seen() -> None:
    ours, grids, size = resampler(), torch.tensor([[2, 3], [2, 3]]), torch.tensor([2])
    features = random_features(grids)
    ticks = torch.tensor([0, 5])
    base = ours(features, grids, size, ticks)
    assert (base - ours(features, grids, size, ticks.flip(0))).abs().max() > 1e-3
    assert (base - ours(features, grids.flip(1), size, ticks)).abs().max() > 1e-3


def test_gradients_reach_every_parameter_and_feature() -> None:
    ours, features = resampler(), random_features().requires_grad_()
    tokens = ours(features, GRIDS, PACKAGE_SIZES, TICKS)
    (tokens * torch.randn(tokens.shape)).sum().backward()
    assert (features.grad.abs().amax(1) > 0).all()
    assert all(parameter.grad.abs().max() > 0 for parameter in ours.parameters())


def reference_resampler() -> tuple[typing.Any, typing.Any]:
    """mlx-vlm's Resampler alone, from its installed file: the package itself imports much that is not needed here."""
    mx = pytest.importorskip("mlx.core")
    spec = importlib.util.find_spec("mlx_vlm")
    if spec is None:
        pytest.skip("mlx-vlm is not installed")
    path = Path(spec.submodule_search_locations[0]) / "models" / "minicpmo" / "minicpmo.py"
    wanted = {"CrossAttention", "Resampler"}
    body = [
        node
        for node in ast.parse(path.read_text()).body
        if getattr(node, "name", "") in wanted or getattr(node, "name", "").startswith("get_")
    ]
    names = {"mx": mx, "nn": importlib.import_module("mlx.nn"), "np": np, "Optional": typing.Optional}
    exec(compile(ast.Module(body, []), str(path), "exec"), names)
    return mx, names["Resampler"](num_queries=5, embed_dim=32, num_heads=4, kv_dim=12)


def test_image_path_parity_with_mlx_vlm() -> None:
    mx, theirs = reference_resampler()
    ours, grids = resampler(), torch.tensor([[3, 4], [7, 2], [1, 90]])
    state = {name: tensor.numpy() for name, tensor in ours.state_dict().items()}
    for kind in ("weight", "bias"):
        parts = np.split(state.pop(f"attn.in_proj_{kind}"), 3)
        state |= {f"attn.{axis}_proj.{kind}": part for axis, part in zip("qkv", parts, strict=True)}
    theirs.load_weights([(name, mx.array(array)) for name, array in state.items()])
    features = random_features(grids)
    padded = torch.nn.utils.rnn.pad_sequence(by_picture(features, grids), batch_first=True)
    expected = np.array(theirs(mx.array(padded.numpy()), mx.array(grids.numpy())))
    ones = torch.ones(3, dtype=torch.int64)
    with torch.no_grad():
        assert_close(ours(features, grids, ones, ones * STILL), torch.from_numpy(expected))


def test_state_dict_has_the_released_names_and_shapes() -> None:
    norms = {f"{norm}.{kind}": (32,) for norm in ("ln_q", "ln_kv", "ln_post") for kind in ("weight", "bias")}
    attention = {
        "attn.in_proj_weight": (96, 32),
        "attn.in_proj_bias": (96,),
        "attn.out_proj.weight": (32, 32),
        "attn.out_proj.bias": (32,),
    }
    expected = {"query": (5, 32), "proj": (32, 32), "kv_proj.weight": (32, 12)} | norms | attention
    assert {name: tuple(tensor.shape) for name, tensor in resampler().state_dict().items()} == expected


@pytest.mark.parametrize(
    ("hidden_size", "num_heads", "words"), [(30, 4, "30 is not a multiple"), (30, 3, "multiple of 4")]
)
def test_a_config_that_cannot_work_says_why(hidden_size: int, num_heads: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ResamplerConfig(num_queries=5, hidden_size=hidden_size, feature_size=12, num_heads=num_heads)
