"""Demiglace: a checkpoint that answers questions about files."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from os import PathLike
from typing import Any

from demiglace.conversation import Conversation
from demiglace.engine.engine import Engine
from demiglace.engine.guided import GuideVocabulary
from demiglace.engine.mailbox import Mailbox
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import SampledToken, TokenSampler
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
from demiglace.processing.sample import Sample

Request = Conversation | tuple[str, Sequence[PartSource]]


@dataclass(frozen=True)
class _Request:
    """A question made ready, and its answer being written."""

    sample: Sample
    builder: AnswerBuilder

    @property
    def sampler(self) -> TokenSampler:
        return self.builder.sampler


class Demiglace:
    """A model, the processor that feeds it, and how it draws its answers when a request does not say."""

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

    def stream_answer(self, conversation: Conversation, sampling: SamplingParams | None = None) -> AnswerStream:
        """As `answer`, in pieces. Streams of one thread are computed together, whichever is read."""
        request = self._request(conversation, sampling or self.sampling)
        return AnswerStream(self._tokens(request), request.builder)

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
        if rows < 1:
            raise ValueError(f"at least 1 request has to be answered at a time, got {rows}")
        asked = list(zip(conversations, each, strict=True))
        if any(params.num_beams > 1 for params in each):
            return [answer for start in range(0, len(asked), rows) for answer in self._searched(asked[start:][:rows])]
        return self._answered(asked, rows)

    def weights_changed(self) -> None:
        """Call it where the model's weights have been changed: nothing computed with the old ones is used any more.

        Answers under way in this thread go on with the new weights; those of other threads are to be over.
        """
        mailbox = self._mailbox
        mailbox.engine.weights_changed()
        self._engines = threading.local()
        self._engines.mailbox = mailbox

    @property
    def room(self) -> int:
        """Tokens that a prompt may have: the answer's first token needs one."""
        return self.model.config.llm.max_position_embeddings - 1

    @property
    def _mailbox(self) -> Mailbox:
        """The engine of this thread: several threads read line crops, each with matrix products of its own."""
        if not hasattr(self._engines, "mailbox"):
            self._engines.mailbox = Mailbox(Engine(self.model))
        mailbox: Mailbox = self._engines.mailbox
        return mailbox

    def _request(self, conversation: Conversation, params: SamplingParams) -> _Request:
        started = time.perf_counter()
        fitted = self._fitted(conversation)
        sample = self.processor.prepare(fitted.conversation, max_tokens=self.room)
        sampler = self._sampler(conversation, params)
        builder = AnswerBuilder(self.processor.tokenizer, fitted, sample, sampler, started)
        return _Request(sample, builder)

    def _tokens(self, request: _Request) -> Generator[SampledToken]:
        if request.sampler.params.num_beams > 1:
            yield from (sampled for _, sampled in self._search([request]))
        else:
            yield from self._mailbox.tokens(self.processor.batch([request.sample]), request.sampler)

    def _search(self, requests: Sequence[_Request]) -> Iterator[tuple[_Request, SampledToken]]:
        """Tokens of answers that are followed in beams, together."""
        weight = self.model.llm.model.embed_tokens.weight
        batch = self.processor.batch([request.sample for request in requests]).to(weight.device, weight.dtype)
        for step in generate(self.model, batch, [request.sampler for request in requests]):
            yield requests[step.row], step.sampled

    def _searched(self, asked: Sequence[tuple[Conversation, SamplingParams]]) -> list[Answer]:
        requests = [self._request(*one) for one in asked]
        for request, sampled in self._search(requests):
            request.builder.take(sampled)
        return [request.builder.answer() for request in requests]

    def _answered(self, asked: Sequence[tuple[Conversation, SamplingParams]], rows: int) -> list[Answer]:
        """At most `rows` are under way; where one ends the next begins."""
        mailbox, answers = self._mailbox, dict[int, Answer]()
        under_way: dict[int, tuple[int, AnswerBuilder]] = {}
        coming = iter(enumerate(asked))
        try:
            while len(answers) < len(asked):
                for place, one in islice(coming, rows - len(under_way)):
                    request = self._request(*one)
                    number = mailbox.add(self.processor.batch([request.sample]), request.sampler)
                    under_way[number] = place, request.builder
                answers |= _advance(mailbox, under_way)
        finally:
            for number in under_way:
                mailbox.cancel(number)
        return [answers[place] for place in range(len(asked))]

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


def _advance(mailbox: Mailbox, under_way: dict[int, tuple[int, AnswerBuilder]]) -> dict[int, Answer]:
    """A step of the engine; the answers that are complete by it, by their place, leave `under_way`."""
    mailbox.advance()
    complete = {}
    for number, (place, builder) in list(under_way.items()):
        for sampled in mailbox.take(number):
            builder.take(sampled)
        if builder.stopped_by:
            complete[place] = builder.answer()
            mailbox.cancel(number)
            del under_way[number]
    return complete


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
