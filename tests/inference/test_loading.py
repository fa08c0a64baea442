"""What an assistant is loaded from: a model and a processor that fit, a device and a dtype that are there."""

from pathlib import Path

import pytest
import torch
from checkpoints import tiny_checkpoint as write_tiny_checkpoint
from checkpoints import tiny_config
from quantised_checkpoints import wide_checkpoint

from demiglace import Demiglace, SamplingParams
from demiglace.batch import Batch
from demiglace.model import weights
from demiglace.model.adapters import Lora, add_adapters, merge_adapter, save_adapter
from demiglace.model.hub import folder_of
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.quantisation import quantise
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

GREEDY = SamplingParams.greedy(10)


@pytest.mark.parametrize(
    ("vocab_size", "config", "message"),
    [
        (384, ProcessorConfig(num_queries=32), "prepares 32 visual tokens of a slice, but the model expects 64"),
        (384, ProcessorConfig(SlicingConfig(patch_size=16)), "prepares 16 pixels along a patch, but .* expects 14"),
        (300, ProcessorConfig(), "the tokenizer has 384 tokens, but the model knows 300"),
    ],
)
def test_a_model_and_a_processor_must_fit(vocab_size: int, config: ProcessorConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Demiglace(MiniCPMV(tiny_config(vocab_size)), Processor(Tokenizer.bytes_only(), config), GREEDY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no/such/folder", "cpu", None), "neither a checkpoint's folder nor a hub id"),
        ((None, "toaster", None), "device 'toaster' cannot be used here"),
        ((None, "meta", None), "device 'meta' cannot be used here"),
        ((None, "cpu:7", None), "device 'cpu:7' cannot be used here: the only CPU device is cpu"),
        ((None, "hpu", None), "device 'hpu' cannot be used here"),
        ((None, "cpu", "int3"), "float32, bfloat16, float16, got 'int3'"),
    ],
)
def test_what_cannot_be_loaded_is_a_value_error(
    arguments: tuple[str | None, ...], message: str, tiny_checkpoint: Path
) -> None:
    path, device, dtype = arguments
    with pytest.raises(ValueError, match=message):
        Demiglace.load(path or tiny_checkpoint, device, dtype)


def test_the_shipped_model_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demiglace.model.hub.files", lambda package: tmp_path)
    with pytest.raises(ValueError, match="includes no model"):
        folder_of(None)
    write_tiny_checkpoint(tmp_path / "checkpoints" / "nano", released_ids=False)
    assert Demiglace.load(dtype="float32").ask("What?", sampling=GREEDY).new_tokens <= 10


def test_the_shipped_models_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder_of("nano") == folder_of(None)
    assert folder_of("nano-reader") == folder_of(None).with_name("nano-reader")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nano").mkdir()
    assert folder_of("./nano") == Path("nano")


def test_an_adapter_is_added_before_weights_are_quantised(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    folder = wide_checkpoint(tmp_path / "model")
    adapted = add_adapters(weights.load(folder, torch.float32), ("decoder",), Lora(rank=4))
    with torch.no_grad():
        for parameter in adapted.parameters():
            parameter.add_(0.02)
    save_adapter(adapted, tmp_path / "adapter")
    expected = merge_adapter(weights.load(folder, torch.float32), tmp_path / "adapter")
    quantise(expected, "int8")
    loaded = Demiglace.load(folder, "cpu", "float32", tmp_path / "adapter", "int8")
    tokens = torch.arange(60)[None]
    batch = Batch(tokens, tokens, torch.ones_like(tokens), torch.empty(0, dtype=torch.int64), None)
    with torch.no_grad():
        assert torch.equal(loaded.model(batch), expected.eval()(batch))
