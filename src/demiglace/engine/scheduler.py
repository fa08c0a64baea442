"""What runs next: chunks of prompts and all running answers in turn, by age, as far as blocks allow."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from demiglace.engine.block_manager import BlockManager
from demiglace.engine.sequence import Sequence

BY_AGE = attrgetter("number")


@dataclass(frozen=True)
class ScheduledBatch:
    """What one forward pass computes: the next `counts` tokens of each sequence; at a decode, one."""

    kind: Literal["prefill", "decode"]
    sequences: list[Sequence]
    counts: list[int]

    def without(self, sequences: set[Sequence]) -> ScheduledBatch:
        kept = [place for place, sequence in enumerate(self.sequences) if sequence not in sequences]
        return ScheduledBatch(
            self.kind, [self.sequences[place] for place in kept], [self.counts[place] for place in kept]
        )


class Scheduler:
    """Waiting and running sequences, both sorted by age.

    A prefill has at most `max_prefill_tokens` tokens, including padding, and at most `max_rows` sequences run.
    Prefill and decode alternate, so that neither new prompts nor running answers wait for long.
    """

    def __init__(self, blocks: BlockManager, max_rows: int, max_prefill_tokens: int) -> None:
        self.blocks, self.max_rows, self.max_prefill_tokens = blocks, max_rows, max_prefill_tokens
        self.waiting: list[Sequence] = []
        self.running: list[Sequence] = []
        self._is_decode_turn = False

    @property
    def sequences(self) -> list[Sequence]:
        return self.running + self.waiting

    def add(self, sequence: Sequence) -> None:
        bisect.insort(self.waiting, sequence, key=BY_AGE)

    def remove(self, sequence: Sequence) -> None:
        """Remove a sequence and free its blocks."""
        (self.running if sequence in self.running else self.waiting).remove(sequence)
        self.blocks.release(sequence)

    def begin_beams(self, leader: Sequence) -> None:
        """Replace a running sequence by its beams."""
        self.running.remove(leader)
        leader.begin_beams()
        for beam in leader.beams:
            bisect.insort(self.running, beam, key=BY_AGE)

    def schedule(self) -> ScheduledBatch | None:
        """The next batch; None if there is nothing to do."""
        batch = (self._decode() or self._prefill()) if self._is_decode_turn else (self._prefill() or self._decode())
        self._is_decode_turn = batch is not None and batch.kind == "prefill"
        return batch

    def preempt_all(self) -> None:
        """Pre-empt all running sequences; what they have computed will be recomputed."""
        while self.running:
            self._preempt(self.running[-1])

    def _prefill(self) -> ScheduledBatch | None:
        """Chunks of prompts, the oldest first, as many as fit into one batch; only the first may be partial."""
        chosen: list[Sequence] = []
        width, in_progress = 0, set[bytes]()
        for sequence in [*filter(attrgetter("is_prefilling"), self.running), *self.waiting]:
            is_waiting = not sequence.blocks
            cached = self.blocks.cached_prefix(sequence) if is_waiting else []
            if is_waiting and self.blocks.next_hash(sequence, cached) in in_progress:
                continue  # what another sequence computes now can be shared at the next prefill
            done = len(cached) * self.blocks.block_size if is_waiting else sequence.num_computed
            width = max(width, min(sequence.num_tokens - done, self.max_prefill_tokens))
            if chosen and (len(chosen) + 1) * width > self.max_prefill_tokens:
                break
            if is_waiting and not self._admit(sequence, cached):
                break
            chosen.append(sequence)
            in_progress.update(self.blocks.hashes(sequence)[sequence.num_committed :])
        missing = [sequence.num_prefill - sequence.num_computed for sequence in chosen]
        counts = [min(count, self.max_prefill_tokens) for count in missing]
        return ScheduledBatch("prefill", chosen, counts) if chosen else None

    def _admit(self, sequence: Sequence, cached: list[int]) -> bool:
        num_rows = sum(running.num_rows for running in self.running) + sequence.num_rows
        if num_rows > self.max_rows or not self.blocks.open(sequence, cached):
            return False
        self.waiting.remove(sequence)
        bisect.insort(self.running, sequence, key=BY_AGE)
        return True

    def _decode(self) -> ScheduledBatch | None:
        """All running answers; if no block is free, the youngest sequences are pre-empted for the oldest."""
        for sequence in self.running.copy():
            while sequence.num_computed and not sequence.is_prefilling and not self.blocks.extend(sequence):
                self._preempt(self.running[-1])
        ready = [sequence for sequence in self.running if not sequence.is_prefilling]
        return ScheduledBatch("decode", ready, [1] * len(ready)) if ready else None

    def _preempt(self, sequence: Sequence) -> None:
        """Move a sequence back to waiting, to be recomputed when its turn comes; beams restart from their leader."""
        leader = sequence.leader or sequence
        for beam in leader.beams or [leader]:
            self.remove(beam)
        leader.beams = []
        self.add(leader)
