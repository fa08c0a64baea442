"""Answers of a server are those of the engine in the process; a server that is away or foreign ends a run in order."""

import json
import sys
from copy import deepcopy
from dataclasses import replace

import PIL.Image
import pytest
import torch
from mixtures import small_processor
from rl_objectives import objective, stage
from running_server import running

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from fastapi import FastAPI, Request

from demiglace import Demiglace
from demiglace.conversation import Conversation, Image, Video, VideoSampling
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.engine.engine import EngineConfig
from demiglace.engine.token_roles import TokenRoles
from demiglace.rl.generator import AnswerRequest, EngineGenerator
from demiglace.rl.remote_generator import RemoteGenerator, body_of, completion_of
from demiglace.rl.remote_server import RemoteServer
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service
from demiglace.training import checkpoint
from demiglace.training.objective import CannotBegin
from demiglace.training.trainer import Trainer

NOTHING = f"{sys.executable} -c pass"  # a command that ends well


@pytest.fixture
def asked(processor):
    parts, question = GeneratedClips("clips", max_packages=2, several_share=0.0).ask(0, 0, (0,))
    conversations = [
        Conversation.ask("Which colour?", Image(PIL.Image.new("RGB", (60, 40), "red"))),
        Conversation.ask(question.text, *parts, thinking=True),
    ]
    return [
        AnswerRequest(f"prompt {n}", processor.prepare(one), bool(one.thinking), 12, 10 * n + seed, one)
        for n, one in enumerate(conversations)
        for seed in range(2)
    ]


def remote(url, tmp_path, update=NOTHING, retries=0):
    return RemoteServer(f"{url}/v1", update, tmp_path / "weights", retries)


def test_the_extra_of_openai_is_named_before_weights_are_sent(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    message = r"^asking http://127\.0\.0\.1:9/v1 takes openai: pip install 'demiglace\[eval\]'$"
    with pytest.raises(ValueError, match=message):
        remote("http://127.0.0.1:9", tmp_path)


def test_a_server_of_the_pushed_weights_answers_as_the_engine_does(model, processor, asked, tmp_path):
    wanted = EngineGenerator(model, processor, is_encoder_frozen=True)
    wanted.load([], 0)
    generator = RemoteGenerator(model, processor, True, remote("http://127.0.0.1:9", tmp_path))
    generator.load([], 0)
    limits = Limits()
    served = Demiglace.load(tmp_path / "weights", "cpu", "float32")
    with running(create_app(Service.of("it", served, limits, MediaSources(limits), EngineConfig()))) as url:
        generator.remote = remote(url, tmp_path)
        completions = generator.generate(asked)
        stranger = replace(asked[0], conversation=Conversation.ask("Another question?"))
        with pytest.raises(CannotBegin, match=r"prompt 0: the server makes \d+ tokens of a prompt, which are not"):
            generator.generate([stranger])
    for mine, theirs in zip(completions, wanted.generate(asked), strict=True):
        assert mine.tokens == theirs.tokens
        assert mine.stopped_by == theirs.stopped_by
        assert mine.log_probs == pytest.approx(theirs.log_probs, abs=1e-4)


class CallsOfVllm:
    """Those that vLLM has for new weights, beside a server of ours that keeps its own. It starts anew `restarts` times,
    each time when it has answered a batch and is asked which weights it has."""

    def __init__(self, app, restarts=0):
        self.app, self.restarts, self.label, self.calls = app, restarts, "default", []
        for path in ("/pause", "/collective_rpc", "/update_weight_version", "/resume"):
            app.post(path)(self.take)
        app.get("/weight_info")(self.tell)

    async def take(self, request: Request):
        body = await request.json()
        self.calls.append((request.url.path, body))
        self.label = body.get("new_version", self.label)
        return {}

    def tell(self):
        if self.restarts:
            self.restarts, self.label = self.restarts - 1, "default"
        return {"weight_version": self.label}


@pytest.fixture
def vllm(model, processor, tmp_path):
    """An app with the model's weights and the calls of vLLM."""

    def vllm(restarts=0):
        RemoteGenerator(model, processor, True, remote("http://127.0.0.1:9", tmp_path)).load([], 0)
        limits, served = Limits(), Demiglace.load(tmp_path / "weights", "cpu", "float32")
        app = create_app(Service.of("it", served, limits, MediaSources(limits), EngineConfig()))
        return CallsOfVllm(app, restarts)

    return vllm


def test_vllm_is_paused_while_it_takes_the_weights(model, processor, asked, tmp_path, vllm):
    calls = vllm()
    with running(calls.app) as url:
        generator = RemoteGenerator(model, processor, True, remote(url, tmp_path, update=None))
        generator.load([], 3)
        assert len(generator.generate(asked[:1])) == 1
    paths, (_, reload, label, _) = zip(*calls.calls, strict=True)
    assert paths == ("/pause", "/collective_rpc", "/update_weight_version", "/resume")
    assert reload == {"method": "reload_weights", "kwargs": {"weights_path": str(tmp_path / "weights")}}
    assert label == {"new_version": f"{tmp_path / 'weights'} 3"}


@pytest.mark.parametrize("restarts", [0, 1, 2])
def test_answers_of_a_server_that_started_anew_are_drawn_again(model, processor, asked, tmp_path, vllm, restarts):
    calls = vllm(restarts)
    with running(calls.app) as url:
        generator = RemoteGenerator(model, processor, True, remote(url, tmp_path, update=None))
        generator.load([], 0)
        assert len(generator.generate(asked)) == len(asked)
    assert [path for path, _ in calls.calls].count("/collective_rpc") == 1 + restarts


def test_a_server_that_always_starts_anew_ends_the_run(model, processor, asked, tmp_path, vllm):
    with running(vllm(restarts=9).app) as url:
        generator = RemoteGenerator(model, processor, True, remote(url, tmp_path, update=None))
        generator.load([], 0)
        with pytest.raises(CannotBegin, match=r"started anew within a batch.*all steps so far are saved"):
            generator.generate(asked[:1])


def test_a_server_without_calls_for_weights_is_told(model, processor, tmp_path):
    with running(FastAPI()) as url:
        generator = RemoteGenerator(model, processor, True, remote(url, tmp_path, update=None))
        with pytest.raises(CannotBegin, match=r"404.*started with VLLM_SERVER_DEV_MODE=1; others need --generator-up"):
            generator.load([], 0)


@pytest.mark.parametrize(("update", "seeds"), [(None, []), (NOTHING, [0])])
def test_vllm_alone_gets_no_seed(model, processor, asked, tmp_path, update, seeds):
    generator = RemoteGenerator(model, processor, True, remote("http://127.0.0.1:9", tmp_path, update))
    assert [value for name, value in generator.body(asked[0]).items() if name == "seed"] == seeds


def test_one_sampling_of_all_videos_is_told_as_vllm_takes_it(processor, asked):
    roles = TokenRoles.of(processor.tokenizer, 300)
    sampling = asked[-1].conversation.messages[-1].content[0].sampling
    options = body_of(asked[-1], roles)["mm_processor_kwargs"]
    assert VideoSampling(**options) == sampling
    (message,) = asked[-1].conversation.messages
    other = Video(message.content[0].source, replace(sampling, fps=0.5))
    mixed = replace(asked[-1].conversation, messages=(replace(message, content=(*message.content, other)),))
    for request in (asked[0], replace(asked[-1], conversation=mixed)):
        assert "mm_processor_kwargs" not in body_of(request, roles)


def test_a_server_that_stays_away_is_told_with_the_prompt(model, processor, asked, tmp_path):
    generator = RemoteGenerator(model, processor, True, remote("http://127.0.0.1:9", tmp_path, retries=1))
    with pytest.raises(CannotBegin, match=r"prompt 0: http://127.0.0.1:9/v1, 2 tries: .*all steps so far are saved"):
        generator.generate(asked[:1])


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (f"{sys.executable} -c 'import sys; sys.exit(\"no such port\")'", r"ended with status 1 and said no such port"),
        ("/nowhere/command", r"the command that updates the server cannot be run: .*No such file"),
    ],
)
def test_a_command_that_fails_is_told(model, processor, tmp_path, update, message):
    generator = RemoteGenerator(model, processor, True, remote("http://127.0.0.1:9", tmp_path, update))
    with pytest.raises(CannotBegin, match=message):
        generator.load([], 0)


