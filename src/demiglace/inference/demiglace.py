"""Demiglace: a checkpoint that answers questions about files."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

from demiglace.conversation import Conversation
from demiglace.engine.engine import Engine
from demiglace.engine.guided import GuideVocabulary
from demiglace.engine.mailbox import Mailbox
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import SampledToken, TokenSampler
from demiglace.fields import short_repr
from demiglace.inference.answer import Answer, AnswerBuilder, AnswerStream
from demiglace.inference.file_parts import PartSource, part_of
from demiglace.model import weights
from demiglace.model.adapters import merge_adapter
from demiglace.model.folded_resampler import FoldedResampler, multiply_adds
from demiglace.model.hub import folder_of
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.placement import device_named, dtype_named
from demiglace.model.quantisation import quantisation_named, quantise
from demiglace.processing.fitting import Fitted, fit_for_answer
from demiglace.processing.processor import Processor
from demiglace.processing.recent_clips import RecentClips
from demiglace.processing.sample import Sample

Request = Conversation | tuple[str, Sequence[PartSource]]
CLIP_BYTES = 2**30  # of decoded clips that requests of a batch may share; ours


@dataclass(frozen=True)
class _Request:
    """A prepared question, and its answer in progress."""

    sample: Sample
    builder: AnswerBuilder

    @property
    def sampler(self) -> TokenSampler:
        return self.builder.sampler


class Demiglace:
    """A model, its processor, and the sampling parameters of requests that give none."""

    def __init__(self, model: MiniCPMV, processor: Processor, sampling: SamplingParams) -> None:
        _check_fit(model, processor)
        self.model, self.processor, self.sampling = model, processor, sampling
        self.roles = TokenRoles.of(processor.tokenizer, model.config.llm.vocab_size)
        self._engines = threading.local()

    @classmethod
    def load(
        cls,
        path_or_id: str | PathLike[str] | None = None,
        device: str | None = None,
        dtype: str | None = None,
        adapter: str | PathLike[str] | None = None,
        quantize: str | None = None,
    ) -> Demiglace:
        """Load a checkpoint in the released layout: a folder, a hub id such as "openbmb/MiniCPM-V-4_5", or None for the
        nano model in the package. Without `device`, a GPU if there is one; without `dtype`, the device's default.
        `adapter` is the folder of a LoRA adapter in PEFT's format, which is merged into the weights; its slicing is
        used if it has a `preprocessor_config.json`. `quantize`, "int8" or "int4", quantises the weights of the
        decoder's linear layers, after merging an adapter.
        ValueError if one of them is not available.
        """
        folder, torch_device = folder_of(path_or_id), device_named(device)
        quantisation = None if quantize is None else quantisation_named(quantize)
        processor, sampling = Processor.load(folder, adapter), SamplingParams.read(folder)
        torch_dtype = dtype_named(dtype, torch_device)
        if adapter is None:
            model = weights.load(folder, torch_dtype, torch_device, quantisation, may_be_quantised=True)
        else:
            model = merge_adapter(weights.load(folder, torch_dtype, torch_device), adapter)
            if quantisation:
                quantise(model, quantisation)
        plain, folded = multiply_adds(model.config.resampler)
        if folded < plain:
            model.register_module("resampler", FoldedResampler(model.resampler))
        return cls(model.eval(), processor, sampling)

    def sliced(self, **changes: Any) -> Demiglace:
        """The same model with other slicing of images: `changes` are fields of `SlicingConfig`, such as `max_slices`
        and `upscale`."""
        return Demiglace(self.model, self.processor.sliced(**changes), self.sampling)

    def with_static_patches(self, threshold: float | None) -> Demiglace:
        """The same model, dropping static patches of videos (`Processor.with_static_patches`)."""
        return Demiglace(self.model, self.processor.with_static_patches(threshold), self.sampling)

    def ask(
        self,
        question: str,
        *sources: PartSource,
        thinking: bool = False,
        sampling: SamplingParams | None = None,
        system: str | None = None,
    ) -> Answer:
        """The answer to one question about any number of files, their bytes, PIL images or parts of a conversation."""
        return self.answer(_conversation(question, sources, thinking, system), sampling)

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
        """As `ask`, but in pieces of text as they are generated; afterwards the stream's `answer` is complete."""
        return self.stream_answer(_conversation(question, sources, thinking, system), sampling)

    def stream_answer(self, conversation: Conversation, sampling: SamplingParams | None = None) -> AnswerStream:
        """As `answer`, in pieces. Reading any stream advances all streams of its thread together."""
        request = self._request(conversation, sampling or self.sampling)
        return AnswerStream(self._tokens(request), request.builder)

    def batch(
        self,
        requests: Sequence[Request],
        sampling: SamplingParams | Sequence[SamplingParams] | None = None,
        rows: int = 8,
    ) -> list[Answer]:
        """Answers to many conversations or (question, files), up to `rows` at a time, in the order of the requests.

        One `sampling` for all, or one each. At temperature 0 in float32 every answer is the one that `answer` gives.
        In bfloat16, the default on CPUs with units for it, tokens that are nearly equally likely may change with the
        batch. ValueError where the files of a question are a single one instead of a list.
        """
        conversations = [one if isinstance(one, Conversation) else _conversation(*_listed(one)) for one in requests]
        params = sampling if isinstance(sampling, Sequence) else [sampling or self.sampling] * len(requests)
        if len(params) != len(requests):
            raise ValueError(f"{len(requests)} requests, but {len(params)} sampling parameters")
        if rows < 1:
            raise ValueError(f"rows must be at least 1, got {rows}")
        answers: dict[int, Answer] = {}
        for place, outcome in self.as_completed(zip(conversations, params, strict=True), rows):
            if not isinstance(outcome, AnswerBuilder):
                raise outcome
            answers[place] = outcome.answer()
        return [answers[place] for place in range(len(requests))]

    def as_completed(
        self, asked: Iterable[tuple[Conversation, SamplingParams]], rows: int = 8
    ) -> Iterator[tuple[int, AnswerBuilder | ValueError | OSError]]:
        """Answers with the index of their request, each as soon as it is complete; at most `rows` are in progress.

        When one ends, the next request is taken, so `asked` may be a long generator. A request that fails yields its
        error, and the others continue. A clip that several requests share is decoded once.
        """
        mailbox, pending, clips = self._mailbox, enumerate(asked), RecentClips(CLIP_BYTES)
        in_progress: dict[int, tuple[int, AnswerBuilder]] = {}
        try:
            while True:
                while len(in_progress) < rows and (upcoming := next(pending, None)):
                    place, (conversation, params) = upcoming
                    try:
                        request = self._request(conversation, params, clips)
                        number = mailbox.add(self.processor.batch([request.sample]), request.sampler)
                    except (ValueError, OSError) as error:
                        yield place, error
                    else:
                        in_progress[number] = place, request.builder
                if not in_progress:
                    break
                mailbox.advance()
                yield from _completed(mailbox, in_progress)
        finally:
            for number in in_progress:
                mailbox.cancel(number)

    def draft(self, fitted: Fitted, sample: Sample, sampling: SamplingParams, started: float) -> AnswerBuilder:
        """A builder of the answer to a conversation that was prepared earlier, maybe in another process.

        fitted, sample: from `fit_for_answer` and `Processor.prepare`. started: when it was asked (`perf_counter`).
        ValueError if the logit bias names an unknown token, or if the guide cannot be followed.
        """
        sampler = self._sampler(fitted.conversation, sampling)
        return AnswerBuilder(self.processor.tokenizer, fitted, sample, sampler, started)

    def weights_changed(self) -> None:
        """Call this after changing the model's weights: nothing computed with the old ones is used any more.

        Answers in progress in this thread continue with the new weights; other threads must have none in progress.
        """
        mailbox = self._mailbox
        mailbox.engine.weights_changed()
        self._engines = threading.local()
        self._engines.mailbox = mailbox

    @property
    def room(self) -> int:
        """Most tokens of a prompt: one place is left for the answer's first token."""
        return self.model.config.llm.max_position_embeddings - 1

    @property
    def _mailbox(self) -> Mailbox:
        """The engine of this thread: line crops are read in several threads, each with its own matrix products."""
        if not hasattr(self._engines, "mailbox"):
            self._engines.mailbox = Mailbox(Engine(self.model))
        mailbox: Mailbox = self._engines.mailbox
        return mailbox

    def _request(
        self, conversation: Conversation, params: SamplingParams, clips: RecentClips | None = None
    ) -> _Request:
        started = time.perf_counter()
        fitted = self._fitted(conversation)
        sample = self.processor.prepare(fitted.conversation, max_tokens=self.room, clips=clips)
        return _Request(sample, self.draft(fitted, sample, params, started))

    def _tokens(self, request: _Request) -> Generator[SampledToken]:
        yield from self._mailbox.tokens(self.processor.batch([request.sample]), request.sampler)

    def _sampler(self, conversation: Conversation, params: SamplingParams) -> TokenSampler:
        vocab_size = self.model.config.llm.vocab_size
        if params.logit_bias and (largest := max(params.logit_bias)) >= vocab_size:
            raise ValueError(f"logit_bias names token {largest}, but the model knows {vocab_size}")
        guide = self._guide_vocabulary.begin(params.guide) if params.guide else None
        return TokenSampler(params, self.roles, conversation.thinking is True, guide)

    @cached_property
    def _guide_vocabulary(self) -> GuideVocabulary:
        return GuideVocabulary(self.processor.tokenizer, self.model.config.llm.vocab_size, self.roles.ends)

    def _fitted(self, conversation: Conversation) -> Fitted:
        """Fits videos; warns about those that do not get the default sampling settings."""
        fitted = fit_for_answer(self.processor, conversation, self.room)
        for note in fitted.notes:
            warnings.warn(note, stacklevel=4)
        return fitted


