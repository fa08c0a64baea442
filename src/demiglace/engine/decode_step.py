"""One decode step, a token of each running answer, either eager or compiled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.model.minicpmv import MiniCPMV

SAMPLE_ROWS, SAMPLE_COLUMNS, SAMPLE_CAPACITY = 3, 21, 37  # all different, and no size of a model: each can be dynamic


@dataclass(frozen=True)
class Columns:
    """The keys and values that running answers attend to, the last column for their new tokens; a cache for `forward`.

    keys and values: for each layer, (rows, num_kv_heads, columns, head_dim), views of the window's memory.
    mask: (rows, 1, 1, columns), added to the scores; None if everything is visible.
    """

    keys: Sequence[Tensor]
    values: Sequence[Tensor]
    mask: Tensor | None

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        return self.mask

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write the last column; keys and values (rows, num_kv_heads, 1, head_dim)."""
        self.keys[layer][:, :, -1:] = keys
        self.values[layer][:, :, -1:] = values
        return self.keys[layer], self.values[layer]


class DecodeStep:
    """From newest tokens and their positions, int64 (rows, 1), to float32 logits (rows, vocabulary).

    A compiled step fuses operators and launches them in one call. It is compiled twice: for a single row, and for any
    other number of rows and columns. Compilation takes up to a minute and needs a C++ compiler; if it fails, the step
    warns and runs eagerly.
    """

    def __init__(self, model: MiniCPMV, is_compiled: bool = False) -> None:
        self.model = model
        self._logits = _logits
        if is_compiled:
            self._compile()

    def __call__(self, tokens: Tensor, positions: Tensor, columns: Columns) -> Tensor:
        return self._logits(self.model, tokens, positions, columns.keys, columns.values, columns.mask)

    @torch.inference_mode()
    def _compile(self) -> None:
        self._logits = torch.compile(_logits, dynamic=True)
        try:
            for rows in (1, SAMPLE_ROWS):
                self(*self._sample(rows))
        except RuntimeError as error:  # from dynamo, inductor or the compiler they call
            self._logits = _logits
            why = str(error).splitlines()[0]
            warnings.warn(f"steps are not compiled: {why}", stacklevel=6)  # points to the code that creates the engine

    def _sample(self, rows: int) -> tuple[Tensor, Tensor, Columns]:
        llm, weight = self.model.config.llm, self.model.llm.model.embed_tokens.weight
        shape = (llm.num_layers, rows, llm.num_kv_heads, SAMPLE_CAPACITY, llm.head_dim)
        keys, values = (weight.new_zeros(shape)[:, :, :, :SAMPLE_COLUMNS].unbind() for _ in range(2))
        mask = weight.new_zeros(rows, 1, 1, SAMPLE_CAPACITY)[..., :SAMPLE_COLUMNS] if rows > 1 else None
        tokens = torch.zeros(rows, 1, dtype=torch.int64, device=weight.device)
        return tokens, tokens.clone(), Columns(keys, values, mask)


def _logits(
    model: MiniCPMV,
    tokens: Tensor,
    positions: Tensor,
    keys: Sequence[Tensor],
    values: Sequence[Tensor],
    mask: Tensor | None,
) -> Tensor:
    embeddings, cache = model.llm.model.embed_tokens(tokens), Columns(keys, values, mask)
    hidden = model.llm(embeddings, positions, torch.ones_like(tokens), cache)
    return model.logits(hidden[:, 0]).float()
