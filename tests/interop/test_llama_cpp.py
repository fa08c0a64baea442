"""llama.cpp says what we say, from the files that we export for it. Needs `make llama-cpp`."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from quantised_checkpoints import wide_checkpoint

from demiglace import Answer, Conversation, Demiglace, Image, SamplingParams
from demiglace.cli.export import export
from demiglace.processing.processor import Processor

PYTHON = Path(__file__).parents[2] / ".venv-llama-cpp" / "bin" / "python"
QUESTIONS = ("What is 3 + 4?", "Write a short sentence about the sea.", "Name three colours.", "Where is Paris?")
FIRST = replace(SamplingParams.greedy(1), logprobs=3)

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="llama.cpp has an environment of its own: make llama-cpp")


def answers(files: Path, asked: list[dict[str, Any]], tokens: int, tmp_path: Path) -> list[dict[str, Any]]:
    decoder, projector = next(files.glob("decoder-*.gguf")), files / "mmproj-f16.gguf"
    questions = {"decoder": str(decoder), "projector": str(projector) if projector.exists() else None}
    (tmp_path / "questions.json").write_text(json.dumps({**questions, "asked": asked, "tokens": tokens}))
    script = Path(__file__).with_name("ask_llama_cpp.py")
    command = [PYTHON, script, tmp_path / "questions.json", tmp_path / "answers.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((tmp_path / "answers.json").read_text())


def prompts(model: Demiglace) -> list[list[int]]:
    return [model.processor.prepare(Conversation.ask(question)).tokens.tolist() for question in QUESTIONS]


def test_answers_of_float16_to_texts(tmp_path: Path) -> None:
    """Also where llama.cpp finds the tokens by itself."""
    export("nano", tmp_path / "files", "f16")
    nano = Demiglace.load("nano", "cpu", "float32")
    ids = prompts(nano)
    asked = [{"prompt": prompt} for prompt in (*ids, *map(nano.processor.tokenizer.decode, ids))]
    theirs = [answer["text"] for answer in answers(tmp_path / "files", asked, 40, tmp_path)]
    assert theirs == [nano.ask(question, sampling=SamplingParams.greedy(40)).text for question in QUESTIONS] * 2


def test_first_tokens_of_eight_bits(tmp_path: Path) -> None:
    export("nano", tmp_path / "files", "q8_0")
    nano = Demiglace.load("nano", "cpu", "float32")
    asked = [{"prompt": prompt} for prompt in prompts(nano)]
    for question, theirs in zip(QUESTIONS, answers(tmp_path / "files", asked, 1, tmp_path), strict=True):
        agree(nano.ask(question, sampling=FIRST), theirs["first"], 0.2)


def agree(answer: Answer, first: dict[str, float], tolerance: float) -> None:
    """The likeliest token is the same, and log-probabilities of those above a thousandth are near."""
    choices = {str(one.token): one.log_probability for one in answer.log_probabilities[0].alternatives}
    assert next(iter(choices)) == max(first, key=lambda token: first[token])
    likely = {token: value for token, value in choices.items() if value > -7}
    assert {token: first[token] for token in likely} == pytest.approx(likely, abs=tolerance)


def test_first_tokens_after_a_picture(tmp_path: Path) -> None:
    """A picture of a slice's size, which neither resizes; llama.cpp sets no newline between it and the text."""
    model = wide_checkpoint(tmp_path / "model")
    export(str(model), tmp_path / "files", "f16")
    noise = PIL.Image.effect_noise((112, 112), 100).convert("RGB")
    noise.save(tmp_path / "noise.png")
    loaded = Demiglace.load(model, "cpu", "float32")
    unnumbered = replace(loaded.processor.config, use_image_id=False)
    ours = Demiglace(loaded.model, Processor(loaded.processor.tokenizer, unnumbered), loaded.sampling)
    conversation = Conversation.ask("What is it?", Image(tmp_path / "noise.png"))
    asked = [{"picture": str(tmp_path / "noise.png"), "text": "\nWhat is it?"}]
    first = answers(tmp_path / "files", asked, 1, tmp_path)[0]["first"]
    agree(ours.answer(conversation, replace(FIRST, logprobs=5)), first, 0.01)
