"""PEFT's adapters: learned on the decoder alone, kept in PEFT's own files, merged into a released layout."""

from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch
from checkpoints import tiny_checkpoint as write_tiny_checkpoint

pytest.importorskip("transformers", reason="the transformers extra is not installed")
pytest.importorskip("peft", reason="peft is not installed")

import peft
from transformers import AutoModelForImageTextToText, AutoProcessor

from demiglace.integrations.transformers import MiniCPMVForConditionalGeneration
from demiglace.model import weights
from demiglace.model.adapters import TARGETS, merge_adapter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint", released_ids=False)


@pytest.fixture(scope="module")
def inputs(folder: Path) -> Any:
    """One question about a picture, and its answer."""
    content = [{"type": "image", "image": PIL.Image.new("RGB", (60, 40), "red")}, {"type": "text", "text": "Colour?"}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "red"}]
    processor = AutoProcessor.from_pretrained(folder)
    inputs = processor.apply_chat_template(messages, tokenize=True, return_dict=True)
    labels = inputs["input_ids"].clone()
    labels[:, :-5] = -100  # r, e, d, <|im_end|> and the line break stay
    return inputs | {"labels": labels}


def base(folder: Path) -> MiniCPMVForConditionalGeneration:
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture(scope="module")
def learned(folder: Path, inputs: Any) -> Any:
    torch.manual_seed(0)
    model = peft.get_peft_model(base(folder), peft.LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS["decoder"]))
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-2)
    for _ in range(3):
        model(**inputs).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def logits(model: Any, inputs: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(**inputs).logits


def test_only_adapters_of_the_decoder_learn(folder: Path, learned: Any) -> None:
    trainable = [name for name, parameter in learned.named_parameters() if parameter.requires_grad]
    assert len(trainable) == 2 * 2 * 7  # matrices, layers, linear layers of each
    assert all(".llm.model.layers." in name and ".lora_" in name for name in trainable)
    with learned.disable_adapter():
        kept = {name: tensor for name, tensor in learned.get_base_model().state_dict().items() if ".lora_" not in name}
    original = base(folder).state_dict()
    assert all(torch.equal(tensor, original[name.replace(".base_layer", "")]) for name, tensor in kept.items())


def test_steps_lower_the_loss(folder: Path, learned: Any, inputs: Any) -> None:
    with torch.no_grad():
        assert float(learned(**inputs).loss) < float(base(folder)(**inputs).loss)


def test_an_adapter_is_kept_in_files_of_peft(folder: Path, learned: Any, inputs: Any, tmp_path: Path) -> None:
    learned.save_pretrained(tmp_path)
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {file.name for file in tmp_path.iterdir()}
    again = peft.PeftModel.from_pretrained(base(folder), tmp_path)
    assert torch.equal(logits(again, inputs), logits(learned, inputs))
    assert not torch.equal(logits(again, inputs), logits(base(folder), inputs))


def test_the_adapter_is_one_of_ours_too(folder: Path, learned: Any, tmp_path: Path) -> None:
    learned.save_pretrained(tmp_path)
    ours = merge_adapter(weights.load(folder, torch.float32), tmp_path).state_dict()
    theirs = peft.PeftModel.from_pretrained(base(folder), tmp_path).merge_and_unload().state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize(
    ("targets", "saved"),
    [(["embed_tokens"], []), (["q_proj", "lm_head"], ["embed_tokens"])],
    ids=["embedding", "output"],
)
def test_adapters_of_embedding_and_output_layer_are_ours_too(
    folder: Path, targets: list[str], saved: list[str], tmp_path: Path
) -> None:
    """Beside these matrices peft stores the weight of the layer itself."""
    torch.manual_seed(0)
    config = peft.LoraConfig(r=4, target_modules=targets, modules_to_save=saved, init_lora_weights=False)
    peft.get_peft_model(base(folder), config).save_pretrained(tmp_path)
    ours = merge_adapter(weights.load(folder, torch.float32), tmp_path).state_dict()
    theirs = peft.PeftModel.from_pretrained(base(folder), tmp_path).merge_and_unload().state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    changed = {"embed_tokens": "llm.model.embed_tokens.weight", "lm_head": "llm.lm_head.weight"}[targets[-1]]
    assert not torch.equal(ours[changed], base(folder).state_dict()[changed])


def test_a_merged_adapter_is_a_released_layout(folder: Path, learned: Any, inputs: Any, tmp_path: Path) -> None:
    learned.save_pretrained(tmp_path / "adapter")
    merged = peft.PeftModel.from_pretrained(base(folder), tmp_path / "adapter").merge_and_unload()
    torch.testing.assert_close(logits(merged, inputs), logits(learned, inputs))
    merged.save_pretrained(tmp_path / "merged")
    weights.load(tmp_path / "merged")  # refuses names and shapes that are not the release's
    assert torch.equal(logits(base(tmp_path / "merged"), inputs), logits(merged, inputs))


def test_an_adapted_model_generates(learned: Any, inputs: Any) -> None:
    prompt = {name: value for name, value in inputs.items() if name != "labels"}
    new = learned.generate(**prompt, max_new_tokens=3, do_sample=False)
    assert new.shape[1] > inputs["input_ids"].shape[1]
