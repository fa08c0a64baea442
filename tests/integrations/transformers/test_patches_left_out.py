"""A checkpoint that leaves out static patches does so in transformers too, as it does here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")
from patterns import pattern
from transformers import AutoModelForImageTextToText, AutoProcessor

from demiglace import Conversation, Demiglace, Video, VideoSampling
from demiglace.integrations.transformers.inputs import visual_of
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import CONFIG_FILE

FULL = VideoSampling(fps=5, package_frames=6, force_package_frames=True)
NAMES = ("patches", "grids", "package_sizes", "ticks", "run_lengths")


@pytest.fixture(scope="module")
def still(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint with a threshold in its file."""
    still = shutil.copytree(folder, tmp_path_factory.mktemp("still") / "checkpoint")
    fields = json.loads((still / CONFIG_FILE).read_text())
    (still / CONFIG_FILE).write_text(json.dumps(fields | {"static_patches": 0}))
    return still


def clip(seed: int) -> list[PIL.Image.Image]:
    """Four frames that differ in a corner."""
    frames = [pattern(56, 56, seed) for _ in range(4)]
    for number, frame in enumerate(frames):
        frame.paste((60 * number,) * 3, (0, 0, 14, 14))
    return frames


def messages(*clips: list[PIL.Image.Image]) -> list[dict[str, Any]]:
    shown = [{"type": "video", "video": one} for one in clips]
    return [{"role": "user", "content": [*shown, {"type": "text", "text": "What?"}]}]


def inputs_of(still: Path, asked: Any) -> Any:
    processor = AutoProcessor.from_pretrained(still)
    return processor.apply_chat_template(
        asked, add_generation_prompt=True, tokenize=True, return_dict=True, video_sampling=FULL, padding=True
    )


def test_messages_and_prompts_give_our_patches(still: Path) -> None:
    sample = Processor.load(still).prepare(Conversation.ask("What?", Video(clip(0), FULL)))
    assert sample.visual is not None
    assert sample.visual.run_lengths is not None
    processor = AutoProcessor.from_pretrained(still)
    prompt = processor.apply_chat_template(messages(clip(0)), add_generation_prompt=True)
    asked = [inputs_of(still, messages(clip(0))), processor(text=prompt, videos=[clip(0)], video_sampling=FULL)]
    for inputs in asked:
        found = visual_of(inputs)
        assert all(torch.equal(getattr(found, name), getattr(sample.visual, name)) for name in NAMES)


def test_answers_are_ours_each_row_with_its_own_patches(still: Path) -> None:
    model, assistant = AutoModelForImageTextToText.from_pretrained(still), Demiglace.load(still, "cpu", "float32")
    asked = [[clip(0)], [clip(1), clip(2)]]
    samples = [
        assistant.processor.prepare(Conversation.ask("What?", *(Video(one, FULL) for one in clips))) for clips in asked
    ]
    batch = assistant.processor.batch(samples)
    assert batch.visual is not None
    with torch.inference_mode():
        ours = assistant.model.logits(assistant.model(batch))
        inputs = inputs_of(still, [messages(*clips) for clips in asked])
        assert visual_of(inputs) is not None
        theirs = model(**inputs).logits
        _, twice = model._expand_inputs_for_generation(2, **inputs)
    for row, sample in enumerate(samples):
        length = len(sample.tokens)
        assert torch.allclose(theirs[row, -length:], ours[row, :length], atol=1e-4)
    repeated = visual_of(twice)
    alone = [sample.visual for sample in samples for _ in range(2)]
    for name in NAMES:
        assert torch.equal(getattr(repeated, name), torch.cat([getattr(one, name) for one in alone]))


def test_a_checkpoint_that_is_saved_keeps_the_threshold(still: Path, tmp_path: Path) -> None:
    AutoProcessor.from_pretrained(still).save_pretrained(tmp_path)
    assert Processor.load(tmp_path).config.static_patches == 0
