"""One forward pass over a scheduled batch."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor

from demiglace.batch import PADDING, Batch, to_device
from demiglace.engine.decode_step import DecodeStep
from demiglace.engine.decode_window import DecodeWindow
from demiglace.engine.paged_cache import ChunkCache, PagedCache
from demiglace.engine.scheduler import ScheduledBatch
from demiglace.engine.sequence import Sequence
from demiglace.engine.visual_cache import VisualCache
from demiglace.model.minicpmv import MiniCPMV


class ModelRunner:
    """The model with its caches of keys, values and visual tokens."""

    def __init__(
        self, model: MiniCPMV, paged: PagedCache, visual_cache: VisualCache, compile_decode: bool = False
    ) -> None:
        self.model, self.paged, self.visual_cache = model, paged, visual_cache
        self.window, self.decode_step = DecodeWindow(paged), DecodeStep(model, compile_decode)

    def encode_pictures(self, batch: ScheduledBatch) -> dict[Sequence, ValueError]:
        """Compute the visual tokens that a prefill needs; returns whose pictures cannot be encoded, and why."""
        if batch.kind == "decode":
            return {}
        missing = [
            sequence
            for sequence in batch.sequences
            if sequence.visual_tokens is None and sequence.places(sequence.num_computed, len(sequence.prompt))
        ]
        try:
            self._set_visual_tokens(missing)
        except (ValueError, RuntimeError):
            return {sequence: error for sequence in missing if (error := self._encoding_error(sequence))}
        return {}

    def run(self, batch: ScheduledBatch) -> tuple[list[Sequence], Tensor]:
        """The sequences whose next token can be sampled, and its float32 logits (sequences, vocabulary)."""
        if batch.kind == "decode":
            return self._decode(batch.sequences)
        return self._prefill(batch.sequences, batch.counts)

    def _decode(self, sequences: list[Sequence]) -> tuple[list[Sequence], Tensor]:
        window, device = self.window, self.paged.keys.device
        window.hold(sequences)
        tokens = torch.tensor([[sequence.output_tokens[-1]] for sequence in window.sequences], device=device)
        positions = torch.tensor([[sequence.num_computed] for sequence in window.sequences], device=device)
        logits = self.decode_step(tokens, positions, window.advance())
        window.save_full_blocks()
        return window.sequences.copy(), logits

    def _prefill(self, sequences: list[Sequence], counts: list[int]) -> tuple[list[Sequence], Tensor]:
        device, pairs = self.paged.keys.device, list(zip(sequences, counts, strict=True))
        visual = [_visual_tokens(sequence, count) for sequence, count in pairs if sequence.visual_tokens is not None]
        cache, last = ChunkCache(self.paged, sequences, counts), to_device(torch.tensor(counts) - 1, device)
        batch = _chunks(sequences, counts).to(device)
        embeddings = self.model.merge_visual_tokens(batch, torch.cat(visual) if visual else None)
        hidden = self.model.llm(embeddings, batch.positions, batch.segments, cache, last=last)[:, 0]
        ready = [
            row for row, (sequence, count) in enumerate(pairs) if sequence.num_computed + count == sequence.num_prefill
        ]
        for row in ready:  # views of what was encoded for all, which would keep all of it in memory
            sequences[row].visual_tokens = None
        return [sequences[row] for row in ready], self.model.logits(hidden[ready]).float()

    def _set_visual_tokens(self, sequences: list[Sequence]) -> None:
        """Set visual tokens, from the first package with places still to compute."""
        if not sequences:
            return
        places = [sequence.places(sequence.num_computed, len(sequence.prompt)) for sequence in sequences]
        packages = [sequence.packages_of(own) for sequence, own in zip(sequences, places, strict=True)]
        tokens = self.visual_cache.tokens(self.model, list(chain.from_iterable(packages)))
        counts = [len(own) * self.model.config.resampler.num_queries for own in packages]
        for sequence, own_tokens in zip(sequences, tokens.split(counts), strict=True):
            sequence.visual_tokens = own_tokens

    def _encoding_error(self, sequence: Sequence) -> ValueError | None:
        try:
            self._set_visual_tokens([sequence])
        except (ValueError, RuntimeError) as error:
            return ValueError(f"the pictures of request {sequence.number} cannot be encoded: {error}")
        return None


def _chunks(sequences: list[Sequence], counts: list[int]) -> Batch:
    """The next tokens of each sequence as a row, padded on the right."""
    width = max(counts)
    tokens = torch.zeros(len(sequences), width, dtype=torch.int64)
    segments = torch.full_like(tokens, PADDING)
    places: list[int] = []
    for row, (sequence, count) in enumerate(zip(sequences, counts, strict=True)):
        start, end = sequence.num_computed, sequence.num_computed + count
        tokens[row, :count] = torch.tensor(sequence.tokens(start, end))
        segments[row, :count] = 1
        places += [row * width + sequence.visual_places[place] - start for place in sequence.places(start, end)]
    starts = torch.tensor([[sequence.num_computed] for sequence in sequences])
    return Batch(tokens, starts + torch.arange(width), segments, torch.tensor(places, dtype=torch.int64))


def _visual_tokens(sequence: Sequence, count: int) -> Tensor:
    """The visual tokens among its next `count` tokens."""
    assert sequence.visual_tokens is not None
    places = sequence.places(sequence.num_computed, sequence.num_computed + count)
    first = len(sequence.visual_places) - len(sequence.visual_tokens)
    return sequence.visual_tokens[places.start - first : places.stop - first]
