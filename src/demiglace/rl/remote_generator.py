"""Answers from an OpenAI-compatible server with log-probabilities, such as `demiglace serve` and vLLM.

The server must return token ids (`return_token_ids`), and prepare prompts as the run does: its prompt tokens are
compared with ours. New weights are saved in a folder, from which the server loads them (`remote_server`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from demiglace.conversation import Conversation, Video
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import StoppedBy
from demiglace.evaluation.backends.openai_messages import request_body
from demiglace.model import weights as checkpoints
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.rl.generator import AnswerRequest, Completion, EngineGenerator, sampling_of
from demiglace.rl.remote_server import RemoteServer
from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.objective import CannotBegin

AT_ONCE = 32  # concurrent requests; ours
RESTARTS = 2  # restarts of a server within a batch; ours
SAVED = "all steps so far are saved, and the same command goes on"
_STOPPED_BY: Mapping[str, StoppedBy] = {"stop": "end", "length": "length"}


class RemoteGenerator(EngineGenerator):
    """A server samples the answers; log-probabilities of references are still computed in this process."""

    def __init__(
        self,
        model: MiniCPMV,
        processor: Processor,
        is_encoder_frozen: bool,
        remote: RemoteServer,
        ranks: ProcessGroup = ALONE,
    ) -> None:
        super().__init__(model, processor, is_encoder_frozen)
        self.remote, self.ranks = remote, ranks

    def load(self, weights: Iterable[tuple[str, nn.Parameter]], version: int) -> None:
        """As `EngineGenerator.load`; CannotBegin if the server does not load the weights."""
        super().load(weights, version)
        try:
            self.ranks.first(self._send)
        except (ValueError, OSError) as error:
            raise CannotBegin(f"{error}; {SAVED}") from error

    def generate(self, requests: Sequence[AnswerRequest]) -> list[Completion]:
        """As `EngineGenerator.generate`; CannotBegin if the server is unreachable after `retries`, refuses, or responds
        in another format. If the server restarted meanwhile, it used other weights: it loads ours again, and all
        answers are sampled again. With several processes all stop instead, as none knows which answers of others are
        lost.
        """
        try:
            for _ in range(RESTARTS + 1):
                with asyncio.Runner() as runner:
                    answers = runner.run(self._all(requests))
                if not self.remote.lacks(self.label):
                    return answers
                if self.ranks.count > 1:
                    break
                self.remote.take(self.label)
            raise ValueError("the server has started anew within a batch, and has answered by other weights")
        except ValueError as error:
            raise CannotBegin(f"{error}; {SAVED}") from error

    def body(self, request: AnswerRequest) -> dict[str, Any]:
        """Body of the request. vLLM gets no seed: on a CPU, vLLM 0.32 was seen to crash with one."""
        body = body_of(request, self.roles)
        if self.remote.update is None:
            del body["seed"]
        return body

    @property
    def label(self) -> str:
        """Label of the current weights, unique among all runs that use the server."""
        return f"{self.remote.folder.absolute()} {self.version}"

    def _send(self) -> None:
        facts = CheckpointFacts(**self.processor.checkpoint_facts(), do_sample=False)
        checkpoints.save(self.model, self.remote.folder, facts=facts)
        self.processor.save(self.remote.folder)
        self.remote.take(self.label)

    async def _all(self, requests: Sequence[AnswerRequest]) -> list[Completion]:
        places = asyncio.Semaphore(AT_ONCE)
        server = self.remote.answers

        async with server.client() as client:

            async def one(request: AnswerRequest) -> Completion:
                async with places:
                    return completion_of(request, await server.ask(client, self.body(request)), self.roles)

            return await asyncio.gather(*(_named(request.name, one(request)) for request in requests))


def body_of(request: AnswerRequest, roles: TokenRoles) -> dict[str, Any]:
    """The request body. Forbidden tokens are suppressed by a logit bias, which log-probabilities do not reflect."""
    assert request.conversation is not None
    body = request_body("", request.conversation, sampling_of(request))
    del body["model"]  # it uses the one that it has
    held_back = {str(token): -100.0 for token in sorted(roles.forbidden)}
    options = {"logit_bias": held_back, "logprobs": True, "return_token_ids": True}
    return {**body, **_sampling_of_videos(request.conversation), **options}


def _sampling_of_videos(conversation: Conversation) -> dict[str, Any]:
    """Video sampling for vLLM, one for all videos of a request. Our server uses the options in each part."""
    parts = [part for message in conversation.messages for part in message.content]
    samplings = {part.sampling for part in parts if isinstance(part, Video)}
    sampling = next(iter(samplings)) if len(samplings) == 1 else None
    if sampling is None:
        return {}
    return {"mm_processor_kwargs": {name: value for name, value in asdict(sampling).items() if value is not None}}


def completion_of(request: AnswerRequest, response: object, roles: TokenRoles) -> Completion:
    """The completion in a response; ValueError if tokens are missing, or belong to another prompt."""
    try:
        assert isinstance(response, Mapping)
        choice, prompt = response["choices"][0], list(response["prompt_token_ids"])
        tokens = tuple(map(int, choice["token_ids"]))
        log_probs = tuple(float(place["logprob"]) for place in choice["logprobs"]["content"])
        stopped_by = _STOPPED_BY[choice["finish_reason"]]
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"the server tells no tokens with log-probabilities, but {str(response)[:200]!r}") from error
    _check_prompt(request, prompt)
    if not tokens or len(tokens) != len(log_probs) or not all(map(math.isfinite, log_probs)):
        raise ValueError(f"the server tells {len(tokens)} tokens of an answer and {len(log_probs)} log-probabilities")
    if roles.forbidden & set(tokens) or (stopped_by == "end") != (tokens[-1] in roles.ends):
        raise ValueError(f"the server's answer is no answer of this model: {list(tokens[-8:])} at its end")
    return Completion(tokens, log_probs, stopped_by)


def _check_prompt(request: AnswerRequest, prompt: Sequence[int]) -> None:
    """ValueError if the prompt differs from ours; places of visual tokens may have any id."""
    own = request.prompt.tokens
    tokens = torch.tensor(prompt, dtype=torch.int64)
    is_text = torch.ones(len(own), dtype=torch.bool)
    is_text[request.prompt.visual_places] = False
    if len(tokens) != len(own) or not torch.equal(tokens[is_text], own[is_text]):
        raise ValueError(f"the server makes {len(tokens)} tokens of a prompt, which are not the {len(own)} of this run")


async def _named(name: str, answer: Awaitable[Completion]) -> Completion:
    """Adds the name of the prompt to a ValueError."""
    try:
        return await answer
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
