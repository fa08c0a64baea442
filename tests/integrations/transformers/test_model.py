"""What transformers loads and generates is what this package loads and answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch
from checkpoints import tiny_config

pytest.importorskip("transformers", reason="the transformers extra is not installed")
from patterns import pattern
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

from demiglace import Conversation, Demiglace, Image, SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import TokenSampler
from demiglace.integrations.transformers import (
    MiniCPMVForConditionalGeneration,
    MiniCPMVPretrainedConfig,
    MiniCPMVProcessor,
)
from demiglace.model import weights
from demiglace.model.hub import folder_of
from demiglace.processing.tokenizer import BYTES_ONLY_SIZE, Tokenizer
from demiglace.training.supervised import LanguageLearner

FORBIDDEN = sorted(TokenRoles.of(Tokenizer.bytes_only(), BYTES_ONLY_SIZE).forbidden)  # weights at random draw any
HEADING = Path(__file__).parents[3] / "samples" / "heading.png"
NUM_NEW = 8


QUESTIONS: list[tuple[str, list[PIL.Image.Image]]] = [
    ("Why?", []),
    ("What are these?", [pattern(60, 40, 0), pattern(40, 60, 1)]),
    ("And what, if anything at all, is this?", [pattern(50, 50, 2)]),
]
MESSAGES = [
    [{"role": "user", "content": [*({"type": "image", "image": one} for one in shown), {"type": "text", "text": text}]}]
    for text, shown in QUESTIONS
]


@pytest.fixture(scope="module")
def answers(folder: Path) -> list[list[int]]:
    return answers_of(folder, SamplingParams.greedy(NUM_NEW))


def answers_of(folder: Path, sampling: SamplingParams) -> list[list[int]]:
    """What we say to each of `QUESTIONS`, the closing token included."""
    assistant = Demiglace.load(folder, "cpu", "float32")
    samples = [assistant.processor.prepare(Conversation.ask(text, *map(Image, shown))) for text, shown in QUESTIONS]
    said: list[list[int]] = [[] for _ in samples]
    batch = assistant.processor.batch(samples)
    samplers = [TokenSampler(sampling, assistant.roles) for _ in samples]
    for step in generate(assistant.model, batch, samplers):
        said[step.row].append(step.sampled.token)
    return said


def inputs_of(processor: MiniCPMVProcessor, messages: Any) -> Any:
    return processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=True)


def said(model: MiniCPMVForConditionalGeneration, inputs: Any, **options: Any) -> list[list[int]]:
    """New tokens of each row, without what pads rows that ended before others."""
    options |= {"max_new_tokens": NUM_NEW, "suppress_tokens": FORBIDDEN}
    new = model.generate(**inputs, **options)[:, inputs["input_ids"].shape[1] :].tolist()
    ends = model.generation_config.eos_token_id
    return [row[: next((i + 1 for i, token in enumerate(row) if token in ends), len(row))] for row in new]


def test_auto_classes_load_a_released_layout(folder: Path, model: MiniCPMVForConditionalGeneration) -> None:
    ours = weights.load(folder, torch.float32)
    assert type(model) is MiniCPMVForConditionalGeneration
    assert not model.training
    assert model.config.architecture() == ours.config
    theirs = model.state_dict()
    assert theirs.keys() == ours.state_dict().keys()
    assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.state_dict().items())


def test_a_model_can_be_made_without_a_checkpoint() -> None:
    config = MiniCPMVPretrainedConfig.of(tiny_config(384))
    assert config.architecture() == tiny_config(384)
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config)
    assert all(bool(parameter.isfinite().all()) for parameter in model.parameters())
    assert float(model.llm.lm_head.weight.std()) > 0.1  # as the parts draw their weights, not as transformers would


def test_greedy_answers_are_ours_token_for_token(
    model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor, answers: list[list[int]]
) -> None:
    assert len({tuple(answer) for answer in answers}) == len(answers)
    assert said(model, inputs_of(processor, MESSAGES)) == answers
    for messages, answer in zip(MESSAGES, answers, strict=True):
        assert said(model, inputs_of(processor, messages)) == [answer]


@pytest.mark.parametrize(
    "options",
    [{"use_cache": False}, {"prompt_lookup_num_tokens": 2}, {"do_sample": True, "top_k": 1}],
    ids=["without cache", "looked up", "sampled among one"],
)
def test_other_ways_to_the_same_answer(
    model: MiniCPMVForConditionalGeneration,
    processor: MiniCPMVProcessor,
    answers: list[list[int]],
    options: dict[str, Any],
) -> None:
    assert said(model, inputs_of(processor, MESSAGES[1]), **options) == [answers[1]]


def test_a_model_can_assist_itself_with_text_alone(
    model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor, answers: list[list[int]]
) -> None:
    assert said(model, inputs_of(processor, MESSAGES[0]), assistant_model=model) == [answers[0]]
    with pytest.raises(ValueError, match="0 visual tokens, but the batch has 128 places"):
        said(model, inputs_of(processor, MESSAGES[1]), assistant_model=model)


def test_several_answers_to_one_prompt_see_its_pictures(
    model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor, answers: list[list[int]]
) -> None:
    found = said(model, inputs_of(processor, MESSAGES), do_sample=True, top_k=1, num_return_sequences=2)
    assert found == [answer for answer in answers for _ in range(2)]


def test_beams_of_a_batch_are_those_of_its_rows(
    model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor
) -> None:
    beams = {"num_beams": 3, "num_return_sequences": 2}
    together = said(model, inputs_of(processor, MESSAGES), **beams)
    assert together == [row for messages in MESSAGES for row in said(model, inputs_of(processor, messages), **beams)]
    assert together[0] != together[1]


def test_beams_are_ours_token_for_token(
    folder: Path, model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor
) -> None:
    sampling = replace(SamplingParams.greedy(NUM_NEW), num_beams=3)
    assert said(model, inputs_of(processor, MESSAGES), num_beams=3, do_sample=False) == answers_of(folder, sampling)


def test_sampling_follows_the_seed(model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor) -> None:
    inputs, drawn = inputs_of(processor, MESSAGES[2]), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(said(model, inputs, do_sample=True, temperature=3.0))
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_side_of_the_padding_does_not_matter(
    model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor
) -> None:
    left = inputs_of(processor, MESSAGES[::2])
    num_padding = int((left["attention_mask"][0] == 0).sum())
    right = dict(left)
    for name in ("input_ids", "attention_mask", "mm_token_type_ids"):
        right[name] = left[name].clone()
        right[name][0] = left[name][0].roll(-num_padding)
    with torch.no_grad():
        from_left, from_right = model(**left).logits, model(**right).logits
    assert num_padding > 0
    torch.testing.assert_close(from_left[0, num_padding:], from_right[0, :-num_padding])
    torch.testing.assert_close(from_left[1], from_right[1])


def test_the_loss_is_ours(folder: Path, model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor) -> None:
    ours = processor.processor
    samples = [ours.prepare(Conversation.ask(text, *map(Image, shown))) for text, shown in QUESTIONS]
    batch = ours.batch(samples)
    batch = replace(batch, labels=torch.where(batch.segments == 1, batch.tokens, -100))
    learner = LanguageLearner(weights.load(folder, torch.float32))
    with torch.no_grad():
        total, _ = learner(batch)
        inputs = inputs_of(processor, MESSAGES)
        # Nothing stands before the first token of a row, so it is not learned.
        theirs = inputs["input_ids"].masked_fill(inputs["attention_mask"].cumsum(dim=1) < 2, -100)
        loss = model(**inputs, labels=theirs).loss
    assert float(loss) == pytest.approx(float(total) / int((theirs != -100).sum()), rel=1e-5)


def test_an_answer_ends_at_a_string(model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor) -> None:
    inputs = inputs_of(processor, MESSAGES[1])
    whole = processor.batch_decode(said(model, inputs))[0]
    end = whole[2:4]
    (answer,) = said(model, inputs, stop_strings=[end], tokenizer=processor.tokenizer)
    text = processor.decode(answer)
    assert end in text
    assert whole.startswith(text)
    assert len(text) < len(whole)


def test_nano_reads_the_heading_as_we_do() -> None:
    """Through a pipeline, two questions of unlike lengths at once."""
    shipped, questions = folder_of(None), ("Read the text.", "What is written in this picture?")
    reader = pipeline(
        "image-text-to-text",
        model=AutoModelForImageTextToText.from_pretrained(shipped, dtype=torch.float32),
        processor=AutoProcessor.from_pretrained(shipped),
    )
    shown = {"type": "image", "path": HEADING}
    chats = [[{"role": "user", "content": [shown, {"type": "text", "text": text}]}] for text in questions]
    read = reader(text=chats, max_new_tokens=24, return_full_text=False, batch_size=2)
    assistant, sampling = Demiglace.load(None, "cpu", "float32"), SamplingParams.greedy(24)
    answers = [assistant.ask(text, HEADING, sampling=sampling).text for text in questions]
    assert answers[0]
    assert [one[0]["generated_text"].strip() for one in read] == answers


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"cache_implementation": "static"}, "caches that grow, not in a StaticCache"),
        ({"inputs_embeds": torch.zeros(1, 4, 8)}, "asked by inputs_embeds"),
        ({"output_attentions": True, "return_dict_in_generate": True}, "asked by output_attentions"),
        ({"image_patches": None}, "0 visual tokens, but the batch has 64 places"),
        ({"image_grids": None}, "image_patches come without image_grids"),
        ({"mm_token_type_ids": None}, "64 visual tokens, but the batch has 0 places"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_not_held_is_refused(
    model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor, options: dict[str, Any], error: str
) -> None:
    inputs = dict(inputs_of(processor, MESSAGES[2])) | options
    with pytest.raises(ValueError, match=error):
        model.generate(**inputs, max_new_tokens=2)


def test_masks_and_positions_must_agree(model: MiniCPMVForConditionalGeneration, processor: MiniCPMVProcessor) -> None:
    inputs = inputs_of(processor, MESSAGES[0])
    length = inputs["input_ids"].shape[1]
    with pytest.raises(ValueError, match=rf"shape \(1, {length}\), got \(1, 3\)"):
        model(**{**inputs, "attention_mask": torch.ones(1, 3)})
    with pytest.raises(ValueError, match="position_ids other than"):
        model(**inputs, position_ids=torch.arange(length).unsqueeze(0) + 1)
