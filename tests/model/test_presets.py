from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset


def on_meta(name: str) -> MiniCPMV:
    with torch.device("meta"):
        return MiniCPMV(preset(name))


def num_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def released_shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of the released checkpoint."""
    shapes = dict(decoder_shapes())
    shapes |= dict(encoder_shapes())
    shapes |= {
        "resampler.query": (64, 4096),
        "resampler.proj": (4096, 4096),
        "resampler.kv_proj.weight": (4096, 1152),
        "resampler.attn.in_proj_weight": (12288, 4096),
        "resampler.attn.in_proj_bias": (12288,),
        "resampler.attn.out_proj.weight": (4096, 4096),
        "resampler.attn.out_proj.bias": (4096,),
    }
    norms = ("ln_q", "ln_kv", "ln_post")
    return shapes | {f"resampler.{norm}.{kind}": (4096,) for norm in norms for kind in ("weight", "bias")}


def decoder_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from {
        "llm.model.embed_tokens.weight": (151748, 4096),
        "llm.lm_head.weight": (151748, 4096),
        "llm.model.norm.weight": (4096,),
    }.items()
    layer = {
        "input_layernorm": (4096,),
        "post_attention_layernorm": (4096,),
        "self_attn.q_proj": (4096, 4096),
        "self_attn.k_proj": (1024, 4096),
        "self_attn.v_proj": (1024, 4096),
        "self_attn.o_proj": (4096, 4096),
        "self_attn.q_norm": (128,),
        "self_attn.k_norm": (128,),
        "mlp.gate_proj": (12288, 4096),
        "mlp.up_proj": (12288, 4096),
        "mlp.down_proj": (4096, 12288),
    }
    for number in range(36):
        for name, shape in layer.items():
            yield f"llm.model.layers.{number}.{name}.weight", shape


def encoder_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from {
        "vpm.embeddings.patch_embedding.weight": (1152, 3, 14, 14),
        "vpm.embeddings.patch_embedding.bias": (1152,),
        "vpm.embeddings.position_embedding.weight": (4900, 1152),
        "vpm.post_layernorm.weight": (1152,),
        "vpm.post_layernorm.bias": (1152,),
    }.items()
    layer = {f"self_attn.{axis}_proj": (1152, 1152) for axis in ("q", "k", "v", "out")}
    layer |= {"mlp.fc1": (4304, 1152), "mlp.fc2": (1152, 4304), "layer_norm1": (1152,), "layer_norm2": (1152,)}
    for number in range(27):
        for name, shape in layer.items():
            yield f"vpm.encoder.layers.{number}.{name}.weight", shape
            yield f"vpm.encoder.layers.{number}.{name}.bias", shape[:1]


def test_8b_is_the_release_tensor_by_tensor() -> None:
    state = on_meta("8b").state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == released_shapes()
    assert Counter(name.split(".")[0] for name in state) == {"llm": 399, "vpm": 437, "resampler": 13}


def test_8b_has_the_parameters_of_the_release() -> None:
    model = on_meta("8b")
    assert num_parameters(model.llm) == 8_189_195_264
    assert num_parameters(model.vpm) == 417_792_240
    assert num_parameters(model.resampler) == 88_907_776
    assert num_parameters(model) == 8_695_895_280


def test_8b_follows_the_released_head_rule_and_position_arithmetic() -> None:
    config = preset("8b")
    assert config.resampler.num_heads == config.resampler.hidden_size // 128
    assert config.vision.position_ids == "released"


@pytest.mark.parametrize(("name", "parameters"), [("nano", 9_901_568), ("small", 189_770_432)])
def test_the_other_sizes(name: str, parameters: int) -> None:
    model = on_meta(name)
    assert num_parameters(model) == parameters
    assert all(parameter.is_meta for parameter in model.parameters())
    assert not list(model.buffers())


def test_nano_builds_for_real() -> None:
    assert all(parameter.isfinite().all() for parameter in MiniCPMV(preset("nano")).parameters())


def test_every_size_speaks_of_the_same_visual_tokens() -> None:
    configs = [preset(name) for name in ("nano", "small", "8b")]
    assert {config.resampler.num_queries for config in configs} == {64}
    assert {(config.vision.patch_size, config.vision.num_positions_per_side) for config in configs} == {(14, 70)}


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown preset '7b'; choose from nano, small, 8b"):
        preset("7b")
