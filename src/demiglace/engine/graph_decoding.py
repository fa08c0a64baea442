"""Greedy decoding without host overhead: a step is captured once as a CUDA graph and replayed for every token.

With one row, a step of a large model is bound by reading its weights; launching its kernels one by one takes longer
than that. Without a GPU the same step runs eagerly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from demiglace.batch import Batch
from demiglace.model.fixed_cache import FixedKVCache
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV

WARM_STEPS = 3  # before capture, so that kernels are chosen and compiled


class GreedyDecoder:
    """Continues all rows of a filled cache greedily, without stopping at end tokens.

    tokens: int64 (rows, 1), the newest of each row; positions: int64 (rows, 1), theirs. The cache needs room for all
    steps, and for `WARM_STEPS` and one more, which are undone.
    """

    def __init__(self, model: MiniCPMV, cache: KVCache, tokens: Tensor, positions: Tensor) -> None:
        self.model, self.cache = model, FixedKVCache(cache)
        self.tokens, self.positions = tokens.clone(), positions.clone()
        self.segments = torch.ones_like(tokens)
        self.nowhere = torch.empty(0, dtype=torch.int64, device=tokens.device)
        self.graph = self._captured() if tokens.is_cuda else None

    @torch.inference_mode()
    def steps(self, count: int) -> Tensor:
        """int64 (rows, count): the next tokens."""
        found = self.tokens.new_empty(self.tokens.shape[0], count)
        for step in range(count):
            if self.graph is None:
                self._step()
            else:
                self.graph.replay()
            found[:, step] = self.tokens[:, 0]
        return found

    def _step(self) -> None:
        """One step; everything is updated in place."""
        batch = Batch(self.tokens, self.positions, self.segments, self.nowhere)
        logits = self.model.logits(self.model(batch, self.cache)[:, -1])
        self.tokens.copy_(logits.argmax(dim=-1, keepdim=True))
        self.positions += 1

    @torch.inference_mode()
    def _captured(self) -> torch.cuda.CUDAGraph:
        before = [held.clone() for held in (self.tokens, self.positions, self.cache.filled)]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_STEPS):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        for held, value in zip((self.tokens, self.positions, self.cache.filled), before, strict=True):
            held.copy_(value)
        self.cache.hide_behind_filled()
        return graph
