"""config.json: the released one is read and written field by field, however it was written, or refused by name."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkpoints import edit, fields_of, tiny_config

from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.presets import preset

BY_TRANSFORMERS_5 = Path(__file__).parents[1] / "golden" / "config_by_transformers_5.json"  # nano, by 5.23.0
RELEASED = {  # the released config.json; what names its origin or its makers' software is left out
    "model_type": "minicpmv",
    "version": 4.5,
    "architectures": ["MiniCPMV"],
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "rope_scaling": None,
    "max_position_embeddings": 40960,
    "max_window_layers": 36,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "sliding_window": None,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 151748,
    "initializer_range": 0.02,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "use_cache": True,
    "query_num": 64,
    "batch_vision_input": True,
    "batch_3d_resampler": True,
    "drop_vision_last_layer": False,
    "image_size": 448,
    "patch_size": 14,
    "slice_mode": True,
    "slice_config": {"max_slice_nums": 9, "patch_size": 14, "model_type": "minicpmv"},
    "vision_config": {
        "hidden_size": 1152,
        "image_size": 980,
        "intermediate_size": 4304,
        "model_type": "siglip",
        "num_attention_heads": 16,
        "num_hidden_layers": 27,
        "patch_size": 14,
    },
}


def test_the_release_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(RELEASED))
    assert weights.read_config(tmp_path) == preset("8b")


def test_the_release_is_written_field_by_field(tmp_path: Path) -> None:
    weights.write_config(preset("8b"), tmp_path)
    written = fields_of(tmp_path)
    code = written.pop("auto_map")
    assert code["AutoConfig"] == "openbmb/MiniCPM-V-4_5--configuration_minicpm.MiniCPMVConfig"
    assert written == RELEASED


@pytest.mark.parametrize("name", ["nano", "small", "8b"])
def test_configs_come_back(tmp_path: Path, name: str) -> None:
    config = preset(name)
    weights.write_config(config, tmp_path)
    assert weights.read_config(tmp_path) == config


def test_unusual_numbers_come_back(tmp_path: Path) -> None:
    config = tiny_config(100)
    vision = replace(config.vision, layer_norm_eps=1e-5, num_positions_per_side=12, position_ids="exact")
    config = MiniCPMVConfig(vision, config.resampler, replace(config.llm, rope_theta=0.5, rms_norm_eps=1e-5))
    weights.write_config(config, tmp_path)
    assert weights.read_config(tmp_path) == config


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 4.6}, r"version 4.6 \(not 4.5\)"),
        ({"model_type": "minicpmo", "attention_bias": True}, "model_type 'minicpmo' .*attention_bias True"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings True"),
        ({"drop_vision_last_layer": True}, "drop_vision_last_layer True"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers must be a whole number from 1 to 1024, got 1000000000"),
        ({"vocab_size": 10**12}, "vocab_size must be a whole number"),
        ({"hidden_size": "8"}, "hidden_size must be a whole number from 1 to 1048576, got '8'"),
        ({"head_dim": None}, "head_dim must be a whole number"),
        ({"rope_theta": -1}, r"rope_theta must be a number in \(0, 1e\+12\], got -1"),
        ({"vision_config": None}, "vision_config must be a table, got None"),
        ({"resampler_num_heads": 3}, "hidden_size 8 is not a multiple of num_heads 3"),
    ],
    ids=str,
)
def test_configs_of_other_models(copy: Path, change: dict[str, Any], told: str) -> None:
    edit(copy / "config.json", lambda fields: fields.update(change))
    with pytest.raises(ValueError, match=told):
        weights.read_config(copy)


def test_fields_that_are_absent(copy: Path) -> None:
    edit(copy / "config.json", lambda fields: [fields.pop(name) for name in ("version", "hidden_act", "rope_scaling")])
    assert weights.read_config(copy) == tiny_config(151748)
    edit(copy / "config.json", lambda fields: fields.pop("drop_vision_last_layer"))
    with pytest.raises(ValueError, match="drop_vision_last_layer None"):  # the released class then drops a layer
        weights.read_config(copy)


def as_transformers_5_writes(fields: dict[str, Any]) -> None:
    fields["rope_parameters"] = {"rope_type": "default", "rope_theta": float(fields.pop("rope_theta"))}
    fields["dtype"] = fields.pop("torch_dtype")
    fields["layer_types"] = ["full_attention"] * fields["num_hidden_layers"]
    fields["vision_config"] |= {"hidden_act": "gelu_pytorch_tanh", "num_channels": 3, "dtype": None}
    del fields["rope_scaling"]


def test_a_config_by_transformers_5_is_read_and_the_released_one_is_written(tmp_path: Path) -> None:
    weights.write_config(preset("8b"), tmp_path)
    edit(tmp_path / "config.json", as_transformers_5_writes)
    config = weights.read_config(tmp_path)
    assert config == preset("8b")
    weights.write_config(config, tmp_path)
    assert fields_of(tmp_path)["rope_theta"] == 1_000_000
    assert not {"rope_parameters", "dtype"} & fields_of(tmp_path).keys()


def test_a_config_that_transformers_5_wrote_is_read(tmp_path: Path) -> None:
    shutil.copy(BY_TRANSFORMERS_5, tmp_path / "config.json")
    assert weights.read_config(tmp_path) == preset("nano")


def test_what_transformers_writes_is_read(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    weights.write_config(preset("nano"), tmp_path)
    theirs = transformers.Qwen3Config(**{**fields_of(tmp_path), "model_type": "qwen3"}).to_dict()
    edit(tmp_path / "config.json", lambda fields: fields.pop("rope_theta"))
    rotary = {name: theirs[name] for name in ("rope_parameters", "dtype", "layer_types")}
    edit(tmp_path / "config.json", lambda fields: fields.update(rotary))
    assert weights.read_config(tmp_path) == preset("nano")


@pytest.mark.parametrize(
    "change",
    [
        {"rope_scaling": {"rope_type": "default"}},
        {"rope_scaling": {"type": "default", "rope_theta": 1e6}},
        {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e6}}},
        {"rope_parameters": {"rope_theta": 1e6, "partial_rotary_factor": 1.0, "factor": None}},
    ],
    ids=str,
)
def test_rotary_positions_as_they_are(copy: Path, change: dict[str, Any]) -> None:
    edit(copy / "config.json", lambda fields: fields.update(change))
    assert weights.read_config(copy) == tiny_config(151748)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "rope_parameters asks for rope_type 'yarn'"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling asks for type 'linear'"),
        ({"rope_scaling": {"rope_type": "dynamic"}}, "rope_scaling asks for rope_type 'dynamic'"),
        ({"rope_scaling": {"factor": 2.0}}, "rope_scaling asks for factor 2.0"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "rope_parameters asks for partial_rotary_factor 0.5"),
        (
            {"rope_parameters": {"sliding_attention": {"rope_theta": 1e4}}},
            "rope_parameters asks for sliding_attention",
        ),
        ({"rope_parameters": {"rope_theta": 1e4}}, "rope_theta 1000000.0, rope_parameters.rope_theta 10000.0"),
        ({"rope_parameters": [1]}, r"rope_parameters must be a table, got \[1\]"),
        ({"rope_parameters": {"rope_theta": "x"}}, "rope_parameters.rope_theta must be a number"),
        ({"rope_theta": None}, "rope_theta is missing"),
        ({"rope_theta": 10**400}, "rope_theta must be a number in .*, got a whole number of 1329 bits"),
        ({"rms_norm_eps": 10**400}, "rms_norm_eps must be a number"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types has 'sliding_attention'"),
        ({"layer_types": 3}, "layer_types must be a list, got 3"),
        ({"vocab_size": 10**400}, "vocab_size must be a whole number"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_rotary_positions_and_layers_of_another_kind_are_named(copy: Path, change: dict[str, Any], told: str) -> None:
    edit(copy / "config.json", lambda fields: fields.update(change))
    with pytest.raises(ValueError, match=told):
        weights.read_config(copy)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hidden_act": "gelu"}, "vision_config describes another kind of model: hidden_act 'gelu'"),
        ({"position_ids": 3}, "position_ids must be one of exact, released, got 3"),
        ({"layer_norm_eps": 10**400}, "layer_norm_eps must be a number"),
        ({"num_attention_heads": None}, "vision_config: num_attention_heads must be a whole number"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_encoders_of_another_kind_are_named(copy: Path, change: dict[str, Any], told: str) -> None:
    edit(copy / "config.json", lambda fields: fields["vision_config"].update(change))
    with pytest.raises(ValueError, match=told):
        weights.read_config(copy)


def test_no_or_broken_config(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no config.json in"):
        weights.read_config(tmp_path)
    for content, told in [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("1", "JSON object, got int"),
    ]:
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ValueError, match=told):
            weights.read_config(tmp_path)
