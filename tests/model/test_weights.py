"""Checkpoints: what is saved comes back bit for bit, what does not fit is named, what may harm is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import edit, fields_of, tiny_config
from checkpoints import tiny_checkpoint as write_tiny_checkpoint
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in one file, with a vocabulary of bytes."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("small"), sharded=False, released_ids=False)


def same(one: MiniCPMV, other: MiniCPMV) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return list(ours) == list(theirs) and all(
        ours[name].dtype == theirs[name].dtype and torch.equal(ours[name], theirs[name]) for name in ours
    )


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


def test_an_old_file_beside_new_shards_is_refused(small: Path, tmp_path: Path) -> None:
    """As transformers' `save_pretrained` leaves it, which then loads the old one."""
    weights.save(weights.load(small), tmp_path, max_shard_bytes=40_000)
    shutil.copy(small / "model.safetensors", tmp_path)
    with pytest.raises(ValueError, match=r"holds model\.safetensors and the shards of .*: remove the one that is old"):
        weights.load(tmp_path)
    index = {"weight_map": dict.fromkeys(weights.load(small).state_dict(), "model.safetensors")}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert same(weights.load(tmp_path), weights.load(small))  # an index of the file itself is none of another model


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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_other_weights_copied_over_the_file_do_not_reach_the_model(copy: Path, dtype: torch.dtype) -> None:
    model = weights.load(copy, dtype)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for path in copy.glob("*.safetensors"):
        half = path.stat().st_size // 2
        with path.open("r+b") as same_file:
            same_file.seek(half)
            same_file.write(bytes(half))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


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
    with pytest.raises(ValueError, match=r"of another type \(quantised\?\): resampler.query I8 \(not F64"):
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


def test_layers_that_are_not_there_are_not_made(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(copy / "config.json", lambda fields: fields.update(num_hidden_layers=1024))
    monkeypatch.setattr(weights, "MiniCPMV", None)  # none may be made
    with pytest.raises(ValueError, match=r"has 1024 layers llm.model.layers, but the weights have 2"):
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


def test_the_default_dtype_is_used(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "default_dtype", lambda device: torch.float64)
    assert weights.load(small).resampler.query.dtype == torch.float64
