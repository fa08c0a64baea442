"""preprocessor_config.json: the released one is written, its fields come back or are refused by name."""

import json
from pathlib import Path

import pytest

from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer


def test_released_preprocessor_config(tmp_path: Path) -> None:
    Processor(Tokenizer.bytes_only(), ProcessorConfig()).save(tmp_path)
    assert json.loads((tmp_path / "preprocessor_config.json").read_text()) == {
        "image_processor_type": "MiniCPMVImageProcessor",
        "processor_class": "MiniCPMVProcessor",
        "version": 2.6,
        "max_slice_nums": 9,
        "scale_resolution": 448,
        "patch_size": 14,
        "image_feature_size": 64,
        "use_image_id": True,
        "slice_mode": True,
        "norm_mean": [0.5, 0.5, 0.5],
        "norm_std": [0.5, 0.5, 0.5],
        "im_start": "<image>",
        "im_end": "</image>",
        "slice_start": "<slice>",
        "slice_end": "</slice>",
        "unk": "<unk>",
        "im_id_start": "<image_id>",
        "im_id_end": "</image_id>",
    }


def test_save_and_load(tmp_path: Path) -> None:
    config = ProcessorConfig(SlicingConfig(224, 16, 4, upscale=False), 16, use_image_id=False, static_patches=4.5)
    Processor(Tokenizer.bytes_only(), config).save(tmp_path)
    assert Processor.load(tmp_path).config == config


def test_fields_of_ours_stand_in_the_file_only_where_they_say_something() -> None:
    plain = ProcessorConfig.from_fields({}).fields()
    assert ProcessorConfig(use_image_id=False).fields() == plain
    assert ProcessorConfig(use_image_id=False, static_patches=0.0).fields() == plain | {"static_patches": 0.0}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"slice_mode": False}, "slice_mode False"),
        ({"norm_std": [1, 1, 1]}, r"norm_std \[1, 1, 1\]"),
        ({"unk": "<x>"}, "unk '<x>'"),
        ({"max_slice_nums": 10**9}, "max_slice_nums must be a whole number from 1 to 256, got 1000000000"),
        ({"scale_resolution": "448"}, "scale_resolution must be a whole number"),
        ({"image_feature_size": True}, "image_feature_size must be a whole number"),
        ({"upscale": 1}, "upscale must be true or false"),
        ({"static_patches": 300}, r"static_patches must be a number in \[-255, 255\], got 300"),
        ({"patch_size": 10**400}, "patch_size must be a whole number from 1 to 512, got a whole number of 1329 bits"),
    ],
    ids=str,
)
def test_hostile_fields(fields: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ProcessorConfig.from_fields(fields)


def test_missing_or_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no preprocessor_config.json"):
        Processor.load(tmp_path)
    for content, told in [("[" * 100_000, "is not valid JSON"), ("[]", "must hold a JSON object, got list")]:
        (tmp_path / "preprocessor_config.json").write_text(content)
        with pytest.raises(ValueError, match=told):
            Processor.load(tmp_path)
