"""What `transformers` saves of our model is the released layout, and what it must not load is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForImageTextToText

from demiglace import Demiglace, SamplingParams
from demiglace.integrations.transformers import (
    MiniCPMVForConditionalGeneration,
    MiniCPMVPretrainedConfig,
    MiniCPMVProcessor,
)
from demiglace.model import weights


def test_what_transformers_saves_is_a_released_layout(
    folder: Path, model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path, push_to_hub=False)
    processor.save_pretrained(tmp_path, push_to_hub=False)
    ours = weights.load(tmp_path, torch.float32)
    assert ours.config == weights.read_config(folder)
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in model.state_dict().items())
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["MiniCPMV"]
    assert Demiglace.load(tmp_path, "cpu", "float32").sampling == SamplingParams.read(folder)


@pytest.mark.parametrize(
    "written",
    [
        {"rope_parameters": {"rope_type": "default", "rope_theta": 3e5}, "dtype": "float32"},
        {"rope_parameters": {"full_attention": {"rope_theta": 3e5}}, "rope_scaling": None},
        {"rope_theta": 3e5, "rope_scaling": {"rope_type": "default"}, "torch_dtype": "float32"},
    ],
)
def test_however_transformers_wrote_it_the_released_layout_is_saved(
    folder: Path, written: dict[str, Any], tmp_path: Path
) -> None:
    fields = json.loads((folder / "config.json").read_text())
    for name in ("rope_theta", "rope_scaling", "torch_dtype"):
        fields.pop(name, None)
    (tmp_path / "config.json").write_text(json.dumps(fields | written))
    config = AutoConfig.from_pretrained(tmp_path, dtype=torch.float32)
    config.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert (saved["rope_theta"], saved["rope_scaling"], saved["torch_dtype"]) == (3e5, None, "float32")
    assert not saved.keys() & {"rope_parameters", "dtype"}
    assert weights.read_config(tmp_path / "saved") == config.architecture() == weights.read_config(tmp_path)


def test_a_missing_tensor_is_no_random_one(folder: Path, tmp_path: Path) -> None:
    tensors = {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}
    del tensors["resampler.query"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(ValueError, match=r"1 tensors of the model are missing: resampler\.query"):
        AutoModelForImageTextToText.from_pretrained(tmp_path)


@pytest.mark.parametrize(("number", "dtype"), [(float("nan"), torch.float32), (1e39, torch.float16)])
def test_weights_that_are_no_numbers_are_refused_here_too(
    folder: Path, number: float, dtype: torch.dtype, tmp_path: Path
) -> None:
    tensors = {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}
    tensors["resampler.query"] = tensors["resampler.query"].double()
    tensors["resampler.query"][0, 0] = number
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(ValueError, match=r"1 tensors in .* are NaN or infinite in float\d+: resampler\.query"):
        AutoModelForImageTextToText.from_pretrained(tmp_path, dtype=dtype)


def test_a_relative_is_refused_by_its_version(folder: Path, tmp_path: Path) -> None:
    fields = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(fields | {"version": 2.6}))
    config = AutoConfig.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"version 2\.6 \(not 4\.5\)"):
        AutoModelForImageTextToText.from_config(config)
    with pytest.raises(ValueError, match="rope_scaling asks for factor 2"):
        MiniCPMVPretrainedConfig(**{**fields, "rope_scaling": {"factor": 2}})
