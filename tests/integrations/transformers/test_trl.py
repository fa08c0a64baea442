"""TRL's SFTTrainer, at its defaults but for the device, on the model that ships."""

from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")
pytest.importorskip("trl", reason="trl is not installed")

from datasets import Dataset
from transformers import AutoProcessor
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

import demiglace.integrations.transformers  # noqa: F401  # registers the model
from demiglace import Demiglace
from demiglace.model.hub import folder_of

PICTURE = PIL.Image.new("RGB", (40, 30), "red")
QUESTION = [{"role": "user", "content": "Which colour?"}]
ANSWER = [{"role": "assistant", "content": "red"}]
RECORDS: dict[str, dict[str, Any]] = {
    "text": {"messages": QUESTION + ANSWER},
    "text, prompt apart": {"prompt": QUESTION, "completion": ANSWER},
    "pictures": {"images": [PICTURE, PICTURE], "messages": QUESTION + ANSWER},
    "a picture, prompt apart": {"image": PICTURE, "prompt": QUESTION, "completion": ANSWER},
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_sft_trains_nano_at_its_defaults(record: dict[str, Any], tmp_path: Path) -> None:
    options = SFTConfig(str(tmp_path), use_cpu=True, logging_steps=1, report_to="none", disable_tqdm=True)
    trainer = SFTTrainer(str(folder_of(None)), options, train_dataset=Dataset.from_list([record] * 2))
    before = trainer.model.llm.lm_head.weight.clone()
    trainer.train()
    losses = [step["loss"] for step in trainer.state.log_history if "loss" in step]
    assert len(losses) == 3  # epochs
    assert losses[2] < losses[0]
    assert not torch.equal(trainer.model.llm.lm_head.weight, before)
    (checkpoint,) = tmp_path.glob("checkpoint-*")
    ours = Demiglace.load(checkpoint, "cpu", "float32")
    assert torch.equal(ours.model.llm.lm_head.weight, trainer.model.llm.lm_head.weight)


def test_a_trainer_that_samples_is_refused_with_the_reason(tmp_path: Path) -> None:
    options = GRPOConfig(
        str(tmp_path), use_cpu=True, report_to="none", num_generations=2, per_device_train_batch_size=2
    )
    records = Dataset.from_list([{"image": PICTURE, "prompt": QUESTION}] * 2)
    with pytest.raises(AttributeError, match="inputs under pixel_values, and ours are image_patches; `demiglace rl`"):
        GRPOTrainer(str(folder_of(None)), lambda completions, **_: [0.0] * len(completions), options, records)


def test_the_prompt_is_not_learned_where_it_stands_apart(tmp_path: Path) -> None:
    options = SFTConfig(str(tmp_path), use_cpu=True, report_to="none")
    record = RECORDS["a picture, prompt apart"]
    trainer = SFTTrainer(str(folder_of(None)), options, train_dataset=Dataset.from_list([record]))
    (batch,) = trainer.get_train_dataloader()
    labels = batch["labels"][0]
    processor = AutoProcessor.from_pretrained(folder_of(None))
    assert processor.decode(labels[labels != -100]) == "red<|im_end|>\n"
    assert int(batch["mm_token_type_ids"].sum()) == 64
