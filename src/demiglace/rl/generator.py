"""Answers with log-probabilities from the engine, sampled from the model's own distribution.

The temperature is 1 (paper), without top-p or top-k, so that samples come from the policy that is trained. Special
tokens of the prompt are never sampled (`engine.token_roles`). The engine encodes equal pictures once and computes equal
prefixes once, so the answers to one prompt share both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from demiglace.conversation import Conversation
from demiglace.engine.engine import Engine, EngineConfig, Failure
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import SampledToken, StoppedBy, TokenSampler
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample, joined
from demiglace.rl.shared_encoder import SharedEncoder, seen_through
from demiglace.training.distributed import full_tensor
from demiglace.training.supervised import Encode


@dataclass(frozen=True)
class AnswerRequest:
    """A requested answer. name: of its prompt, for messages. limit: the most tokens.

    conversation: from which `prompt` was made, for servers that tokenise it themselves.
    """

    name: str
    prompt: Sample
    is_long: bool
    limit: int
    seed: int
    conversation: Conversation | None = None


@dataclass(frozen=True)
class Completion:
    """tokens: including the end token; log_probs: of each, in nats."""

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    stopped_by: StoppedBy


class EngineGenerator:
    """An engine with the trained model, or with a copy if its weights are sharded or are to have another dtype.

    encoder: shared features of pictures, if the encoder is frozen; the update may use them too.
    """

    def __init__(
        self, model: MiniCPMV, processor: Processor, is_encoder_frozen: bool, config: EngineConfig | None = None
    ) -> None:
        self.model, self.processor = model, processor
        self.roles = TokenRoles.of(processor.tokenizer, model.config.llm.vocab_size)
        self.encoder = SharedEncoder(model.vpm) if is_encoder_frozen else None
        self.engine = Engine(model if self.encoder is None else seen_through(model, self.encoder), config)
        self.version: int | None = None

    def load(self, weights: Iterable[tuple[str, nn.Parameter]], version: int) -> None:
        """Use these weights from now on, and discard what was computed with others.

        weights: those that may have changed, by their names in the model; sharded ones are gathered, so every process
        calls this.
        """
        own = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, value in weights:
                if own[name] is not value:
                    own[name].copy_(full_tensor(value))
        if self.encoder is not None:
            self.encoder.forget()
        self.engine.weights_changed()
        self.version = version

    def encode_pictures(self, prompts: Sequence[Sample]) -> None:
        """Encode all pictures with the frozen encoder in one batch: features are bitwise equal only in equal batches,
        whether answers are sampled now or known from an earlier run."""
        visual = joined([prompt.visual for prompt in prompts if prompt.visual is not None])
        if self.encoder is not None and visual is not None:
            self.encoder.features(visual.to(self.model.llm.lm_head.weight.device))

    @property
    def encode(self) -> Encode | None:
        """The function from pictures to features, if the encoder is frozen."""
        return None if self.encoder is None else self.encoder.features

    def generate(self, requests: Sequence[AnswerRequest]) -> list[Completion]:
        """An answer to each request; if one fails, all are cancelled, with a ValueError that names its prompt."""
        drawn: dict[int, list[SampledToken]] = {}
        try:
            names = {}
            for request in requests:
                number = self._add(request)
                drawn[number], names[number] = [], request.name
            while not self.engine.is_idle:
                for step in self.engine.step():
                    if isinstance(step, Failure):
                        raise ValueError(f"{names[step.row]}: {step.error}")
                    drawn[step.row].append(step.sampled)
        finally:
            for number in drawn:
                self.engine.cancel(number)
        return [_completion(tokens) for tokens in drawn.values()]

    def _add(self, request: AnswerRequest) -> int:
        sampler = TokenSampler(sampling_of(request), self.roles, request.is_long)
        try:
            return self.engine.add(self.processor.batch([request.prompt]), sampler)
        except ValueError as error:
            raise ValueError(f"{request.name}: {error}") from error


def sampling_of(request: AnswerRequest) -> SamplingParams:
    """Parameters that sample from the model's own distribution."""
    return SamplingParams(request.limit, 1.0, top_p=1.0, top_k=0, repetition_penalty=1.0, seed=request.seed)


def sampling_model(model: MiniCPMV, is_sharded: bool, dtype: torch.dtype) -> MiniCPMV:
    """The model itself if the engine can use its weights unchanged, else a copy. Call this before sharding."""
    if not is_sharded and dtype == torch.float32:
        return model
    return deepcopy(model).to(dtype).requires_grad_(False)


def _completion(tokens: Sequence[SampledToken]) -> Completion:
    stopped_by = tokens[-1].stopped_by
    assert stopped_by is not None
    return Completion(tuple(one.token for one in tokens), tuple(one.log_probability for one in tokens), stopped_by)
