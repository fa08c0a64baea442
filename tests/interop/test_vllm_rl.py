"""vLLM's server as the one that answers in reinforcement learning, started as docs/rl.md says."""

import json
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest
import torch
from mixtures import pictures_and_colours, write_mixture
from typer.testing import CliRunner
from vllm_questions import exported, launch, needs_vllm, server

from demiglace.cli.main import app
from demiglace.conversation import Conversation, Image
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.rl.generator import AnswerRequest, Completion
from demiglace.rl.remote_generator import RemoteGenerator
from demiglace.rl.remote_server import RemoteServer
from demiglace.rl.rollout_batch import PolicyLearner, RolloutBatch

COMMAND = "VLLM_SERVER_DEV_MODE=1 vllm serve path/to/checkpoint"
GAP = 1e-4  # nats; both compute in float32
OTHER = 0.05  # nats, by which answers of weights of another kind differ at least

pytestmark = [pytest.mark.slow, needs_vllm]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("vllm") / "exported")


@pytest.fixture(scope="module")
def url(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "log"
    with server(start, log, [*launch("rl.md", COMMAND), "--skip-mm-profiling"], VLLM_SERVER_DEV_MODE="1") as address:
        yield f"{address}/v1"


@pytest.fixture(scope="module")
def processor(start: Path) -> Processor:
    return Processor.load(start)


@pytest.fixture(scope="module")
def asked(processor: Processor) -> list[AnswerRequest]:
    clip, question = GeneratedClips("clips", max_packages=2, several_share=0.0).ask(0, 0, (0,))
    picture = Image(PIL.Image.new("RGB", (600, 400), "red"))  # in slices
    conversations = [Conversation.ask("Which colour?", picture), Conversation.ask(question.text, *clip, thinking=True)]
    return [
        AnswerRequest(f"prompt {n}", processor.prepare(one), bool(one.thinking), 24, 10 * n + place, one)
        for n, one in enumerate(conversations)
        for place in range(3)
    ]


def largest_gap(model: MiniCPMV, processor: Processor, asked: list[AnswerRequest], told: list[Completion]) -> float:
    """In nats, between what the server and what the learner says of the same tokens."""
    batch = RolloutBatch.of(processor, [one.prompt for one in asked], [[one.tokens] for one in told])
    with torch.no_grad():
        own, _ = PolicyLearner(model)(batch)
    return float((own - torch.tensor([log_prob for one in told for log_prob in one.log_probs])).abs().max())


def test_answers_are_those_of_the_pushed_weights(
    url: str, start: Path, processor: Processor, asked: list[AnswerRequest], tmp_path: Path
) -> None:
    """Nothing in vLLM's caches outlives its weights: the same prompts are asked before and after."""
    model = weights.load(start, torch.float32)
    generator = RemoteGenerator(model, processor, False, RemoteServer(url, None, tmp_path / "generator", 2))
    torch.manual_seed(0)
    for version, part in enumerate([None, model.vpm, model.resampler, model.llm]):
        if part is not None:
            told = generator.generate(asked)
            with torch.no_grad():
                for value in part.parameters():
                    value.mul_(1 + 0.05 * torch.randn_like(value))
            assert largest_gap(model, processor, asked, told) > OTHER
        generator.load([], version)
        told = generator.generate(asked)
        assert largest_gap(model, processor, asked, told) < GAP
        assert not {token for one in told for token in one.tokens} & generator.roles.forbidden
        assert len({one.tokens for one in told}) > 3


def test_a_run_learns_from_its_answers(url: str, start: Path, tmp_path: Path) -> None:
    write_mixture(tmp_path)
    (tmp_path / "rl.toml").write_text(pictures_and_colours("hybrid_rl"))
    options = {"preset": "nano", "start": start, "folder": tmp_path / "run", "steps": 2, "prompts": 4, "answers": 4}
    options |= {"lr": 1e-3, "short-limit": 20, "long-limit": 20, "device": "cpu", "dtype": "float32", "workers": 0}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    done = CliRunner().invoke(app, ["rl", str(tmp_path / "rl.toml"), *words, "--keep-flat", "--generator", url])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "run" / "hybrid_rl" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert all(line["log_prob_gap"] < GAP for line in lines)
