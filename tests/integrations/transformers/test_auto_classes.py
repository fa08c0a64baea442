"""Every auto class by which programs find a checkpoint of ours; no code of the checkpoint runs in any of them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
    AutoModelForSequenceClassification,
    AutoProcessor,
)

from demiglace.integrations.transformers import (
    MiniCPMVForConditionalGeneration,
    MiniCPMVImageProcessor,
    MiniCPMVPretrainedConfig,
    MiniCPMVProcessor,
)

MODELS = (AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMultimodalLM)
LOADED = {
    AutoConfig: MiniCPMVPretrainedConfig,
    AutoProcessor: MiniCPMVProcessor,
    AutoImageProcessor: MiniCPMVImageProcessor,
    **dict.fromkeys(MODELS, MiniCPMVForConditionalGeneration),
}


@pytest.fixture(scope="module")
def with_code(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that brings code of its own for everything; it says so when it runs."""
    folder = tmp_path_factory.mktemp("with_code") / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "own.py").write_text("raise SystemExit('code of the checkpoint has run')\n")
    names = [auto_class.__name__ for auto_class in (*LOADED, AutoModelForSequenceClassification)]
    for file in ("config.json", "preprocessor_config.json"):
        fields = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(fields | {"auto_map": dict.fromkeys(names, "own.Own")}))
    return folder


@pytest.mark.parametrize("trust", [None, False, True], ids=str)
@pytest.mark.parametrize("auto_class", LOADED, ids=lambda auto_class: auto_class.__name__)
def test_code_of_a_checkpoint_does_not_run(with_code: Path, auto_class: Any, trust: bool | None) -> None:
    assert type(auto_class.from_pretrained(with_code, trust_remote_code=trust)) is LOADED[auto_class]


@pytest.mark.parametrize("auto_class", MODELS, ids=lambda auto_class: auto_class.__name__)
def test_a_model_made_from_a_config_is_ours(with_code: Path, auto_class: Any) -> None:
    config = AutoConfig.from_pretrained(with_code, trust_remote_code=True)
    assert type(auto_class.from_config(config, trust_remote_code=True)) is MiniCPMVForConditionalGeneration


def test_a_class_we_have_no_model_for_is_refused_and_runs_nothing(with_code: Path) -> None:
    with pytest.raises(ValueError, match="Unrecognized configuration class"):
        AutoModelForSequenceClassification.from_pretrained(with_code, trust_remote_code=True)


def test_what_is_saved_names_the_released_code_again(with_code: Path, tmp_path: Path) -> None:
    AutoConfig.from_pretrained(with_code).save_pretrained(tmp_path)
    auto_map = json.loads((tmp_path / "config.json").read_text())["auto_map"]
    assert all(place.startswith("openbmb/MiniCPM-V-4_5--") for place in auto_map.values())


def test_pictures_alone_are_those_of_a_prompt(tiny_checkpoint: Path, tmp_path: Path) -> None:
    pictures = [PIL.Image.new("RGB", (60, 40), "red"), np.full((900, 500, 3), 7, np.uint8)]
    images, processor = (
        AutoImageProcessor.from_pretrained(tiny_checkpoint),
        AutoProcessor.from_pretrained(tiny_checkpoint),
    )
    alone = images(pictures, return_tensors="pt")
    prompt = processor(images=pictures, text="(<image>./</image>)(<image>./</image>)")
    assert set(alone) == set(images.model_input_names) - {"run_lengths"}  # of static patches alone
    assert all(torch.equal(alone[name], prompt[name]) for name in alone)
    assert torch.equal(
        images(pictures[0])["image_patches"], prompt["image_patches"][: images(pictures[0])["image_grids"].prod()]
    )
    images.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "preprocessor_config.json").read_text()) == processor.to_dict()
    with pytest.raises(ValueError, match="not held here: do_resize"):
        images(pictures, do_resize=False)
