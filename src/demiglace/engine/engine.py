"""Continuous batching: requests join and leave at any moment, and shared prefixes and pictures are computed once.

A step is one forward pass: the scheduler chooses sequences, the runner computes, and each answer takes its next token.
The simple reference is `static_batch`; every answer equals the one that it gives alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.batch import Batch
from demiglace.engine.beam_groups import BeamGroups, FailedSearch, non_finite_rows
from demiglace.engine.block_manager import BlockManager
from demiglace.engine.model_runner import ModelRunner
from demiglace.engine.paged_cache import PagedCache
from demiglace.engine.scheduler import ScheduledBatch, Scheduler
from demiglace.engine.sequence import Sequence
from demiglace.engine.static_batch import Step, check_positions
from demiglace.engine.token_sampler import TokenSampler, next_tokens
from demiglace.engine.visual_cache import VisualCache, packages_of
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.qwen3 import Qwen3Config


@dataclass(frozen=True)
class EngineConfig:
    """Limits of computation and memory. Every number is ours.

    block_size: tokens of a block, the unit in which prefixes are shared.
    num_blocks: the most blocks; None takes as many as fit into `MOST_BLOCK_BYTES`, at least those of a full context.
    max_rows: answers that run at a time.
    max_prefill_tokens: tokens of prompts in a step, including padding; longer prompts are prefilled in chunks.
    visual_bytes: most bytes of visual tokens cached for further questions.
    compile_decode: whether decode steps are compiled, which takes up to a minute when the engine is created.
    """

    block_size: int = 16
    num_blocks: int | None = None
    max_rows: int = 256
    max_prefill_tokens: int = 2048  # equal to `qwen3.MAX_TOKENS_AT_ONCE`
    visual_bytes: int = 2**28
    compile_decode: bool = False


MOST_BLOCK_BYTES = 2**30  # ours; memory is allocated as needed


@dataclass(frozen=True)
class Failure:
    """A request that failed, alone. row: its number. error: a ValueError if the request is at fault."""

    row: int
    error: Exception


class Engine:
    """A model that answers many requests. Not thread-safe; each thread may have its own engine of the same model."""

    def __init__(self, model: MiniCPMV, config: EngineConfig | None = None) -> None:
        self.model, self.config = model, config or EngineConfig()
        weight, size = model.llm.model.embed_tokens.weight, self.config.block_size
        paged = PagedCache(model.config.llm, size, weight.dtype, weight.device)
        self.blocks = BlockManager(self.config.num_blocks or _num_blocks(model.config.llm, size, weight.dtype), size)
        self.scheduler = Scheduler(self.blocks, self.config.max_rows, self.config.max_prefill_tokens)
        self.runner = ModelRunner(model, paged, VisualCache(self.config.visual_bytes), self.config.compile_decode)
        self.beams = BeamGroups(self.scheduler, self.runner.window)
        self._num_requests = 0

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return not self.scheduler.sequences

    def add(self, prompt: Batch, sampler: TokenSampler) -> int:
        """Add a request: its prompt as a batch of one row without padding, and a new sampler. Returns its number.

        Raises ValueError if the prompt and an answer exceed the positions of the model or all blocks, if the numbers of
        visual tokens and of their places differ, or if there are more beams than rows.
        """
        sequence = self._sequence(prompt, sampler)
        self._fit(sequence)
        self._num_requests += 1
        self.scheduler.add(sequence)
        return sequence.number

    @torch.inference_mode()
    def step(self) -> list[Step | Failure]:
        """One forward pass: a chunk of prompts, or a token of each running answer. Does nothing when idle.

        `row` of a step is the number of its request. A request is over when its step has `stopped_by`, its sampler was
        stopped between steps, or it fails. With beam search all tokens of an answer come at its end.
        """
        self._remove([sequence for sequence in self.scheduler.sequences if sequence.sampler.stopped_by])
        batch = self.scheduler.schedule()
        if batch is None:
            return []
        with self._all_or_nothing():
            failures = self._encode_pictures(batch)
            batch = batch.without(set(failures)) if failures else batch
            ready, logits = self.runner.run(batch) if batch.sequences else ([], torch.empty(0))
        failed = (Failure(sequence.number, error) for sequence, error in failures.items())
        return [*failed, *self._take(batch, ready, logits)]

    def cancel(self, number: int) -> None:
        """End a request at any moment; does nothing if it is already over."""
        self._remove([sequence for sequence in self.scheduler.sequences if sequence.number == number])

    def weights_changed(self) -> None:
        """Discard everything computed with other weights; answers in progress continue with the new ones."""
        self._start_again()
        self.runner.visual_cache.clear()
        self.blocks.version += 1
        for sequence in self.scheduler.sequences:
            sequence.hashes.clear()

    def _sequence(self, prompt: Batch, sampler: TokenSampler) -> Sequence:
        if prompt.tokens.shape[0] != 1:
            raise ValueError(f"a request must have 1 row, got {prompt.tokens.shape[0]}")
        if sampler.params.num_beams > self.config.max_rows:
            raise ValueError(f"{sampler.params.num_beams} beams, but {self.config.max_rows} rows run at a time")
        packages = [] if prompt.visual is None else packages_of(prompt.visual)
        given, places = len(packages) * self.model.config.resampler.num_queries, prompt.visual_places.tolist()
        if given != len(places):
            raise ValueError(f"{given} visual tokens, but the prompt has {len(places)} places for them")
        return Sequence(self._num_requests, prompt.tokens[0].tolist(), places, packages, sampler, sampler.output_tokens)

    def _fit(self, sequence: Sequence) -> None:
        """Limit an answer to the available positions and blocks. Its last token needs no keys and values."""
        length, limit = len(sequence.prompt), self.model.config.llm.max_position_embeddings
        shared = length // self.blocks.block_size
        slots = (shared + (self.blocks.num_blocks - shared) // sequence.num_rows) * self.blocks.block_size
        check_positions(length, limit)
        if length > slots:
            beams = f" in {sequence.num_rows} beams" if sequence.num_rows > 1 else ""
            raise ValueError(f"a prompt of {length} tokens does not fit into the KV cache, which holds {slots}{beams}")
        sequence.sampler.fit(min(limit - length, slots - length + 1))

    def _encode_pictures(self, batch: ScheduledBatch) -> dict[Sequence, ValueError]:
        self.runner.paged.grow(self.blocks.capacity)
        failures = self.runner.encode_pictures(batch)
        self._remove(list(failures))
        return failures

    def _take(self, batch: ScheduledBatch, ready: list[Sequence], logits: Tensor) -> list[Step | Failure]:
        """Commit what was computed, and advance each answer by a token."""
        for sequence, count in zip(batch.sequences, batch.counts, strict=True):
            sequence.num_computed += count
            self.blocks.commit(sequence)
        searched = {sequence: row for row, sequence in enumerate(ready) if sequence.sampler.params.num_beams > 1}
        if not searched:
            return self._sample(ready, logits)
        sampled = [row for row, sequence in enumerate(ready) if sequence not in searched]
        return [*self._sample([ready[row] for row in sampled], logits[sampled]), *self._search(searched, logits)]

    def _sample(self, sequences: list[Sequence], logits: Tensor) -> list[Step | Failure]:
        if not sequences:
            return []
        sampled = list(zip(sequences, next_tokens(logits, [sequence.sampler for sequence in sequences]), strict=True))
        self._remove([sequence for sequence, token in sampled if isinstance(token, ValueError) or token.stopped_by])
        return [
            Failure(sequence.number, token) if isinstance(token, ValueError) else Step(sequence.number, token)
            for sequence, token in sampled
        ]

    def _search(self, rows: dict[Sequence, int], logits: Tensor) -> list[Step | Failure]:
        """Advance beams by a token; rows: index of each in logits."""
        failures = {beam.number: error for beam, error in non_finite_rows(rows, logits)}
        self._remove([beam for beam in rows if beam.number in failures])
        ended = self.beams.advance({beam: row for beam, row in rows.items() if beam.number not in failures}, logits)
        steps: list[Step | Failure] = [Failure(number, error) for number, error in failures.items()]
        for search in ended:
            leader = search.leader
            self._remove(leader.beams or [leader])
            if isinstance(search, FailedSearch):
                steps.append(Failure(leader.number, search.error))
                continue
            for token in zip(search.tokens, search.log_probabilities, strict=True):
                steps.append(Step(leader.number, leader.sampler.take(*token)))
        if any(isinstance(search, FailedSearch) for search in ended):  # wherever in its step that happened
            self._start_again()
        return steps

    def _remove(self, sequences: list[Sequence]) -> None:
        for sequence in sequences:
            self.scheduler.remove(sequence)
        if self.is_idle:
            self.runner.window.clear()

    def _start_again(self) -> None:
        self.scheduler.preempt_all()
        self.runner.window.clear()

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """If a pass is interrupted, discard what it computed."""
        try:
            yield
        except BaseException:
            self._start_again()
            raise


def _num_blocks(config: Qwen3Config, block_size: int, dtype: torch.dtype) -> int:
    token_bytes = 2 * config.num_layers * config.num_kv_heads * config.head_dim * dtype.itemsize
    longest = -(-config.max_position_embeddings // block_size)
    return max(longest, MOST_BLOCK_BYTES // (token_bytes * block_size))
