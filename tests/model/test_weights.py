"""Checkpoints: what is saved comes back bit for bit, what does not fit is named, what may harm is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import tiny_checkpoint as write_tiny_checkpoint
from checkpoints import tiny_config
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.presets import preset

BY_TRANSFORMERS_5 = Path(__file__).parents[2].parent / "shared" / "cases" / "config-by-transformers-5.json"
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


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint, to be spoiled."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in one file, with a vocabulary of bytes."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("small"), sharded=False, released_ids=False)


def fields_of(folder: Path, name: str = "config.json") -> dict[str, Any]:
    return json.loads((folder / name).read_text())


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def same(one: MiniCPMV, other: MiniCPMV) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return list(ours) == list(theirs) and all(
        ours[name].dtype == theirs[name].dtype and torch.equal(ours[name], theirs[name]) for name in ours
    )


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


def test_facts_of_the_processor_are_repeated(small: Path, tiny_checkpoint: Path) -> None:
    generation = fields_of(tiny_checkpoint, "generation_config.json")
    assert generation == {
        "do_sample": False,
        "bos_token_id": 151643,
        "eos_token_id": [151645, 151643],
        "pad_token_id": 151643,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert fields_of(small)["eos_token_id"] == 259
    assert fields_of(small, "generation_config.json")["eos_token_id"] == [259, 257]


def test_released_sampling_and_other_slices(tmp_path: Path) -> None:
    config = tiny_config(100)
    weights.save(MiniCPMV(config), tmp_path, CheckpointFacts(scale_resolution=224, max_slices=4, use_image_id=False))
    generation = fields_of(tmp_path, "generation_config.json")
    assert (generation["temperature"], generation["top_k"], generation["top_p"]) == (0.6, 20, 0.95)
    assert generation["eos_token_id"] == []  # the vocabulary has no such tokens
    assert fields_of(tmp_path)["slice_config"]["scale_resolution"] == fields_of(tmp_path)["image_size"] == 224
    assert fields_of(tmp_path)["slice_config"]["max_slice_nums"] == 4
    assert fields_of(tmp_path)["use_image_id"] is False


def test_loaded_as_it_was_stored(tiny_checkpoint: Path) -> None:
    stored: dict[str, Tensor] = {}
    for shard in tiny_checkpoint.glob("*.safetensors"):
        stored |= load_file(shard)
    for dtype in (torch.bfloat16, torch.float32):
        loaded = weights.load(tiny_checkpoint, dtype).state_dict()
        assert loaded.keys() == stored.keys()
        assert all(torch.equal(loaded[name], stored[name].to(dtype)) for name in stored)


def test_nothing_stays_without_numbers(small: Path) -> None:
    model = weights.load(small, torch.float32)
    tensors = [*model.parameters(), *model.buffers()]
    assert not any(tensor.is_meta for tensor in tensors)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_sharded_and_single_are_the_same(small: Path, tmp_path: Path) -> None:
    model = weights.load(small, torch.bfloat16)
    weights.save(model, tmp_path, max_shard_bytes=40_000)
    shards = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert len(shards) > 1
    assert shards == [f"model-{i:05d}-of-{len(shards):05d}.safetensors" for i in range(1, len(shards) + 1)]
    assert same(weights.load(tmp_path, torch.bfloat16), model)
    index = fields_of(tmp_path, "model.safetensors.index.json")
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in model.state_dict().values())
    for name, shard in index["weight_map"].items():
        with safe_open(tmp_path / shard, framework="pt") as file:
            assert name in file.keys()  # noqa: SIM118 (no mapping)
            assert file.metadata() == {"format": "pt"}


def test_saving_again_leaves_nothing_of_the_first_time(small: Path, tmp_path: Path) -> None:
    """Also over the very files that the model was loaded from."""
    weights.save(weights.load(small, torch.float32), tmp_path, max_shard_bytes=100_000)
    model = weights.load(tmp_path, torch.float32)
    with torch.no_grad():
        model.resampler.query.add_(1)
    weights.save(model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "generation_config.json", "model.safetensors"}
    assert same(weights.load(tmp_path, torch.float32), model)
    weights.save(model, tmp_path, max_shard_bytes=100_000)
    assert not (tmp_path / "model.safetensors").exists()
    assert same(weights.load(tmp_path, torch.float32), model)


def test_training_does_not_reach_the_file(small: Path) -> None:
    before = (small / "model.safetensors").read_bytes()
    model = weights.load(small, torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert (small / "model.safetensors").read_bytes() == before


def test_a_failed_save_changes_nothing(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    model = weights.load(copy, torch.float32)
    written = []

    def disk_full(*arguments: Any, **settings: Any) -> None:
        if written:
            raise OSError("no space left")
        written.append(save_file(*arguments, **settings))

    monkeypatch.setattr(weights, "save_file", disk_full)
    with pytest.raises(OSError, match="no space left"):
        weights.save(model, copy, max_shard_bytes=1_000_000)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_tensors_that_do_not_fit_are_named(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "spoiled"))
    tensors = load_file(folder / "model.safetensors")
    lost = [name for name in tensors if name.startswith("vpm.encoder.layers.0.")]
    for name in lost:
        del tensors[name]
    tensors["resampler.pos_embed"] = torch.zeros(1)
    tensors["resampler.query"] = torch.zeros(64, 9)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ValueError, match="are not the 75 of config") as caught:
        weights.load(folder)
    message = str(caught.value)
    assert f"{len(lost)} missing: vpm.encoder.layers.0." in message
    assert message.count("vpm.encoder.layers.0.") == 10
    assert "1 unknown: resampler.pos_embed" in message
    assert "1 of another shape: resampler.query (64, 9) (not (64, 8))" in message


def test_quantised_tensors_are_refused(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "spoiled"))
    tensors = load_file(folder / "model.safetensors")
    tensors["resampler.query"] = tensors["resampler.query"].to(torch.int8)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"no floats .*: resampler.query I8"):
        weights.load(folder)


def test_a_damaged_file_is_named(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "spoiled"))
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-10])
    with pytest.raises(ValueError, match=r"model.safetensors is damaged"):
        weights.load(folder)


def test_a_missing_shard_is_named(copy: Path) -> None:
    (copy / "model-00002-of-00004.safetensors").unlink()
    with pytest.raises(ValueError, match=r"1 of 4 shards are missing in .*: model-00002-of-00004.safetensors"):
        weights.load(copy)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "sub/model.safetensors", "model.bin"])
def test_an_index_stays_in_its_folder(copy: Path, name: str) -> None:
    def point_away(index: dict[str, Any]) -> None:
        index["weight_map"]["resampler.query"] = name

    edit(copy / "model.safetensors.index.json", point_away)
    with pytest.raises(ValueError, match=f"no safetensors file inside the folder: {name}"):
        weights.load(copy)


@pytest.mark.parametrize("places", [None, {}, [], {"resampler.query": 1}], ids=str)
def test_an_index_without_places(copy: Path, places: object) -> None:
    edit(copy / "model.safetensors.index.json", lambda index: index.update(weight_map=places))
    with pytest.raises(ValueError, match="has no weight_map"):
        weights.load(copy)


def test_pickles_are_refused(small: Path, tmp_path: Path) -> None:
    shutil.copy(small / "config.json", tmp_path)
    with pytest.raises(ValueError, match=r"neither model.safetensors nor .* in \S+$"):
        weights.load(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"pytorch_model.bin may run code when opened, so only safetensors are read"):
        weights.load(tmp_path)


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
        ({"resampler_num_heads": 3}, "hidden_size 8 is no multiple of num_heads 3"),
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


@pytest.mark.skipif(not BY_TRANSFORMERS_5.exists(), reason="the shared cases are not here")
def test_the_shared_config_by_transformers_5_is_nano(tmp_path: Path) -> None:
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


def test_layers_that_are_not_there_are_not_made(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(copy / "config.json", lambda fields: fields.update(num_hidden_layers=1024))
    monkeypatch.setattr(weights, "MiniCPMV", None)  # none may be made
    with pytest.raises(ValueError, match=r"tells of 1024 layers llm.model.layers, but the weights have 2"):
        weights.load(copy)


@pytest.mark.parametrize(
    ("value", "dtype"), [(float("nan"), torch.float32), (float("-inf"), torch.float32), (70_000.0, torch.float16)]
)
def test_numbers_that_are_none_are_refused_by_tensor_name(
    small: Path, tmp_path: Path, value: float, dtype: torch.dtype
) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "spoiled"))
    tensors = load_file(folder / "model.safetensors")
    name = "llm.model.layers.1.mlp.up_proj.weight"
    tensors[name][2, 3] = value
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    told = f"1 tensors in .*model.safetensors are NaN or infinite in {str(dtype).removeprefix('torch.')}: {name}"
    with pytest.raises(ValueError, match=told):
        weights.load(folder, dtype)


def test_no_or_broken_config(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no config.json in"):
        weights.read_config(tmp_path)
    for content, told in [("{", "is no JSON"), ("[" * 100_000, "is no JSON"), ("1", "JSON object, got int")]:
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ValueError, match=told):
            weights.read_config(tmp_path)


def test_dtypes_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.default_dtype("cuda") == weights.default_dtype(torch.device("mps")) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    for has_units, dtype in ((False, torch.float32), (True, torch.bfloat16)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has_units=has_units: has_units)
        assert weights.default_dtype("cpu") == dtype


def test_the_default_dtype_is_used(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "default_dtype", lambda device: torch.float64)
    assert weights.load(small).resampler.query.dtype == torch.float64
