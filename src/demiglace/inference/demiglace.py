"""Demiglace: a checkpoint that answers questions about files."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from os import PathLike
from typing import Any

from demiglace.conversation import Conversation
from demiglace.engine.guided import GuideVocabulary
from demiglace.engine.prefix_cache import PrefixCache
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import Step, generate
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import TokenSampler
from demiglace.inference.answer import Answer, AnswerBuilder, AnswerStream
from demiglace.inference.file_parts import PartSource, part_of
from demiglace.model import weights
from demiglace.model.adapters import merge_adapter
from demiglace.model.folded_resampler import FoldedResampler, multiply_adds
from demiglace.model.hub import folder_of
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.placement import device_named, dtype_named
from demiglace.processing.fitting import Fitted, fit_for_answer
from demiglace.processing.processor import Processor

Request = Conversation | tuple[str, Sequence[PartSource]]


class Demiglace:
    """A model, the processor that feeds it, and how it draws its answers when a request does not say."""

    def __init__(self, model: MiniCPMV, processor: Processor, sampling: SamplingParams) -> None:
        _check_fit(model, processor)
        self.model, self.processor, self.sampling = model, processor, sampling
        self.roles = TokenRoles.of(processor.tokenizer, model.config.llm.vocab_size)

    @classmethod
    def load(
        cls,
        path_or_id: str | PathLike[str] | None = None,
        device: str | None = None,
        dtype: str | None = None,
        adapter: str | PathLike[str] | None = None,
    ) -> Demiglace:
        """A checkpoint in the released layout: a folder, a hub id such as "openbmb/MiniCPM-V-4_5", or None, the nano
        model that the package carries. Without `device` a GPU where there is one, without `dtype` what suits it.
        `adapter` is the folder of a LoRA adapter in PEFT's format, added to the weights; images are cut as it was
        trained, where it says so.
        ValueError where one of them is not to be had.
        """
        folder, place = folder_of(path_or_id), device_named(device)
        processor, sampling = Processor.load(folder, adapter), SamplingParams.read(folder)
        model = weights.load(folder, dtype=dtype_named(dtype, place), device=place)
        if adapter is not None:
            model = merge_adapter(model, adapter)
        plain, folded = multiply_adds(model.config.resampler)
        if folded < plain:
            model.register_module("resampler", FoldedResampler(model.resampler))
        return cls(model.eval(), processor, sampling)

    def sliced(self, **changes: Any) -> Demiglace:
        """The same model on images that are cut otherwise: `changes` are fields of `SlicingConfig`, such as
        `max_slices` and `upscale`."""
        return Demiglace(self.model, self.processor.sliced(**changes), self.sampling)

    def ask(
        self,
        question: str,
        *sources: PartSource,
        thinking: bool = False,
        sampling: SamplingParams | None = None,
        system: str | None = None,
    ) -> Answer:
        """The answer to one question about any number of files, PIL images or parts of a conversation."""
        return self.answer(_asked(question, sources, thinking, system), sampling)

    def answer(self, conversation: Conversation, sampling: SamplingParams | None = None) -> Answer:
        """The answer to a conversation that ends with the user."""
        stream = self.stream_answer(conversation, sampling)
        for _ in stream:
            pass
        return stream.answer

    def stream(
        self,
        question: str,
        *sources: PartSource,
        thinking: bool = False,
        sampling: SamplingParams | None = None,
        system: str | None = None,
    ) -> AnswerStream:
        """As `ask`, but in pieces of text as they come; afterwards the stream's `answer` is the whole."""
        return self.stream_answer(_asked(question, sources, thinking, system), sampling)

    def stream_answer(
        self,
        conversation: Conversation,
        sampling: SamplingParams | None = None,
        prefix_cache: PrefixCache | None = None,
    ) -> AnswerStream:
        """As `answer`, in pieces; a `prefix_cache` is for turns of one growing conversation, see `Chat`."""
        builders, steps = self._start([conversation], [sampling or self.sampling], prefix_cache)
        return AnswerStream(steps, builders[0])

    def batch(
        self,
        requests: Sequence[Request],
        sampling: SamplingParams | Sequence[SamplingParams] | None = None,
        rows: int = 8,
    ) -> list[Answer]:
        """Answers to many conversations or (question, files), `rows` of them at a time, in the order asked.

        One `sampling` for all, or one each. At temperature 0 every answer is the one that `answer` gives.
        """
        conversations = [one if isinstance(one, Conversation) else _asked(*one) for one in requests]
        each = sampling if isinstance(sampling, Sequence) else [sampling or self.sampling] * len(requests)
        if len(each) != len(requests):
            raise ValueError(f"{len(requests)} requests, but {len(each)} sampling parameters")
        answers: list[Answer] = []
        for start in range(0, len(requests), rows):
            builders, steps = self._start(conversations[start : start + rows], each[start : start + rows])
            for step in steps:
                builders[step.row].take(step.sampled)
            answers += [builder.answer() for builder in builders]
        return answers

    @property
    def room(self) -> int:
        """Tokens that a prompt may have: the answer's first token needs one."""
        return self.model.config.llm.max_position_embeddings - 1

    def _start(
        self,
        conversations: Sequence[Conversation],
        sampling: Sequence[SamplingParams],
        prefix_cache: PrefixCache | None = None,
    ) -> tuple[list[AnswerBuilder], Iterator[Step]]:
        started = time.perf_counter()
        fitted = [self._fitted(conversation) for conversation in conversations]
        samples = [self.processor.prepare(one.conversation, max_tokens=self.room) for one in fitted]
        samplers = [self._sampler(*pair) for pair in zip(conversations, sampling, strict=True)]
        builders = [
            AnswerBuilder(self.processor.tokenizer, *prepared, started)
            for prepared in zip(fitted, samples, samplers, strict=True)
        ]
        weight = self.model.llm.model.embed_tokens.weight
        batch = self.processor.batch(samples).to(weight.device, weight.dtype)
        return builders, generate(self.model, batch, samplers, prefix_cache)

    def _sampler(self, conversation: Conversation, params: SamplingParams) -> TokenSampler:
        """ValueError where the bias names a token that is none, and where the guide cannot be followed."""
        known = self.model.config.llm.vocab_size
        if params.logit_bias and (largest := max(params.logit_bias)) >= known:
            raise ValueError(f"logit_bias names token {largest}, but the model knows {known}")
        guide = self._guide_vocabulary.begin(params.guide) if params.guide else None
        return TokenSampler(params, self.roles, conversation.thinking is True, guide)

    @cached_property
    def _guide_vocabulary(self) -> GuideVocabulary:
        return GuideVocabulary(self.processor.tokenizer, self.model.config.llm.vocab_size, self.roles.ends)

    def _fitted(self, conversation: Conversation) -> Fitted:
        """A warning says which videos do not take the defaults."""
        fitted = fit_for_answer(self.processor, conversation, self.room)
        for note in fitted.notes:
            warnings.warn(note, stacklevel=4)
        return fitted


def _check_fit(model: MiniCPMV, processor: Processor) -> None:
    """ValueError where the files of a checkpoint contradict each other."""
    config, given = model.config, processor.config
    numbers = {
        "visual tokens of a slice": (given.num_queries, config.resampler.num_queries),
        "pixels along a patch": (given.slicing.patch_size, config.vision.patch_size),
    }
    for name, (prepared, expected) in numbers.items():
        if prepared != expected:
            raise ValueError(f"the processor prepares {prepared} {name}, but the model takes {expected}")
    if processor.tokenizer.vocab_size > config.llm.vocab_size:
        raise ValueError(
            f"the tokenizer has {processor.tokenizer.vocab_size} tokens, but the model knows {config.llm.vocab_size}"
        )


def _asked(
    question: str, sources: Sequence[PartSource], thinking: bool = False, system: str | None = None
) -> Conversation:
    return Conversation.ask(question, *map(part_of, sources), thinking=thinking, system=system)