def _completed(
    mailbox: Mailbox, in_progress: dict[int, tuple[int, AnswerBuilder]]
) -> Iterator[tuple[int, AnswerBuilder | ValueError]]:
    """Answers that a step of the engine has completed, by their index; they are removed from `in_progress`."""
    for number, (place, builder) in list(in_progress.items()):
        outcome: AnswerBuilder | ValueError | None = None
        try:
            for sampled in mailbox.take(number):
                builder.take(sampled)
            outcome = builder if builder.stopped_by else None
        except ValueError as error:
            outcome = error
        if outcome is not None:
            mailbox.cancel(number)
            del in_progress[number]
            yield place, outcome


def _check_fit(model: MiniCPMV, processor: Processor) -> None:
    """ValueError if the files of a checkpoint contradict each other."""
    config, prepared = model.config, processor.config
    numbers = {
        "visual tokens of a slice": (prepared.num_queries, config.resampler.num_queries),
        "pixels along a patch": (prepared.slicing.patch_size, config.vision.patch_size),
    }
    for name, (actual, expected) in numbers.items():
        if actual != expected:
            raise ValueError(f"the processor prepares {actual} {name}, but the model expects {expected}")
    if processor.tokenizer.vocab_size > config.llm.vocab_size:
        raise ValueError(
            f"the tokenizer has {processor.tokenizer.vocab_size} tokens, but the model knows {config.llm.vocab_size}"
        )


def _listed(request: tuple[str, Sequence[PartSource]]) -> tuple[str, Sequence[PartSource]]:
    """ValueError where one file stands in the place of the list: a text would be taken letter by letter."""
    if len(request) != 2 or isinstance(request[1], str | bytes) or not isinstance(request[1], Sequence):
        raise ValueError(
            f'a request is a question and a list of files, such as ("Hi?", ["a.png"]), got {short_repr(request)}'
        )
    return request


def _conversation(
    question: str, sources: Sequence[PartSource], thinking: bool = False, system: str | None = None
) -> Conversation:
    return Conversation.ask(question, *map(part_of, sources), thinking=thinking, system=system)
