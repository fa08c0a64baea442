"""What is trained here answers in vLLM as it does here. Needs vLLM's own environment: `make vllm`, see docs/vllm.md."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from demiglace import Conversation, Demiglace, Image, SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.hub import folder_of
from demiglace.processing.processor import Processor

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
SAMPLES = ROOT / "samples"
ASKED: list[tuple[str, list[Path]]] = [
    ("Read the text.", [SAMPLES / "line.png"]),
    ("Read the text.", [SAMPLES / "heading.png", SAMPLES / "line.png"]),
    ("What is this?", [SAMPLES / "page.png"]),
    ("Read the text.", []),
]
NUM_NEW = 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="vLLM has no environment in .venv-vllm (`make vllm` makes one)"),
]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The nano model, exported anew, and set to cut large pictures into slices."""
    shipped = folder_of(None)
    processor = Processor.load(shipped)
    slicing = replace(processor.config.slicing, max_slices=6)
    processor = Processor(processor.tokenizer, replace(processor.config, slicing=slicing))
    folder = tmp_path / "exported"
    processor.save(folder)
    weights.save(weights.load(shipped), folder, CheckpointFacts(**processor.checkpoint_facts(), do_sample=False))
    return folder


def ours(checkpoint: Path) -> list[dict[str, list[int]]]:
    """Token ids of the prompt and of the answer to each that is asked."""
    told = Demiglace.load(checkpoint, "cpu", "float32")
    replies = []
    for question, pictures in ASKED:
        sample = told.processor.prepare(Conversation.ask(question, *map(Image, pictures), thinking=False))
        batch, greedy = told.processor.batch([sample]), SamplingParams.greedy(NUM_NEW)
        answer = [step.sampled.token for step in generate(told.model, batch, [TokenSampler(greedy, told.roles)])]
        replies.append({"prompt": sample.tokens.tolist(), "answer": answer})
    return replies


def theirs(checkpoint: Path, folder: Path) -> list[dict[str, list[int]]]:
    asked = [{"question": question, "pictures": list(map(str, pictures))} for question, pictures in ASKED]
    questions, answers = folder / "questions.json", folder / "answers.json"
    questions.write_text(json.dumps({"model": str(checkpoint), "asked": asked, "max_tokens": NUM_NEW}))
    command = [PYTHON, Path(__file__).with_name("ask_vllm.py"), questions, answers]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(answers.read_text())


def test_vllm_gives_the_same_answers(checkpoint: Path, tmp_path: Path) -> None:
    expected = ours(checkpoint)
    assert len(expected[2]["prompt"]) > 4 * 64  # the page was cut into slices
    assert theirs(checkpoint, tmp_path) == expected