END = small_processor().tokenizer.special["im_end"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token_ids": None}, "tells no tokens with log-probabilities"),
        ({"token_ids": [5]}, "1 tokens of an answer and 2 log-probabilities"),
        ({"token_ids": [5, 6]}, r"no answer of this model: \[5, 6\]"),
        ({"finish_reason": "tool_calls"}, "tells no tokens with log-probabilities"),
        ({"logprobs": {"content": [{"logprob": float("nan")}] * 2}}, "2 tokens of an answer"),
    ],
)
def test_answers_of_another_shape_are_refused(model, processor, asked, changes, message):
    roles = EngineGenerator(model, processor, True).roles
    choice = {"token_ids": [5, END], "finish_reason": "stop", "logprobs": {"content": [{"logprob": -0.5}] * 2}}
    response = {"choices": [choice], "prompt_token_ids": asked[0].prompt.tokens.tolist()}
    assert completion_of(asked[0], response, roles).tokens == (5, END)
    with pytest.raises(ValueError, match=message):
        completion_of(asked[0], {**response, "choices": [{**choice, **changes}]}, roles)


def test_a_run_whose_server_dies_saves_what_it_has_and_goes_on_exactly(model, processor, tmp_path):
    def trained(folder, num_answered):
        own = deepcopy(model)
        learner, learn = PolicyLearner(own), objective(own, processor, folder)
        generate, calls = learn.collector.generator.generate, []

        def answered(requests):
            calls.append(len(requests))
            if len(calls) > num_answered:
                raise CannotBegin("gone")
            return generate(requests)

        learn.collector.generator.generate = answered
        Trainer(learner, stage(3), learn, folder).run()
        return learner

    whole = trained(tmp_path / "whole", 3)
    with pytest.raises(CannotBegin, match="gone"):
        trained(tmp_path / "parts", 2)
    assert checkpoint.num_steps(checkpoint.latest(tmp_path / "parts")) == 2
    with pytest.raises(CannotBegin, match="gone"):
        trained(tmp_path / "parts", 0)
    again = trained(tmp_path / "parts", 1)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())
    lines = [json.loads(line) for line in (tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
