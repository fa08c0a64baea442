from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from demiglace.model.siglip import SiglipConfig, SiglipEncoder, exact_position_ids, released_position_ids

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_layers": 2, "num_heads": 4, "patch_size": 4}
GRIDS = torch.tensor([[3, 5], [25, 2], [5, 3], [1, 1], [1, 140], [71, 1], [3, 5]])


def encoder(position_ids: Literal["exact", "released"] = "exact") -> SiglipEncoder:
    torch.manual_seed(0)
    built = SiglipEncoder(SiglipConfig(**SIZES, position_ids=position_ids))
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return built


def random_patches(grids: Tensor = GRIDS) -> Tensor:
    return torch.randn(int(grids.prod(1).sum()), 48, generator=torch.Generator().manual_seed(1))


def lengths(grids: Tensor = GRIDS) -> list[int]:
    return grids.prod(1).tolist()


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("num_patches", [1, 2, 25, 49, 50, 55, 58, 70, 71, 143, 700])
def test_exact_position_ids_are_the_floor(num_patches: int) -> None:
    assert exact_position_ids(num_patches, 70).tolist() == [70 * i // num_patches for i in range(num_patches)]


def test_released_position_ids_fall_one_short_where_float32_does() -> None:
    differing = [n for n in range(1, 71) if not torch.equal(released_position_ids(n, 70), exact_position_ids(n, 70))]
    assert differing == [25, 49, 50, 55, 58]
    ids = released_position_ids(25, 70)
    assert {i: int(ids[i]) for i in range(25) if ids[i] != 70 * i // 25} == {5: 13, 10: 27, 15: 41, 20: 55}


@pytest.mark.parametrize("num_patches", [25, 49, 50, 55, 58, 77, 143, 700])
def test_released_position_ids_are_never_further_off(num_patches: int) -> None:
    short = exact_position_ids(num_patches, 70) - released_position_ids(num_patches, 70)
    assert set(short.tolist()) <= {0, 1}


def test_the_switch_reaches_the_features() -> None:
    grids = torch.tensor([[25, 2]])
    exact, released = (encoder(ids)(random_patches(grids), grids) for ids in ("exact", "released"))
    moved = (exact - released).abs().amax(1) > 1e-3
    assert moved.any()
    grids = torch.tensor([[24, 2]])
    exact, released = (encoder(ids)(random_patches(grids), grids) for ids in ("exact", "released"))
    assert_close(exact, released)


@pytest.mark.parametrize(
    "grids", [[[6, 8]], [[3, 5], [4, 2], [10, 10]], [[1, 60], [143, 2], [25, 50]]], ids=["one", "mixed", "extreme"]
)
def test_parity_with_transformers(grids: list[list[int]]) -> None:
    pytest.importorskip("transformers")
    from transformers.models.minicpmv4_6.configuration_minicpmv4_6 import MiniCPMV4_6VisionConfig
    from transformers.models.minicpmv4_6.modeling_minicpmv4_6 import MiniCPMV4_6VisionModel

    grids, ours = torch.tensor(grids), encoder()
    config = MiniCPMV4_6VisionConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        patch_size=4,
        image_size=280,
        insert_layer_id=0,
    )
    theirs = MiniCPMV4_6VisionModel(config).eval()
    missing, unexpected = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert not unexpected
    assert all(name.startswith("vit_merger.") for name in missing)
    patches = random_patches(grids)
    side_by_side = patches.unflatten(1, (3, 4, 4)).permute(1, 2, 0, 3).flatten(2).unsqueeze(0)
    with torch.no_grad():
        expected = theirs(side_by_side, target_sizes=grids, use_vit_merger=False).last_hidden_state[0]
        assert_close(ours(patches, grids), expected)


def test_the_patch_embedding_is_the_released_convolution() -> None:
    embeddings, patches = encoder().embeddings, random_patches(torch.tensor([[1, 6]]))
    torch.nn.init.zeros_(embeddings.position_embedding.weight)
    convolution = embeddings.patch_embedding
    expected = F.conv2d(patches.unflatten(1, (3, 4, 4)), convolution.weight, convolution.bias, stride=4).flatten(1)
    assert_close(embeddings(patches, [(1, 6)]), expected)


def test_pictures_do_not_see_one_another() -> None:
    ours, patches = encoder(), random_patches()
    alone = [ours(part, grid[None]) for part, grid in zip(patches.split(lengths()), GRIDS, strict=True)]
    assert_close(ours(patches, GRIDS), torch.cat(alone))


def test_the_order_of_pictures_does_not_matter() -> None:
    ours, patches, order = encoder(), random_patches(), [4, 0, 6, 2, 1, 5, 3]
    shuffled = torch.cat([patches.split(lengths())[picture] for picture in order])
    expected = torch.cat([ours(patches, GRIDS).split(lengths())[picture] for picture in order])
    assert_close(ours(shuffled, GRIDS[order]), expected)


@pytest.mark.parametrize("limit", [1, 40, 150])
def test_chunks_change_nothing(limit: int) -> None:
    ours, patches = encoder(), random_patches()
    assert_close(ours(patches, GRIDS, max_patches_per_chunk=limit), ours(patches, GRIDS))


def test_gradients_reach_every_parameter_and_the_patches() -> None:
    ours, patches = encoder(), random_patches().requires_grad_()
    features = ours(patches, GRIDS)
    (features * torch.randn(features.shape)).sum().backward()
    assert (patches.grad.abs().amax(1) > 0).all()
    assert all(parameter.grad.abs().max() > 0 for parameter in ours.parameters())


def test_state_dict_has_the_released_names() -> None:
    layer = [
        f"{name}.{kind}" for name in ("layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2") for kind in ("weight", "bias")
    ]
    layer += [f"self_attn.{axis}_proj.{kind}" for axis in ("q", "k", "v", "out") for kind in ("weight", "bias")]
    expected = {f"encoder.layers.{number}.{name}" for number in range(2) for name in layer} | {
        "embeddings.patch_embedding.weight",
        "embeddings.patch_embedding.bias",
        "embeddings.position_embedding.weight",
        "post_layernorm.weight",
        "post_layernorm.bias",
    }
    state = encoder().state_dict()
    assert set(state) == expected
    assert state["embeddings.patch_embedding.weight"].shape == (32, 3, 4, 4)
    assert state["embeddings.position_embedding.weight"].shape == (4900, 32)


def test_a_config_that_cannot_work_says_why() -> None:
    with pytest.raises(ValueError, match="30 is not a multiple of num_heads 4"):
        SiglipConfig(**{**SIZES, "hidden_size": 30})
    with pytest.raises(ValueError, match="'float'"):
        SiglipConfig(**SIZES, position_ids="float")
